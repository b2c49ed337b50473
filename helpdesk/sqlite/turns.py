"""Whose turn it is to write: first come, first served, among the threads of this process.

SQLite lets one writer in at a time, and whoever finds the door closed sleeps and looks again, each time a little
longer. The one who has just left is back first, so a busy loop shuts the others out: an SMTP session spent four fifths
of its time looking, while the file was free half of the time.
"""

import threading
from collections import defaultdict, deque


class Turns:
    """A lock that is handed on in the order in which it was asked for."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_taken = False

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def take(self, *, timeout_s: float) -> bool:
        """Wait for the turn; False when it has not come within ``timeout_s``."""
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return True
            door = threading.Lock()
            door.acquire()
            self._waiting.append(door)
        if door.acquire(timeout=timeout_s):
            return True
        with self._guard:
            if door in self._waiting:
                self._waiting.remove(door)
                return False
        return True  # handed over in the very moment in which the waiting ended

    def pass_on(self) -> None:
        """End the turn: the one who has waited longest has it next."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False


_turns: dict[str, Turns] = defaultdict(Turns)


def turns_of(database: str) -> Turns:
    """The turns at the file ``database``, the same for every thread."""
    return _turns[database]
