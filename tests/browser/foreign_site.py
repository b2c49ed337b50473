"""A web site that is not the desk's: another origin, a strict policy, and a style sheet that means no good."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: What host pages do to elements that they don't know.
HOSTILE = (
    "* { box-sizing: content-box; float: left; letter-spacing: 3px } "
    "body { transform: translateX(0); filter: none; overflow: hidden } "
    "a, iframe, luotsi-chat, div { display: none !important; position: static !important; opacity: 0 !important; "
    "pointer-events: none !important; width: 1px !important; z-index: -1 !important }"
)
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src {desk}; frame-src {desk}; base-uri 'none'; "
    "require-trusted-types-for 'script'"
)
_PAGE = (
    '<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>Harbour Goods</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<link rel="stylesheet" href="/host.css"></head><body>'
    "<main><h1>Ropes and lamps</h1><p>For boats.</p></main>{line}</body></html>"
)


class ForeignSite:
    """Where it is, and what it shows; both are read at each request."""

    def __init__(self) -> None:
        self.address = ""
        self.desk = ""
        self.line = ""
        self.language = "en"

    def pages(self) -> dict[str, tuple[str, str]]:
        """Path: (content type, body)."""
        page = _PAGE.format(language=self.language, line=self.line)
        return {"/": ("text/html; charset=utf-8", page), "/host.css": ("text/css", HOSTILE)}

    def carry(self, *, desk: str, slug: str) -> None:
        """Put the chat's line into the pages."""
        self.desk = desk
        self.line = f'<script async src="{desk}/chat/{slug}/widget.js"></script>'


@contextmanager
def foreign_site() -> Iterator[ForeignSite]:
    """A site on a port of its own, as long as the block lasts."""
    site = ForeignSite()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = site.pages().get(self.path, ("text/plain", ""))
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Security-Policy", _POLICY.format(desk=site.desk))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_args: object) -> None:
            """Nothing: the tests' output is for failures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
