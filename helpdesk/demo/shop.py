"""The demo's web shop: a site of its own, on a port of its own, with the chat on it, as on anybody's site.

It is as strict as a careful shop would be: its policy lets in what docs/chat-widget.md says, and nothing else.
"""

import logging
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from django.conf import settings

from helpdesk.models import ChatSite

SLUG = "shop"
_FOLDER = Path(__file__).resolve().parent / "site"
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; script-src {desk}; frame-src {desk}; base-uri 'none'"
#: What is served: (file, content type, language).
_PAGES = {
    "/": ("front.html", "text/html; charset=utf-8"),
    "/basket/": ("basket.html", "text/html; charset=utf-8"),
    "/fi/": ("front_fi.html", "text/html; charset=utf-8"),
    "/shop.css": ("shop.css", "text/css; charset=utf-8"),
}

log = logging.getLogger(__name__)


def origins() -> list[str]:
    """The addresses at which a browser on this machine finds the shop."""
    host, _, port = settings.DEMO_SITE.rpartition(":")
    names = dict.fromkeys((host, "localhost")) if host == "127.0.0.1" else (host,)
    return [f"http://{name}:{port}" for name in names]


def address() -> str:
    """Where the shop is; '' when it isn't wanted, or the desk has no chat for it."""
    if not settings.DEMO_SITE or not ChatSite.objects.filter(channel__slug=SLUG).exists():
        return ""
    return f"{origins()[0]}/"


def serve(stop: threading.Event, *, line: str) -> None:
    """Serve the shop, with ``line`` on its pages, until ``stop``. Raises OSError when the address is taken."""
    host, _, port = settings.DEMO_SITE.rpartition(":")
    with make_server(host, int(port), _Shop(line), handler_class=_Quiet) as server:
        server.timeout = 0.5
        while not stop.is_set():
            server.handle_request()


class _Shop:
    """The pages, read once."""

    def __init__(self, line: str) -> None:
        files = {path: ((_FOLDER / name).read_text(encoding="utf-8"), kind) for path, (name, kind) in _PAGES.items()}
        self._pages = {path: (text.replace("{{ line }}", line).encode(), kind) for path, (text, kind) in files.items()}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        found = self._pages.get(environ["PATH_INFO"])
        if found is None:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"There is nothing here."]
        policy = _POLICY.format(desk=settings.SITE_URL)
        start_response("200 OK", [("Content-Type", found[1]), ("Content-Security-Policy", policy)])
        return [found[0]]


class _Quiet(WSGIRequestHandler):
    """Says nothing about each request."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is wsgiref's
        log.debug(format, *args)
