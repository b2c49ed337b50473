"""Keeps the loops of a process running, and says so.

Guarantee: a loop that dies is started again, after 1 s and then ever longer up to 30 s; its reason is logged once, not
at each try. Each process writes a heartbeat for each of its loops, which `/health/` reads.
"""

import gc
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import DatabaseError, connections
from django.utils import timezone

from helpdesk.models import Heartbeat

log = logging.getLogger(__name__)

BEAT_SECONDS = 10.0
#: A loop that hasn't been seen for so long isn't running.
LOST_AFTER = timedelta(seconds=35)
FORGET_AFTER = timedelta(hours=1)
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
#: A loop that ran for so long is well again: its next death is news.
HEALTHY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Loop:
    """Work without an end: ``run`` returns soon after the event is set."""

    name: str
    run: Callable[[threading.Event], object]


@dataclass(slots=True)
class _Life:
    """A loop and how it fares. ``running_since`` is a monotonic time, None between two runs."""

    loop: Loop
    thread: threading.Thread | None = None
    running_since: float | None = None
    restarts: int = 0
    error: str = ""

    @property
    def is_healthy(self) -> bool:
        """Never died, or has run long enough since."""
        if not self.error:
            return self.running_since is not None
        return self.running_since is not None and time.monotonic() - self.running_since > HEALTHY_SECONDS


def _calm_the_collector() -> None:
    """Spare the garbage collector what will never be garbage: all modules, and the short lives that a query is made of.

    Reading mail into tickets took a tenth less processor time; what is in cycles is collected a little later.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@dataclass(slots=True)
class Supervisor:
    """The loops of this process, a thread each. ``start`` once, ``stop`` once."""

    loops: Sequence[Loop]
    process: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    _lives: list[_Life] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _started_at: datetime = field(default_factory=timezone.now)
    _beat: threading.Thread | None = None

    def start(self) -> None:
        """Start every loop, and the heartbeat."""
        _calm_the_collector()
        for loop in self.loops:
            life = _Life(loop)
            # Daemons, so that a loop that hangs can't keep the process from ending.
            life.thread = threading.Thread(target=self._keep_running, args=(life,), name=loop.name, daemon=True)
            self._lives.append(life)
            life.thread.start()
        self._beat = threading.Thread(target=self._keep_beating, name="heartbeat", daemon=True)
        self._beat.start()

    def wait(self) -> None:
        """Block until :meth:`stop` is called from elsewhere, such as a signal handler."""
        self._stop.wait()

    def request_stop(self) -> None:
        """Ask all loops to end, without waiting; fit for a signal handler."""
        self._stop.set()

    def stop(self, *, grace_s: float = 5.0) -> list[str]:
        """End all loops and take the heartbeats away; the names of loops that didn't end within ``grace_s`` seconds."""
        self._stop.set()
        deadline = time.monotonic() + grace_s
        threads = [life.thread for life in self._lives] + [self._beat]
        for thread in threads:
            if thread is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        try:
            Heartbeat.objects.filter(process=self.process).delete()
        except DatabaseError as error:
            log.warning("heartbeats stay behind: %s", error)
        late = [life.loop.name for life in self._lives if life.thread and life.thread.is_alive()]
        if late:
            log.warning("still running after %s s, left to their leases: %s", grace_s, ", ".join(late))
        return late

    def _keep_running(self, life: _Life) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            life.running_since = time.monotonic()
            try:
                life.loop.run(self._stop)
                reason = "it ended by itself"
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                if life.is_healthy or reason != life.error:
                    log.exception("%s died and is started again", life.loop.name)
            finally:
                connections.close_all()
            if life.is_healthy:
                pause = FIRST_PAUSE_SECONDS
            life.running_since, life.error, life.restarts = None, reason, life.restarts + 1
            self._stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _keep_beating(self) -> None:
        self._write_beats()
        while not self._stop.wait(BEAT_SECONDS):
            self._write_beats()

    def _write_beats(self) -> None:
        now = timezone.now()
        beats = [
            Heartbeat(
                process=self.process,
                loop=life.loop.name,
                started_at=self._started_at,
                beat_at=now,
                restarts=life.restarts,
                error="" if life.is_healthy else life.error[:300],
            )
            for life in self._lives
        ]
        try:
            Heartbeat.objects.bulk_create(
                beats,
                update_conflicts=True,
                unique_fields=["process", "loop"],
                update_fields=["beat_at", "restarts", "error"],
            )
            Heartbeat.objects.filter(beat_at__lt=now - FORGET_AFTER).delete()
        except DatabaseError as error:
            log.warning("heartbeat not written: %s", error)
        finally:
            # Ten seconds are long: the connection is worth more to others (a pool), or costs its cache (SQLite).
            connections.close_all()
