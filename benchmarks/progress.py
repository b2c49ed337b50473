"""Words on stderr, so that stdout stays for the figures; and the two numbers that stand for many."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Sequence

_STARTED = time.monotonic()


def say(line: str) -> None:
    """One line of progress, with the seconds since the start."""
    print(f"{time.monotonic() - _STARTED:7.1f} s  {line}", file=sys.stderr, flush=True)


def median(samples: Sequence[float]) -> float:
    return round(statistics.median(samples), 2)


def p95(samples: Sequence[float]) -> float:
    """The smallest sample that 95 of 100 do not exceed (nearest rank)."""
    return round(sorted(samples)[math.ceil(0.95 * len(samples)) - 1], 2)
