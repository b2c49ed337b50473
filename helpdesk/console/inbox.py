"""The lists: the rail's views, page by page."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from helpdesk.console.access import agent_of
from helpdesk.console.service_clocks import Clock, clock_of
from helpdesk.models import Agent, State
from helpdesk.queries import desk, service
from helpdesk.queries import inbox as lists
from helpdesk.queries.inbox import ACTIVE, DUE, EVERY, OVERDUE, SNOOZED, STATE_CHOICES, View


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The front door leads to the teams' queue."""
    return redirect("inbox", View.TEAMS.value)


@require_safe
def inbox(request: HttpRequest, view: str) -> HttpResponse:
    """A page of a view. As a whole page, or as the list alone for a request by script."""
    agent = agent_of(request)
    if view not in list(View):
        raise Http404
    context = list_context(request, agent, View(view))
    if is_fragment(request):
        return render(request, "console/inbox/list.html", context)
    return render(request, "console/inbox.html", context)


def list_context(request: HttpRequest, agent: Agent, view: View) -> dict[str, Any]:
    """For ``console/inbox/list.html``."""
    state = request.GET.get("state", ACTIVE)
    state = state if state in STATE_CHOICES else ACTIVE
    after = request.GET.get("after", "")
    is_promised = service.is_anything_promised()
    page = lists.page(agent=agent, view=view, state=state, after=after)
    here = reverse("inbox", args=[view.value])
    first = f"{here}?{urlencode({'state': state})}"
    return {
        "view": view.value,
        "heading": view.label,
        "tabs": [
            (label, f"{here}?{urlencode({'state': value})}", value == state)
            for value, label in _state_tabs(is_promised=is_promised)
        ],
        "rows": page.rows,
        "bars": row_bars(page.rows) if is_promised else {},
        "older": f"{first}&{urlencode({'after': page.older})}" if page.older else "",
        "after": after,
        "first": first,
        "reference": "",
        "query": "",
        "first_step": desk.first_step() if agent.is_admin and not page.rows else "",
        "view_query": "?" + urlencode({"view": view.value, "state": state}),
    }


def is_fragment(request: HttpRequest) -> bool:
    """Whether a script asks for a part of the page (htmx and our own modules say so)."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-History-Restore-Request") != "true"


def row_bars(rows: Sequence[lists.Row]) -> Mapping[int, Clock]:
    """The most pressing service clock of each row that has one."""
    now = timezone.now()
    bars = service.bars_of(tickets=[row.id for row in rows], now=now)
    return {number: clock_of(bar) for number, bar in bars.items()}


def _state_tabs(*, is_promised: bool) -> list[tuple[str, str]]:
    due = [(DUE, _("Due soonest")), (OVERDUE, _("Overdue"))] if is_promised else []
    return [
        (ACTIVE, _("Active")),
        (SNOOZED, _("Snoozed")),
        *due,
        *((each.value, str(each.label)) for each in State),
        (EVERY, _("All")),
    ]
