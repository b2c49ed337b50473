"""Visitors and agents of chats, at the other end of the real consumers."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from asgiref.sync import async_to_sync
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.urls import path

from helpdesk.console.chat_consumer import AgentChatConsumer
from helpdesk.models import Agent, Channel, ChatSite, Team
from helpdesk.widget import limits, lookups
from helpdesk.widget.consumers import VisitorConsumer
from helpdesk.widget.hub import hub

Frame = dict[str, Any]
#: Longer than anything takes on a slow machine.
PATIENCE = 20.0
SHOP = "https://shop.example"
_visitors: Any = path("ws/chat/<slug:slug>/", VisitorConsumer.as_asgi())  # type: ignore[arg-type]  # as in helpdesk.asgi
sockets = URLRouter([_visitors])


def site(*, slug: str = "web", team: Team | None = None, **fields: Any) -> ChatSite:
    """A chat channel that https://shop.example may show."""
    channel = Channel.objects.create(slug=slug, name=slug.title(), kind=Channel.Kind.CHAT, team=team)
    return ChatSite.objects.create(channel=channel, **{"allowed_origins": [SHOP], **fields})


def scene(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a scene of sockets to its end; the database is this thread's."""

    # What this process remembers of former scenes: their rows had the same numbers.
    lookups._presences.clear()
    limits.doors.__init__()  # type: ignore[misc]  # everybody has left, also after a scene that failed
    for rates in (limits.openings, limits.uploads_from):
        rates._buckets.clear()

    async def whole() -> None:
        hub(has_threads=False)
        try:
            await asyncio.wait_for(play(), 3 * PATIENCE)
        finally:
            await hub().close()

    # Once a browser test has run in this process, Playwright's loop stands still in this thread. It is no hindrance:
    # the scene has a loop and a thread of its own, and only its questions to the database come back here.
    standing = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        async_to_sync(whole)()
    finally:
        asyncio._set_running_loop(standing)


class Client:
    """One socket. Frames are kept; `until` waits for one that has not been looked for."""

    def __init__(self, socket: WebsocketCommunicator) -> None:
        self.socket = socket
        self.frames: list[Frame] = []
        self.lines: dict[int, Frame] = {}
        self.code: int | None = None

    async def say(self, **frame: Any) -> None:
        await self.socket.send_to(text_data=json.dumps(frame))

    async def next(self) -> Frame:
        message = await self.socket.receive_output(timeout=PATIENCE)
        if message["type"] == "websocket.close":
            self.code = message.get("code")
            return {"type": "closed", "code": self.code}
        frame: Frame = json.loads(message["text"])
        for line in frame.get("lines", ()):
            self.lines[line["seq"]] = line
        self.frames.append(frame)
        return frame

    async def until(self, kind: str, **fields: Any) -> Frame:
        """The next frame of that kind with those values; everything before it is kept."""
        while True:
            frame = await self.next()
            if frame["type"] == kind and all(frame.get(name) == value for name, value in fields.items()):
                return frame
            if frame["type"] == "closed":
                raise AssertionError(f"closed with {frame['code']} while waiting for {kind}")

    async def until_closed(self) -> int:
        while True:
            frame = await self.next()
            if frame["type"] == "closed":
                return int(frame["code"])

    async def until_line(self, text: str) -> Frame:
        """The line that says ``text``."""
        while not (found := [line for line in self.lines.values() if line.get("text") == text]):
            await self.until("lines")
        return found[0]

    async def until_event(self, event: str) -> Frame:
        while not (found := [line for line in self.lines.values() if line.get("event") == event]):
            await self.until("lines")
        return found[-1]

    async def leave(self) -> None:
        await self.socket.disconnect()


class Visitor(Client):
    """A visitor's widget."""

    token = ""
    reference = ""
    welcome: Frame

    @classmethod
    async def come(cls, slug: str = "web", *, origin: str = SHOP, address: str = "192.0.2.7", **hello: Any) -> Visitor:
        """Connect and greet."""
        visitor = await cls.knock(slug, origin=origin, address=address)
        await visitor.greet(**hello)
        return visitor

    @classmethod
    async def knock(cls, slug: str = "web", *, origin: str = SHOP, address: str = "192.0.2.7") -> Visitor:
        """Connect only."""
        headers = [(b"origin", origin.encode()), (b"host", b"desk.example")] if origin else []
        socket = WebsocketCommunicator(sockets, f"/ws/chat/{slug}/", headers=headers)
        socket.scope["client"] = (address, 4711)
        is_open, _protocol = await socket.connect(timeout=PATIENCE)
        if not is_open:
            raise ConnectionRefusedError
        return cls(socket)

    async def greet(self, **hello: Any) -> Frame:
        await self.say(**{"type": "hello", "v": 1, "language": "en", **hello})
        self.welcome = await self.until("welcome")
        self.token = self.welcome["token"]
        if self.welcome["conversation"]:
            self.reference = self.welcome["conversation"]["reference"]
        return self.welcome

    async def send(self, text: str, *, client_id: str = "", **fields: Any) -> Frame:
        """Send a message and wait for its ack."""
        client_id = client_id or uuid.uuid4().hex
        await self.say(type="send", id=client_id, text=text, **fields)
        ack = await self.until("ack", id=client_id)
        self.reference = ack["conversation"]
        return ack

    async def refused(self, text: str = "Hello", *, client_id: str = "", **fields: Any) -> str:
        """Send a message and wait for its nack."""
        client_id = client_id or uuid.uuid4().hex
        await self.say(type="send", id=client_id, text=text, **fields)
        return str((await self.until("nack"))["code"])


class Console(Client):
    """An agent's chat socket."""

    @classmethod
    async def come(cls, agent: Agent) -> Console:
        socket = WebsocketCommunicator(AgentChatConsumer.as_asgi(), "/ws/chats/")
        socket.scope["user"] = agent  # type: ignore[typeddict-unknown-key]  # put there by the session middleware
        await socket.connect(timeout=PATIENCE)
        console = cls(socket)
        await console.until("welcome")
        return console

    async def watch(self, reference: str, since: int = 0) -> Frame:
        await self.say(type="watch", conversation=reference, since=since)
        return await self.until("watching", conversation=reference)

    async def send(self, reference: str, text: str, *, client_id: str = "") -> Frame:
        client_id = client_id or uuid.uuid4().hex
        await self.say(type="send", id=client_id, conversation=reference, text=text)
        return await self.until("ack", id=client_id)


async def gathered(*scenes: Awaitable[Any]) -> list[Any]:
    """All at once."""
    return list(await asyncio.gather(*scenes))
