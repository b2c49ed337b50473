"""Hints to live screens and loops: "look at the journal". Content never travels here (docs/adr/0006).

:func:`publish` and :func:`wake` may be called anywhere, also inside a transaction: they act after commit, and not
at all when it rolls back. A lost hint costs a reader its slow tick (a few seconds), never a message.
"""

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import connection, transaction

from mail_gateway.crash_points import crash_point

log = logging.getLogger(__name__)

#: The loops that can be woken, and the name of the PostgreSQL notification that wakes those of other processes.
INTAKE, SLOW_INTAKE, OUTBOX, REHEARSALS = "intake", "intake-slow", "outbox", "rehearsals"
SOCIAL_INTAKE, SOCIAL_POLLS = "intake-social", "social-polls"
NOTIFICATION = "luotsi_wake"
#: A Redis that doesn't answer for so long is as good as gone.
REDIS_SECONDS = 2.0
_bells: dict[str, threading.Event] = defaultdict(threading.Event)


class MemoryLayer(InMemoryChannelLayer):
    """The in-memory layer, without its sweep over every socket of the process at each message.

    That sweep took 90 % of a core at 2,000 sockets and 200 messages/s; once a minute is enough, since a socket that
    closes leaves its groups by itself. The layer belongs to one event loop, so :func:`publish` hands messages of other
    threads over to that loop.
    """

    SWEEP_SECONDS = 60.0

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.loop: asyncio.AbstractEventLoop | None = None
        self._swept_at = time.monotonic()

    def _clean_expired(self) -> None:  # called by the parent at each send and receive
        if time.monotonic() - self._swept_at > self.SWEEP_SECONDS:
            self._swept_at = time.monotonic()
            super()._clean_expired()  # type: ignore[misc]  # untyped in the stubs

    async def new_channel(self, prefix: str = "specific.") -> str:
        self.loop = asyncio.get_running_loop()
        return str(await super().new_channel(prefix))

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        for channel in list(self.groups.get(group, ())):
            try:
                await self.send(channel, message)
            except ChannelFull:  # a slow reader must not silence the others; it catches up on its slow tick
                log.debug("socket %s missed a hint", channel)


def publish(*, groups: Iterable[str], cursor: int, ticket_id: int | None = None) -> None:
    """After commit, tell ``groups`` that the journal has reached ``cursor``, with a line about ``ticket_id``."""
    names = tuple(dict.fromkeys(groups))
    transaction.on_commit(lambda: _tell(names, {"type": "hint", "cursor": cursor, "ticket": ticket_id}))


def _tell(groups: tuple[str, ...], message: dict[str, Any]) -> None:
    crash_point("live.publishing")
    _send(groups, message)
    crash_point("live.published")


def _send(groups: tuple[str, ...], message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if isinstance(layer, MemoryLayer):
        loop = layer.loop
        if loop is None or loop.is_closed():
            return  # nobody listens in this process
        # call_soon_threadsafe also wakes the loop; without it a message from a worker thread arrived 3 s late.
        asyncio.run_coroutine_threadsafe(_send_all(layer, [(group, message) for group in groups]), loop)
        return
    _send_out(layer, [(group, message) for group in groups])


async def _send_all(layer: Any, letters: Sequence[tuple[str, dict[str, Any]]]) -> None:
    for group, message in letters:
        await layer.group_send(group, message)


def _send_out(layer: Any, letters: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """By Redis. Where a loop of this process listens it carries them, over the connection that it has; nobody waits."""
    loop = next((loop for loop in list(_loops) if loop.is_running()), None)
    if loop is not None:
        asyncio.run_coroutine_threadsafe(_try_to_send(layer, letters), loop)
    else:
        async_to_sync(_try_to_send)(layer, letters)


async def _try_to_send(layer: Any, letters: Sequence[tuple[str, dict[str, Any]]]) -> None:
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            await _send_all(layer, letters)
    except _redis_troubles() as error:
        log.warning("hints not sent, readers fall back to their slow tick: %s", str(error) or type(error).__name__)


@cache
def _redis_troubles() -> tuple[type[Exception], ...]:
    """What Redis being slow or gone looks like; redis-py's own errors are no OSErrors."""
    from redis.exceptions import RedisError  # noqa: PLC0415  # a desk of one process has no use for it

    return (OSError, RedisError)


def intake_bell(*, is_social: bool, is_slow: bool) -> str:
    """The loop that reads an inbound event of that kind."""
    if is_social:
        return SOCIAL_INTAKE
    return SLOW_INTAKE if is_slow else INTAKE


Marks = tuple[int, int, int]
"""How far a chat is: its last line, read by the visitor, read by an agent."""


@dataclass(frozen=True, slots=True)
class Bell:
    """A chat has something new. Who is as far as ``marks`` needn't look; None: look."""

    chat: int
    marks: Marks | None = None


def ring(conversation_id: int) -> None:
    """After commit, tell whoever watches a chat that it has new lines or marks: they look for themselves."""
    ring_all([Bell(conversation_id)])


def ring_all(bells: Sequence[Bell]) -> None:
    """`ring` for many chats, with one hop to the loop that carries it."""
    messages = [{"type": "bell", "chat": each.chat, "marks": each.marks} for each in bells]
    if messages:
        transaction.on_commit(lambda: _ring(messages))


def _ring(messages: Sequence[dict[str, Any]]) -> None:
    layer = get_channel_layer()
    if isinstance(layer, MemoryLayer):
        for loop, listener in list(_listeners):  # no queue that could be full lies between
            if not loop.is_closed():
                loop.call_soon_threadsafe(_hand_over, listener, messages)
        return
    _send_out(layer, [(chat_group(message["chat"]), message) for message in messages])


def _hand_over(listener: "Listener", messages: Sequence[dict[str, Any]]) -> None:
    for message in messages:
        listener(message)


async def whisper(conversation_id: int, message: dict[str, Any]) -> None:
    """Tell whoever watches a chat something that is not worth keeping, such as what is being typed. It may get lost."""
    message = {**message, "type": "whisper", "chat": conversation_id}
    layer: Any = get_channel_layer()
    if isinstance(layer, MemoryLayer):
        _ring([message])
        return
    await _try_to_send(layer, [(chat_group(conversation_id), message)])


def chat_group(conversation_id: int) -> str:
    """The group of those processes that somebody watches a chat through."""
    return f"chat.{conversation_id}"


Listener = Callable[[dict[str, Any]], object]
_listeners: set[tuple[asyncio.AbstractEventLoop, Listener]] = set()
#: Loops that hold a connection to Redis.
_loops: set[asyncio.AbstractEventLoop] = set()


class Doorbells:
    """The bells of the chats that this process watches, for ``listener``, in the running loop."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._layer: Any = get_channel_layer()
        self._ours = (asyncio.get_running_loop(), listener)
        self._channel = ""
        self._chats: set[int] = set()
        if not isinstance(self._layer, MemoryLayer):
            _loops.difference_update([loop for loop in _loops if loop.is_closed()])
            _loops.add(asyncio.get_running_loop())

    async def listen(self) -> None:
        """Hand over what rings, until cancelled."""
        if isinstance(self._layer, MemoryLayer):
            _listeners.add(self._ours)
            try:
                await asyncio.Event().wait()
            finally:
                _listeners.discard(self._ours)
        try:
            self._channel = await self._layer.new_channel("chats.")
            for number in list(self._chats):  # those of a former try, and those that came before the first
                await self._subscribe("group_add", number)
            while True:
                self._listener(await self._layer.receive(self._channel))
        except _redis_troubles() as error:
            raise ConnectionError(f"Redis: {error}") from error
        finally:
            self._channel = ""

    async def add(self, conversation_id: int) -> None:
        """Hear of this chat from now on."""
        self._chats.add(conversation_id)
        await self._subscribe("group_add", conversation_id)

    async def remove(self, conversation_id: int) -> None:
        """Hear of it no longer."""
        self._chats.discard(conversation_id)
        await self._subscribe("group_discard", conversation_id)

    async def _subscribe(self, verb: str, conversation_id: int) -> None:
        if not self._channel:
            return
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                await getattr(self._layer, verb)(chat_group(conversation_id), self._channel)
        except _redis_troubles() as error:  # the slow tick does it without bells
            log.warning("no bell for chat %s: %s", conversation_id, error)


def bell(name: str) -> threading.Event:
    """The event that a loop of this process waits on between its polls."""
    return _bells[name]


def wake(name: str) -> None:
    """After commit, wake loop ``name`` here and, on PostgreSQL, in every other process."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # transactional by itself: delivered at commit
            cursor.execute("SELECT pg_notify(%s, %s)", [NOTIFICATION, name])
    transaction.on_commit(_bells[name].set)
