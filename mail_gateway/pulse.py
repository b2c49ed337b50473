"""The pulse of a mailbox loop: how others see that it is stuck, cut its line, or ask it to look now."""

import time
from collections.abc import Callable
from threading import Event, Lock

_SLICE_S = 0.5


class Pulse:
    """Shared by one loop and whoever watches over it. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._due_at = time.monotonic()
        self._cut: Callable[[], None] | None = None
        self._news = Event()

    def beat(self, *, rest_s: float = 0.0) -> None:
        """Say "I live", from inside the loop; `rest_s`: I shall say nothing for so long, and that is meant."""
        with self._lock:
            self._due_at = time.monotonic() + rest_s

    def silence_s(self) -> float:
        """For how many seconds the loop has said nothing although it should have; 0.0 when it rests."""
        with self._lock:
            return max(0.0, time.monotonic() - self._due_at)

    def hold(self, cut: Callable[[], None] | None) -> None:
        """Remember how the loop's line can be cut; None: it has none."""
        with self._lock:
            self._cut = cut

    def cut(self) -> None:
        """End the loop's line, so that whatever waits for the server there fails."""
        with self._lock:
            cut = self._cut
        if cut is not None:
            cut()

    def nudge(self) -> None:
        """Ask the loop to end its wait and look at the folder."""
        self._news.set()

    def is_nudged(self) -> bool:
        """Whether somebody asked; asking again gives False."""
        was_set = self._news.is_set()
        self._news.clear()
        return was_set

    def wait(self, seconds: float, *, stop: Event) -> None:
        """Rest for so long, or until `stop` is set or somebody nudges."""
        self.beat(rest_s=seconds)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not self.is_nudged():
            if stop.wait(min(left, _SLICE_S)):
                return
