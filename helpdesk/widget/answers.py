"""Answers to what one connection has said, in its order, while the connection is heard on.

What somebody says before the first of it is stored shares the next transaction; and whoever asks for something else
meanwhile needn't wait behind their own words.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from helpdesk.chats import Outcome, Words

log = logging.getLogger(__name__)

#: So many words of a connection may wait to be stored; then it isn't heard until they are.
MOST_WAITING = 16


class Answers:
    """``answer`` gets words and the future of what becomes of them, one after the other."""

    def __init__(self, answer: Callable[[Words, asyncio.Future[Outcome]], Awaitable[None]]) -> None:
        self._answer = answer
        self._waiting: deque[tuple[Words, asyncio.Future[Outcome]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def expect(self, words: Words, outcome: asyncio.Future[Outcome]) -> None:
        """Answer when it is known what became of ``words``; waits only while there are too many."""
        self._waiting.append((words, outcome))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        if len(self._waiting) >= MOST_WAITING:
            await self.settled()

    async def settled(self) -> None:
        """Everything said so far is answered."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def stop(self) -> None:
        """Nobody hears answers any more; what was said is stored all the same."""
        while self._waiting:
            self._waiting.pop()[1].cancel()
        if self._task is not None:
            self._task.cancel()
            await self.settled()

    async def _work(self) -> None:
        try:
            while self._waiting:
                words, outcome = self._waiting.popleft()
                try:
                    await self._answer(words, outcome)
                except Exception:
                    log.exception("chat: a fault of the desk; words %s were not answered", words.client_id)
        finally:
            self._task = None
