"""A server of JSON on a real socket, which answers as a test says and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def values(self) -> Any:
        return json.loads(self.body)

    def one(self, name: str) -> str:
        """A value of the query, '' if it isn't there."""
        return self.query.get(name, [""])[0]


@dataclass(frozen=True, slots=True)
class Says:
    """An answer that isn't 200, or has headers of its own."""

    status: int
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class FarServer:
    """`routes` by method and path: what is answered, or what makes it of the request. Anything else is 404."""

    url: str = ""
    routes: dict[str, Any] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def on(self, route: str, answer: Any | Callable[[Asked], Any]) -> None:
        self.routes[route] = answer

    def calls(self, route: str) -> list[Asked]:
        return [asked for asked in self.asked if f"{asked.method} {asked.path}" == route]


class _Session(BaseHTTPRequestHandler):
    def _serve(self) -> None:
        far = cast("_Server", self.server).far
        place = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, place.path, parse_qs(place.query, keep_blank_values=True), headers, body)
        far.asked.append(asked)
        answer = far.routes.get(f"{asked.method} {asked.path}", Says(404, {"error": "Record not found"}))
        answer = answer(asked) if callable(answer) else answer
        self._write(answer if isinstance(answer, Says) else Says(200, answer))

    def _write(self, answer: Says) -> None:
        content = answer.content if isinstance(answer.content, bytes) else json.dumps(answer.content).encode()
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(content)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _serve  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    far: FarServer


@contextmanager
def far_server() -> Iterator[FarServer]:
    """Runs until the block ends."""
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.far = FarServer(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.far
        finally:
            server.shutdown()
            thread.join()
