"""Where HTTP and sockets enter (docs/adr/0005): pages go to WSGI in a few threads, sockets to Channels."""

import os
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.wsgi import get_wsgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")  # noqa: TID251  # which settings, not what they say

#: SQLite has one writer, and Python one lock: more threads make pages slower, not faster.
PAGE_THREADS = 2

# a2wsgi and Django type the same protocol differently. Rows can be imported only after this call.
# No limit on what waits to be sent: daphne takes everything at once, and a thread that waits for room in the queue of
# a visitor who has left would wait for ever.
_pages: Any = WSGIMiddleware(cast("Any", get_wsgi_application()), workers=PAGE_THREADS, send_queue_size=0)

from helpdesk.console.chat_consumer import AgentChatConsumer  # noqa: E402
from helpdesk.console.consumers import ConsoleConsumer  # noqa: E402
from helpdesk.console.socket_door import OwnPagesOnly  # noqa: E402
from helpdesk.widget.consumers import VisitorConsumer  # noqa: E402
from helpdesk.widget.polling import PATH as POLLS  # noqa: E402
from helpdesk.widget.polling import poll  # noqa: E402


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """Pages. Headers with an underscore are left out: WSGI can't tell them from those with a hyphen, so that anybody
    could forge what a proxy says in X-Forwarded-Proto. Long polls stay here: waiting must not hold a page's thread."""
    if POLLS.fullmatch(scope["path"]):
        await poll(scope, receive, send)
        return
    headers = [(name, value) for name, value in scope["headers"] if b"_" not in name]
    await _pages({**scope, "headers": headers}, receive, send)


def _socket(where: str, consumer: Any) -> Any:
    return path(where, cast("Any", consumer.as_asgi()))  # channels routes with Django's patterns


_agents = OwnPagesOnly(
    AuthMiddlewareStack(URLRouter([_socket("ws/", ConsoleConsumer), _socket("ws/chats/", AgentChatConsumer)]))
)
#: Visitors bring no cookie; which origins may is the channel's to say.
_visitors = URLRouter([_socket("ws/chat/<slug:slug>/", VisitorConsumer)])


async def sockets(scope: Any, receive: Any, send: Any) -> None:
    """Sockets, of visitors and of agents."""
    await (_visitors if scope["path"].startswith("/ws/chat/") else _agents)(scope, receive, send)


application = ProtocolTypeRouter({"http": pages, "websocket": sockets})
