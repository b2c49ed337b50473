"""How much one visitor may do: token buckets for messages and frames, and how many connections come from where.

Counted in this process alone: with N processes behind a balancer the caps on connections are N times as high.
"""

from collections import Counter
from dataclasses import dataclass

from django.conf import settings

MESSAGES_A_SECOND, MESSAGES_AT_ONCE = 5.0, 10.0
FRAMES_A_SECOND, FRAMES_AT_ONCE = 20.0, 60.0
CONNECTIONS_OF_A_VISITOR = 8


@dataclass(slots=True)
class Bucket:
    """So many at once, and then so many a second. Times are monotonic seconds."""

    rate: float
    size: float
    level: float = -1.0
    filled_at: float = 0.0

    def take(self, now: float) -> bool:
        """Whether one more is all right now; it counts if so."""
        self._fill(now)
        if self.level < 1.0:
            return False
        self.level -= 1.0
        return True

    def wait(self, now: float) -> float:
        """Seconds until `take` says yes."""
        self._fill(now)
        return max(0.0, (1.0 - self.level) / self.rate)

    def _fill(self, now: float) -> None:
        if self.level < 0.0:
            self.level = self.size
        else:
            self.level = min(self.size, self.level + (now - self.filled_at) * self.rate)
        self.filled_at = now


class Doors:
    """Open connections by address and by visitor."""

    def __init__(self) -> None:
        self._addresses: Counter[str] = Counter()
        self._visitors: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Whether one more connection from ``address`` is all right; whoever entered leaves."""
        if self._addresses[address] >= settings.CHAT_CONNECTIONS:
            return False
        self._addresses[address] += 1
        return True

    def leave(self, address: str) -> None:
        """One connection from ``address`` has ended."""
        self._less(self._addresses, address)

    def seat(self, token_hash: str) -> bool:
        """Whether one more connection of this visitor is all right; whoever was seated stands up."""
        if self._visitors[token_hash] >= CONNECTIONS_OF_A_VISITOR:
            return False
        self._visitors[token_hash] += 1
        return True

    def stand(self, token_hash: str) -> None:
        """One connection of this visitor has ended."""
        self._less(self._visitors, token_hash)

    @staticmethod
    def _less(counter: Counter[str], name: str) -> None:
        counter[name] -= 1
        if counter[name] <= 0:
            del counter[name]


class Rates:
    """Message buckets by visitor, so that several tabs, or polls without a memory, share one."""

    MOST = 20_000

    def __init__(self, rate: float = MESSAGES_A_SECOND, size: float = MESSAGES_AT_ONCE) -> None:
        self._rate, self._size = rate, size
        self._buckets: dict[str, Bucket] = {}

    def of(self, name: str) -> Bucket:
        """The bucket called ``name``; those that were not used for longest are forgotten first."""
        bucket = self._buckets.pop(name, None) or Bucket(rate=self._rate, size=self._size)
        self._buckets[name] = bucket
        if len(self._buckets) > self.MOST:
            del self._buckets[next(iter(self._buckets))]
        return bucket


doors = Doors()
messages = Rates()
polls = Rates(FRAMES_A_SECOND, FRAMES_AT_ONCE)
uploads = Rates(rate=20 / 600, size=20)
# A token costs nothing, so what stays counts by address too: first messages, each of which is a ticket, and files.
openings = Rates(rate=settings.CHAT_CONNECTIONS / 300, size=settings.CHAT_CONNECTIONS)
uploads_from = Rates(rate=100 / 600, size=100)
