"""Long polling, for networks that block sockets: the same frames, one request at a time (docs/chat-protocol.md).

An ASGI application: a poll waits without holding a thread.
"""

import asyncio
import json
import re
import time
from typing import Any

from channels.db import database_sync_to_async

from helpdesk.queries.chats import site_for
from helpdesk.text import read_json
from helpdesk.widget import limits
from helpdesk.widget.consumers import MAX_FRAME, host_of, is_welcome, origin_of
from helpdesk.widget.frames import Frame
from helpdesk.widget.hub import hub
from helpdesk.widget.sessions import Closed, VisitorSession

PATH = re.compile(r"/chat/([\w-]+)/poll/")
MAX_WAIT, MAX_FRAMES, MAX_ANSWER = 25.0, 20, 400
#: What comes with an answer anyway is collected for so long.
TOGETHER_SECONDS = 0.05


async def poll(scope: Any, receive: Any, send: Any) -> None:
    """One poll."""
    status, answer = await _answer(scope, receive)
    body = json.dumps(answer, ensure_ascii=False).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if status == 429:
        headers.append((b"retry-after", b"5"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _answer(scope: Any, receive: Any) -> tuple[int, Frame]:
    match = PATH.fullmatch(scope["path"])
    if match is None or scope["method"] != "POST":
        return 405 if match else 404, {"code": "bad_request"}
    address = (scope.get("client") or ("",))[0]
    if not limits.polls.of(address).take(time.monotonic()):
        return 429, {"code": "slow_down"}
    site = await database_sync_to_async(site_for)(match[1])
    if site is None:
        return 404, {"code": "no_such_channel"}
    headers = scope["headers"]
    if not is_welcome(origin_of(headers), site, host_of(headers)):
        return 403, {"code": "bad_origin"}
    body = await _body(receive)
    if body is None:
        return 413, {"code": "too_large"}
    asked = _asked(body)
    if asked is None:
        return 400, {"code": "bad_request"}
    if not limits.doors.enter(address):
        return 429, {"code": "slow_down"}
    try:
        return await _Poll(address).run(site, receive, asked)
    finally:
        limits.doors.leave(address)


async def _body(receive: Any) -> bytes | None:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_FRAME:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def _asked(body: bytes) -> dict[str, Any] | None:
    try:
        asked = read_json(body)
    except ValueError:
        return None
    if not isinstance(asked, dict) or not isinstance(asked.get("hello"), dict):
        return None
    spoken, wait = asked.get("frames") or [], asked.get("wait", MAX_WAIT)
    if not isinstance(spoken, list) or len(spoken) > MAX_FRAMES or isinstance(wait, bool):
        return None
    if not isinstance(wait, int | float):
        return None
    return {"hello": asked["hello"], "frames": spoken, "wait": min(max(float(wait), 0.0), MAX_WAIT)}


class _Poll:
    """The session of one request."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.frames: list[Frame] = []
        self.news = asyncio.Event()
        self.is_beginning = True

    async def run(self, site: Any, receive: Any, asked: dict[str, Any]) -> tuple[int, Frame]:
        session = VisitorSession(site=site, hub=hub(), send=self.put, close=self.end, address=self.address)
        session.is_polled = True
        try:
            await session.hello(asked["hello"])
            self.is_beginning = False
            for frame in asked["frames"]:
                await session.take(frame)
            await session.answers.settled()
            await self._caught_up(session)
            await self._wait(receive, asked["wait"])
        except Closed as closed:
            status = {4403: 403, 4429: 429}.get(closed.code, 400)
            code = next((each["code"] for each in self.frames if each["type"] == "error"), "bad_request")
            return status, {"code": code}
        finally:
            await session.leave()
        return 200, {"frames": self.frames[:MAX_ANSWER]}

    async def put(self, frame: Frame) -> None:
        self.frames.append(frame)
        if not self.is_beginning:
            self.news.set()

    async def end(self, _code: int) -> None:
        self.news.set()

    async def _caught_up(self, session: VisitorSession) -> None:
        """What was there before the poll is no reason to answer late."""
        if session.watch is not None and session.watch.task is not None:
            await asyncio.wait([session.watch.task], timeout=5.0)

    async def _wait(self, receive: Any, seconds: float) -> None:
        if seconds and not self.news.is_set():
            gone = asyncio.ensure_future(receive())
            news = asyncio.ensure_future(self.news.wait())
            await asyncio.wait([gone, news], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            news.cancel()
        if seconds and self.news.is_set():
            await asyncio.sleep(TOGETHER_SECONDS)
