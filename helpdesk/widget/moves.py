"""Who comes to this process's sockets and who leaves them: written down together, a moment's at a time.

When hundreds come back at once, each alone would wait for the database's one writer, and what is said behind it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from helpdesk import live
from helpdesk.actions import presence, visitors

#: So often at most.
MOVES_SECONDS = 0.5


class Moves:
    """``write`` calls a function where the database is written; ``here`` tells whose connections are open."""

    def __init__(self, *, write: Callable[..., Awaitable[Any]], here: Callable[[], Collection[int | None]]) -> None:
        self._write, self._here = write, here
        #: Visitors who came, and who went: when, and from which chat; agents who were heard of.
        self._came: dict[int, datetime] = {}
        self._went: dict[int, tuple[datetime, int]] = {}
        self._seen: set[int] = set()
        self._moved = asyncio.Event()

    def came(self, visitor_ids: Iterable[int]) -> None:
        """These visitors are connected; it is written down soon."""
        self._came |= dict.fromkeys(visitor_ids, timezone.now())
        self._moved.set()

    def went(self, visitor_id: int, conversation_id: int) -> None:
        """A connection of a visitor who looked at that chat (0: none) has ended; it counts unless another is open."""
        self._went[visitor_id] = (timezone.now(), conversation_id)
        self._moved.set()

    def saw(self, agent_id: int) -> None:
        """A console of the agent is connected; it is written down soon."""
        self._seen.add(agent_id)
        self._moved.set()

    async def keep(self) -> None:
        """Write down what is told, until cancelled. Raises DatabaseError, and has forgotten nothing then."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            came, self._came = self._came, {}
            went, self._went = self._went, {}
            seen, self._seen = self._seen, set()
            try:
                await self._note(came, went, seen)
            except DatabaseError:
                self._came, self._went, self._seen = came | self._came, went | self._went, seen | self._seen
                self._moved.set()
                raise
            await asyncio.sleep(MOVES_SECONDS)

    async def _note(
        self, came: Mapping[int, datetime], went: Mapping[int, tuple[datetime, int]], seen: Collection[int]
    ) -> None:
        now, here = timezone.now(), self._here()
        # An old connection often ends after the new one has begun; and polls come, but are not here.
        gone = {
            number: chat for number, (at, chat) in went.items() if number not in here and at >= came.get(number, at)
        }
        there = (came.keys() | (went.keys() & set(here))) - gone.keys()
        since = min((went[number][0] for number in gone), default=now)
        await self._write(presence.note_all_seen, agent_ids=seen, at=now)
        await self._write(visitors.note_moves, came=there, gone=list(gone), since=since, at=now)
        for chat in gone.values():
            if chat:
                await live.whisper(chat, {"what": "visitor"})
