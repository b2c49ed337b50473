"""Named places where a test ends this process as a power cut would: SIGKILL, no code of ours runs any more.

In this package since its doors have such places too; who arms one lists the names (`helpdesk.crash_points`). Where
none is armed, a point costs one comparison.
"""

import os
import signal
import threading
from dataclasses import dataclass


@dataclass(slots=True)
class _Trap:
    """`visits` are those that are still survived, and the last one; `end` is the signal that it sends."""

    name: str = ""
    visits: int = 1
    end: signal.Signals = signal.SIGKILL


_trap = _Trap()


def arm(name: str, *, visit: int = 1, is_pause: bool = False) -> None:
    """End the process when it comes to the point `name` for the `visit`-th time; '' disarms.

    `is_pause`: it only stands still (SIGSTOP), until somebody lets it go on.
    """
    _trap.name, _trap.visits, _trap.end = name, visit, signal.SIGSTOP if is_pause else signal.SIGKILL


def crash_point(name: str) -> None:
    """A place where everything before may have happened, and nothing after it has."""
    if _trap.name == name:
        _visit()


def _visit() -> None:
    _trap.visits -= 1
    if _trap.visits == 0:
        os.write(2, f"crash point {_trap.name}\n".encode())  # past every buffer: the next line never runs
        # To this very thread: a signal to the process may reach another one first, and this one would go on meanwhile,
        # past the point, as far as into the next transaction.
        signal.pthread_kill(threading.get_ident(), _trap.end)
