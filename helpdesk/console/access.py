"""Who may open a page. Which tickets they then see is decided in the fetch: `queries.tickets.visible_to`."""

import enum
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from helpdesk.models import Agent, Role

View = Callable[..., HttpResponseBase]


class May(enum.Enum):
    """The lowest role that may open a route."""

    ANYONE = frozenset({None, *Role})
    AGENT = frozenset(Role)
    LEAD = frozenset({Role.LEAD, Role.ADMIN})
    ADMIN = frozenset({Role.ADMIN})


def require(may: May, view: View) -> View:
    """``view`` for those who may; visitors go to the login (401 for a part of a page), a lower role gets a 403."""
    if may is May.ANYONE:
        return view

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        agent = request.user
        if not isinstance(agent, Agent) or not agent.is_active:
            if request.headers.get("HX-Request") == "true":
                return HttpResponse(status=401)  # the login page is no part of another page
            return redirect_to_login(request.get_full_path())
        if agent.role not in may.value:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def agent_of(request: HttpRequest) -> Agent:
    """The agent behind a request of a guarded route. Raises PermissionDenied for anybody else."""
    if not isinstance(request.user, Agent):
        raise PermissionDenied
    return request.user
