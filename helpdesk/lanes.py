"""Loops whose work comes in numbered lanes (channels): each that has something to do gets a thread of its own.

Guarantee: a far side that hangs keeps the work of its own lane waiting, and no other's.
"""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from django.db import close_old_connections, connections

from helpdesk import live

POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a loop does. ``find`` names the lanes with something to do, besides those that are busy.

    ``do`` does a part of it in one lane, until its event is set; it returns 0 when nothing is left. ``gather_s``: so
    long the loop waits for more after it was woken.
    """

    name: str
    bell: str
    find: Callable[[Collection[int]], Collection[int]]
    do: Callable[[int, threading.Event], int]
    gather_s: float = 0.0


def run_lanes(work: Work, stop: threading.Event) -> None:
    """Work until ``stop``: at once when woken, and each second as a safety net."""
    bell, lanes = live.bell(work.bell), dict[int, _Lane]()
    try:
        while not stop.is_set():
            bell.clear()
            busy = [number for number, lane in lanes.items() if lane.is_busy]
            for number in work.find(busy):
                if number not in lanes:
                    lanes[number] = _Lane(number, work)
                lanes[number].call()
            close_old_connections()  # on PostgreSQL back into the pool, and a broken one is replaced
            if bell.wait(POLL_SECONDS):
                stop.wait(work.gather_s)
            for lane in lanes.values():
                lane.raise_failure()
    finally:
        for lane in lanes.values():
            lane.stop.set()
            lane.call()
        for lane in lanes.values():
            lane.thread.join()


@dataclass(slots=True)
class _Lane:
    """One lane's thread. It is busy from a call until it finds nothing more to do."""

    number: int
    work: Work
    is_busy: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread = field(init=False)
    _called: threading.Event = field(default_factory=threading.Event)
    _failure: Exception | None = None

    def __post_init__(self) -> None:
        # A daemon, so that a server that hangs can't keep the process from ending.
        self.thread = threading.Thread(target=self._run, name=f"{self.work.name}-{self.number}", daemon=True)
        self.thread.start()

    def call(self) -> None:
        self.is_busy = True
        self._called.set()

    def raise_failure(self) -> None:
        """What ended the thread ends the loop: its supervisor logs it, and starts both again."""
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self.stop.is_set():
                self._called.wait()
                self._called.clear()
                while not self.stop.is_set() and self.work.do(self.number, self.stop):
                    pass
                close_old_connections()
                self.is_busy = False
                live.bell(self.work.bell).set()  # what became due in the last moment was left to this lane
        except Exception as error:  # noqa: BLE001  # the loop raises it anew, for its supervisor to log
            self._failure = error
            live.bell(self.work.bell).set()
        finally:
            connections.close_all()
