"""A server that stands for the Graph API: it answers what a test has laid out for it, and keeps what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from helpdesk.connectors.meta_graph import FACEBOOK, INSTAGRAM
from tests.servers.raw_http import RawServer, serve

Answer = tuple[int, Any, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. ``sent`` is its JSON, or {} for one that has another body."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    sent: Any


@dataclass
class GraphApi:
    """Answers in the order in which they were laid out, or by (method, end of path) for as often as it is asked."""

    answers: list[Answer] = field(default_factory=list)
    always: dict[tuple[str, str], Answer] = field(default_factory=dict)
    raw: RawServer | None = None

    def say(self, value: Any = None, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """The next answer."""
        self.answers.append((status, {} if value is None else value, headers or {}))

    def refuse(self, code: int, subcode: int = 0, *, status: int = 400, **more: Any) -> None:
        """The next answer is an error as Meta writes it."""
        error = {"message": f"(#{code}) No", "type": "OAuthException", "code": code, "fbtrace_id": "A1", **more}
        self.say({"error": {**error, "error_subcode": subcode} if subcode else error}, status=status)

    def on(self, method: str, path: str, value: Any) -> None:
        """What is always answered to a method at a path, without the version."""
        self.always[method, path] = (200, value, {})

    @property
    def asked(self) -> list[Asked]:
        assert self.raw is not None
        return [_asked(raw) for raw in self.raw.requests]

    @property
    def url(self) -> str:
        assert self.raw is not None
        return f"http://127.0.0.1:{self.raw.port}"

    def answer(self, write: Callable[[bytes], None], _closing: threading.Event) -> None:
        """Called by the server for each request, once it is in ``asked``."""
        last = self.asked[-1]
        path = "/".join(last.path.split("/")[2:])
        fallback: Answer = (404, {"error": {"message": f"nothing is laid out for {path}", "code": 100}}, {})
        found = self.always.get((last.method, path)) or (self.answers.pop(0) if self.answers else fallback)
        status, value, headers = found
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        lines = [f"HTTP/1.1 {status} .", *(f"{name}: {text}" for name, text in headers.items())]
        write("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body)


@contextmanager
def graph_api(settings: Any) -> Iterator[GraphApi]:
    """Run it in the place of Meta's hosts."""
    api = GraphApi()
    with serve(api.answer) as api.raw:
        settings.HTTP_INNER_HOSTS = frozenset({"127.0.0.1"})
        settings.META_URLS = {FACEBOOK: api.url, INSTAGRAM: f"{api.url}/instagram"}
        yield api


def _asked(raw: bytes) -> Asked:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().splitlines()
    method, target, _version = first.split(" ")
    place = urlsplit(target)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    is_json = headers.get("content-type", "") == "application/json"
    return Asked(method, place.path, dict(parse_qsl(place.query)), headers, body, json.loads(body) if is_json else {})
