"""What a desk costs that has nothing to do: its start, and its memory with pages, sockets, mail and timers inside."""

from __future__ import annotations

import time

from benchmarks.desk import Desk
from benchmarks.place import Place
from benchmarks.progress import say

SETTLE_S = 15


def measure(place: Place) -> dict[str, float | int]:
    with Desk(place, has_demo=True) as desk:
        say(f"first start, with migrations and the demo: {desk.start_s} s")
    with Desk(place) as desk:
        say(f"start: {desk.start_s} s; letting it settle for {SETTLE_S} s")
        time.sleep(SETTLE_S)
        idle = desk.memory_mb()
        say(f"idle: {idle} MiB resident")
        return {"idle_mb": idle, "start_s": desk.start_s}
