"""The visitor's socket: carries frames between a browser and its session (docs/chat-protocol.md)."""

import asyncio
import contextlib
import logging
import time
from typing import Any
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from django.conf import settings

from helpdesk.models import ChatSite
from helpdesk.queries.chats import site_for
from helpdesk.text import read_json
from helpdesk.widget import limits
from helpdesk.widget.hub import hub
from helpdesk.widget.sessions import Closed, VisitorSession
from helpdesk.widget.sockets import ChatSocket

log = logging.getLogger(__name__)

HELLO_SECONDS, SILENT_SECONDS = 5.0, 70.0
MAX_FRAME = 64 * 1024


def origin_of(headers: Any) -> str:
    """The Origin of a handshake or request; '' for none, which no browser sends."""
    return next((value.decode("latin-1") for name, value in headers if name == b"origin"), "")


def is_welcome(origin: str, site: ChatSite, host: str) -> bool:
    """Whether a page of this origin may speak to the site: the desk's own pages, and the sites of the allow-list."""
    if not origin:
        return True
    own = {origin_in(settings.SITE_URL), f"http://{host}", f"https://{host}"}
    return origin in own or origin in {origin_in(each) for each in site.allowed_origins}


def origin_in(address: str) -> str:
    """Scheme, host and port of an address, as browsers write them."""
    parts = urlsplit(address.strip().lower())
    return f"{parts.scheme}://{parts.netloc}"


def host_of(headers: Any) -> str:
    """The Host that the client asked for."""
    return next((value.decode("latin-1") for name, value in headers if name == b"host"), "")


class VisitorConsumer(ChatSocket):
    """One socket of one visitor."""

    session: VisitorSession | None = None
    address = ""
    has_entered = False
    watchdog: asyncio.TimerHandle | None = None
    heard_at = 0.0

    async def connect(self) -> None:
        self.address = (self.scope.get("client") or ("",))[0]
        site = await database_sync_to_async(site_for)(self.scope["url_route"]["kwargs"]["slug"])
        headers = self.scope["headers"]
        if site is None or not is_welcome(origin_of(headers), site, host_of(headers)):
            await self.close()
            return
        await self.accept()
        if not limits.doors.enter(self.address):
            await self.close(4429)
            return
        self.has_entered = True
        self.session = VisitorSession(site=site, hub=hub(), send=self.put, close=self.close, address=self.address)
        self._watch(HELLO_SECONDS)

    async def disconnect(self, code: int) -> None:
        if self.watchdog is not None:
            self.watchdog.cancel()
        if self.has_entered:
            limits.doors.leave(self.address)
        if self.session is not None:
            session, self.session = self.session, None
            await session.leave()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One frame."""
        session = self.session
        if session is None:
            return
        self.heard_at = time.monotonic()
        try:
            frame = _parsed(text_data)
            if session.guest is not None:
                await session.take(frame)
            elif isinstance(frame, dict) and frame.get("type") == "hello":
                await session.hello(frame)
                self._watch(SILENT_SECONDS)
            else:
                raise Closed(4400)
        except Closed as closed:
            await self.close(closed.code)

    def _watch(self, seconds: float) -> None:
        """Close the connection when nothing comes for so long."""
        if self.watchdog is not None:
            self.watchdog.cancel()
        silent = time.monotonic() - self.heard_at if self.heard_at else 0.0
        loop = asyncio.get_running_loop()
        self.watchdog = loop.call_later(max(0.1, seconds - silent), self._look, seconds)

    def _look(self, seconds: float) -> None:
        if self.heard_at and time.monotonic() - self.heard_at < seconds:
            self._watch(seconds)
            return
        asyncio.get_running_loop().create_task(self._close_silent())  # nothing waits for it

    async def _close_silent(self) -> None:
        with contextlib.suppress(RuntimeError, OSError):  # it may just have ended by itself
            await self.close(4408)


def _parsed(text: str | None) -> Any:
    if text is None or len(text) > MAX_FRAME:
        raise Closed(4400)
    try:
        return read_json(text)
    except ValueError:
        return None
