"""The chats that somebody watches through this process, visitors and agents alike.

What is said through this process is stored by the moment: the words of a moment share a transaction, and when it is
committed their lines go to all who watch here, without being read again. A bell says that something else has changed;
one look at the database serves all bells of a moment and all who watch. A bell may be lost: each chat is looked at
again every few seconds. One thread writes and one reads, so that neither waits for the other.
"""

import asyncio
import logging
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar

from channels.db import database_sync_to_async
from django.db import DatabaseError, connections

from helpdesk import live
from helpdesk.chats import News, NotStored, Outcome, Words, exchange
from helpdesk.live import Marks
from helpdesk.queries.chat_lines import PublicLine, lines_after
from helpdesk.queries.chats import replaced_among, sequences_of
from helpdesk.widget.moves import Moves

log = logging.getLogger(__name__)

#: A lost bell costs so much; gaps must be healed within 10 seconds.
TICK_SECONDS = 5.0
RENEW_SECONDS = 30.0
#: Where words come faster than one by one, each moment is at least so long: a transaction costs more than its words.
GATHER_SECONDS = 0.02
WORDS_AT_ONCE, CHATS_AT_ONCE, WATCHED_AT_ONCE, PEERS_AT_ONCE = 60, 120, 500, 50
#: Lines under way to a client that hasn't said that they came, and how long it may keep others waiting.
WINDOW_BYTES, SLOW_SECONDS = 256 * 1024, 30.0

P = ParamSpec("P")
R = TypeVar("R")


class Peer(Protocol):
    """Who watches: a connection of a visitor or of an agent."""

    @property
    def visitor_id(self) -> int | None:
        """None for agents, and for visitors who haven't written yet."""

    @property
    def token_hash(self) -> str:
        """Of the token that it came with; '' for agents."""

    async def show_lines(self, watch: "Watch", lines: Sequence[PublicLine], marks: Marks | None) -> int:
        """Send new lines, and with them how far it is read; the bytes that went out."""

    async def show_marks(self, watch: "Watch", marks: Marks, former: Marks) -> None:
        """Send how far it is read; ``former``: what was sent before."""

    async def whispered(self, watch: "Watch", message: Mapping[str, Any]) -> None:
        """Something that is not worth keeping."""

    async def tick(self) -> None:
        """A few seconds have passed."""

    async def too_slow(self) -> None:
        """It doesn't read what it gets."""

    async def replaced(self) -> None:
        """Its token opens nothing any more."""


@dataclass(eq=False, slots=True)
class Watch:
    """One peer's view of one chat: ``since`` is the last line that was sent, ``is_live`` that it has all others."""

    peer: Peer
    conversation_id: int
    since: int
    is_live: bool = False
    marks: Marks | None = None
    under_way: deque[tuple[int, int]] = field(default_factory=deque)
    room: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def has_room(self) -> bool:
        return sum(size for _last, size in self.under_way) < WINDOW_BYTES

    def lacks(self, marks: Sequence[int]) -> bool:
        """Whether somebody has got further than this peer knows."""
        return self.marks is None or any(known < told for known, told in zip(self.marks, marks, strict=True))

    def got(self, sequence: int) -> None:
        """The client has everything up to ``sequence``."""
        while self.under_way and self.under_way[0][0] <= sequence:
            self.under_way.popleft()
        self.room.set()

    async def show(self, lines: Sequence[PublicLine], marks: Marks | None) -> None:
        """Send what is newer; nothing that would leave a gap."""
        if marks is not None and self.marks is not None:
            # A look may be older than what was shown meanwhile, and nothing is unread again.
            marks = (max(marks[0], self.marks[0]), max(marks[1], self.marks[1]), max(marks[2], self.marks[2]))
        former, self.marks = self.marks, marks or self.marks
        fresh = [line for line in lines if line.sequence > self.since]
        if fresh and fresh[0].sequence == self.since + 1:
            self.since = fresh[-1].sequence
            size = await self.peer.show_lines(self, fresh, marks)
            self.under_way.append((self.since, size))
        elif marks is not None and former is not None and marks[1:] != former[1:]:
            await self.peer.show_marks(self, marks, former)


class Hub:
    """One for each event loop; see :func:`hub`. ``has_threads``: False where the database is the calling thread's."""

    def __init__(self, *, has_threads: bool = True) -> None:
        self.peers: set[Peer] = set()
        self._writer = ThreadPoolExecutor(1, "chat-writer") if has_threads else None
        self._reader = ThreadPoolExecutor(1, "chat-reader") if has_threads else None
        self._watches: dict[int, set[Watch]] = defaultdict(set)
        self._rung: set[int] = set()
        self._wake = asyncio.Event()
        self._words: deque[tuple[Words, asyncio.Future[Outcome]]] = deque()
        self._spoken = asyncio.Event()
        #: Chats that are written in until all who watch see it (0: whichever is open): by how many moments at once.
        self._busy: Counter[int] = Counter()
        #: Bells about them, which tell what is soon known; by Redis they come when they like.
        self._held: list[Mapping[str, Any]] = []
        self._stored: asyncio.Queue[tuple[Mapping[int, News], set[int]]] = asyncio.Queue()
        self.moves = Moves(
            write=partial(self._ask, self._writer), here=lambda: {peer.visitor_id for peer in self.peers}
        )
        self._bells = live.Doorbells(self.hear)
        work = (self._bells.listen, self._look, self._store, self._spread, self.moves.keep, self._tick)
        self._tasks = [self._run(each) for each in work]

    async def close(self) -> None:
        """Nobody is here any more."""
        # Again until they are done: redis-py (8.1) loses a cancellation that comes while it connects.
        pending = set(self._tasks)
        while pending:
            for task in pending:
                task.cancel()
            _done, pending = await asyncio.wait(pending, timeout=0.1)
        for thread in (self._writer, self._reader):
            if thread is not None:
                await asyncio.to_thread(thread.submit(connections.close_all).result)
                thread.shutdown()

    @staticmethod
    async def _ask(thread: ThreadPoolExecutor | None, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        asked = database_sync_to_async(function, thread_sensitive=thread is None, executor=thread)
        return await asked(*args, **kwargs)

    @staticmethod
    def _run(work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        async def keep_running() -> None:
            while True:
                try:
                    await work()
                except (DatabaseError, OSError) as error:
                    log.warning("chat hub: %s: %s", type(error).__name__, error)
                except Exception:
                    log.exception("chat hub: a fault of the desk")
                await asyncio.sleep(1.0)

        return asyncio.get_running_loop().create_task(keep_running())

    def say(self, words: Words) -> asyncio.Future[Outcome]:
        """Store what is said, in the order of the calls. The future raises DatabaseError: it may be said again."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._words.append((words, future))
        self._spoken.set()
        return future

    async def watch(self, peer: Peer, conversation_id: int, since: int) -> Watch:
        """From now on ``peer`` gets each line of the chat after ``since``."""
        watch = Watch(peer, conversation_id, since)
        if not self._watches[conversation_id]:
            await self._bells.add(conversation_id)
        self._watches[conversation_id].add(watch)
        watch.task = asyncio.create_task(self._catch_up(watch))
        return watch

    async def unwatch(self, watch: Watch) -> None:
        """``watch`` ends."""
        if watch.task is not None:
            watch.task.cancel()
        watches = self._watches.get(watch.conversation_id, set())
        watches.discard(watch)
        if not watches:
            self._watches.pop(watch.conversation_id, None)
            await self._bells.remove(watch.conversation_id)

    async def end_replaced(self, token_hashes: Collection[str]) -> None:
        """Whoever came with one of these tokens hears nothing from now on."""
        for peer in [each for each in self.peers if each.token_hash in token_hashes]:
            await peer.replaced()

    def hear(self, message: Mapping[str, Any]) -> None:
        """Something about a chat, from this process or another one."""
        number = message["chat"]
        if message["type"] == "bell":
            if self._busy[number] or self._busy[0]:
                self._held.append(message)
            else:
                self._answer(message)
            return
        for watch in list(self._watches.get(number, ())):
            asyncio.get_running_loop().create_task(watch.peer.whispered(watch, message))  # may get lost

    def _answer(self, bell: Mapping[str, Any]) -> None:
        """Look, unless all who watch are as far as the bell says."""
        number, marks = bell["chat"], bell.get("marks")
        if marks is None or any(watch.lacks(marks) for watch in self._watches.get(number, ())):
            self._ring(number)

    def _ring(self, conversation_id: int) -> None:
        if conversation_id in self._watches:
            self._rung.add(conversation_id)
            self._wake.set()

    async def _look(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._rung:
                rung = [self._rung.pop() for _ in range(min(len(self._rung), CHATS_AT_ONCE))]
                since = {number: min(ours) for number in rung if (ours := self._positions(number))}
                try:
                    found, marks = await self._ask(self._reader, _news, since)
                except DatabaseError:
                    self._rung |= set(since)
                    self._wake.set()
                    raise
                for number in since:
                    await self._show(number, found.get(number, ()), marks.get(number))

    def _positions(self, number: int) -> list[int]:
        return [watch.since for watch in self._watches.get(number, ()) if watch.is_live]

    async def _show(self, number: int, lines: Sequence[PublicLine], marks: Marks | None) -> None:
        for watch in list(self._watches.get(number, ())):
            if not watch.is_live:
                continue
            await watch.show(lines, marks)
            is_behind = marks is not None and watch.since < marks[0]
            if is_behind or not watch.has_room:
                watch.is_live = False
                watch.task = asyncio.create_task(self._catch_up(watch))

    async def _catch_up(self, watch: Watch) -> None:
        """Send what a watch lacks, as fast as its client takes it; then it is live."""
        while True:
            if not watch.has_room:
                watch.room.clear()
                try:
                    await asyncio.wait_for(watch.room.wait(), SLOW_SECONDS)
                except TimeoutError:
                    await watch.peer.too_slow()
                    return
                continue
            try:
                found, marks = await self._ask(self._reader, _news, {watch.conversation_id: watch.since})
            except DatabaseError as error:
                log.warning("chat hub: %s", error)
                await asyncio.sleep(1.0)
                continue
            lines = found.get(watch.conversation_id, ())
            await watch.show(lines, marks.get(watch.conversation_id))
            if watch.marks is None or watch.since >= watch.marks[0]:
                break
            if not lines:
                await asyncio.sleep(0.5)
        watch.is_live = True
        self._ring(watch.conversation_id)  # what came between the look and now

    async def _store(self) -> None:
        while True:
            await self._spoken.wait()
            self._spoken.clear()
            while self._words:
                part = [self._words.popleft() for _ in range(min(len(self._words), WORDS_AT_ONCE))]
                chats = {words.conversation_id for words, _future in part}
                self._busy += Counter(chats)
                news: Mapping[int, News] = {}
                try:
                    done = await self._ask(self._writer, exchange, words=[words for words, _future in part])
                    news = done.news
                    for (_words, future), outcome in zip(part, done.outcomes, strict=True):
                        if not future.done():
                            future.set_result(outcome)
                except Exception as error:
                    if not isinstance(error, DatabaseError):
                        log.exception("chat: a fault of the desk; nothing of it was stored")
                    for _words, future in part:
                        if not future.done():
                            future.set_exception(NotStored(str(error)))
                self._stored.put_nowait((news, chats))
                if self._words:
                    await asyncio.sleep(GATHER_SECONDS)

    async def _spread(self) -> None:
        """What was stored goes to all who watch, in the order of the commits."""
        while True:
            news, chats = await self._stored.get()
            try:
                for number, new in news.items():
                    await self._show(number, new.lines, new.marks)
            finally:
                self._busy -= Counter(chats)
            held, self._held = self._held, []
            for bell in held:
                if self._busy[bell["chat"]]:
                    self._held.append(bell)
                else:
                    self._answer(bell)

    async def _tick(self) -> None:
        renewed_at = time.monotonic()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            watched = [number for number in self._watches if self._positions(number)]
            for start in range(0, len(watched), WATCHED_AT_ONCE):
                part = watched[start : start + WATCHED_AT_ONCE]
                marks = await self._ask(self._reader, sequences_of, part)
                for number in part:
                    if any(marks.get(number) != watch.marks for watch in self._watches.get(number, ())):
                        self._ring(number)
            hashes = {peer.token_hash for peer in self.peers} - {""}
            await self.end_replaced(await self._ask(self._reader, replaced_among, hashes))  # through another process
            for number, peer in enumerate(list(self.peers)):
                if number % PEERS_AT_ONCE == 0:
                    await asyncio.sleep(0)  # thousands at a stretch would keep what is being said waiting
                await peer.tick()
            if time.monotonic() - renewed_at > RENEW_SECONDS:
                renewed_at = time.monotonic()
                self.moves.came(peer.visitor_id for peer in self.peers if peer.visitor_id)


def _news(since: Mapping[int, int]) -> tuple[dict[int, list[PublicLine]], dict[int, Marks]]:
    # Marks first: lines that come between the two looks are then seen as "more to fetch", never missed.
    marks = sequences_of(list(since))
    return lines_after({number: last for number, last in since.items() if marks.get(number, (0,))[0] > last}), marks


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub(*, has_threads: bool = True) -> Hub:
    """The hub of the running loop, which is there once in a process but for tests: there a loop's first asks for one
    without threads, since what a test has in its database only its own thread sees."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        for former in [each for each in _hubs if each.is_closed()]:
            del _hubs[former]
        _hubs[loop] = Hub(has_threads=has_threads)
    return _hubs[loop]
