"""The door of the agents' sockets: a browser sends the session's cookie along, whosever page opens the socket."""

from typing import Any

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from helpdesk.widget.consumers import host_of, origin_in, origin_of


class OwnPagesOnly:
    """Refuses a handshake that a page of another origin begins, or no page at all.

    The whole origin counts, as for forms: cookies know no ports, so that a site on another port of the desk's host, or
    its pages without TLS, would otherwise read and write chats in the agent's name.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        is_own = origin_of(scope["headers"]) in own_origins(host_of(scope["headers"]))
        return await (self.application if is_own else WebsocketDenier())(scope, receive, send)


def own_origins(host: str) -> frozenset[str]:
    """The origins of the desk's pages, for a request to ``host``: the public one, and that of an allowed host."""
    site = origin_in(settings.SITE_URL)
    name, _port = split_domain_port(host)
    if not name or not validate_host(name, settings.ALLOWED_HOSTS):
        return frozenset({site})
    return frozenset({site, f"{site.partition(':')[0]}://{host.lower()}"})
