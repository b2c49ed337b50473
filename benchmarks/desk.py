"""The measured desk as a process of its own, started and stopped as a person would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from pathlib import Path
from types import TracebackType

from benchmarks.place import ROOT, Place
from benchmarks.progress import say


class Desk:
    """`manage.py desk` between `with` and its end. `start_s`: from the start of the process to a good /health/."""

    def __init__(self, place: Place, *, has_demo: bool = False, patience_s: float = 120) -> None:
        self.place = place
        self.patience_s = patience_s
        self.start_s = 0.0
        self.peak_mb = 0.0
        self._command = [sys.executable, "manage.py", "desk", *(["--demo"] if has_demo else [])]
        self._log = place.folder / "desk.log"
        self._stopping = threading.Event()

    def __enter__(self) -> Desk:
        began = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=log, stderr=log)
        try:
            self._wait_until_healthy(until=began + self.patience_s)
        except BaseException:
            self._end()
            raise
        self.start_s = round(time.monotonic() - began, 2)
        self._watcher = threading.Thread(target=self._watch_memory, daemon=True)
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._watcher.join()
        self._end()
        if kind is not None:
            say("The desk's last words:\n" + self.last_words())

    def health(self) -> tuple[int, dict[str, object]]:
        """Status and body of /health/; (0, {}) while nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.place.url}/health/", timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.loads(refusal.read() or b"{}")
        except OSError:
            return 0, {}

    def memory_mb(self) -> float:
        """Resident memory of the process and all its children, MiB."""
        return round(sum(resident_kb(pid) for pid in family(self._process.pid)) / 1024, 1)

    def cpu_s(self) -> float:
        """Processor time of the process and all its children so far: what a busy machine changes least."""
        return sum(cpu_ticks(pid) for pid in family(self._process.pid)) / os.sysconf("SC_CLK_TCK")

    def last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:])

    def _wait_until_healthy(self, *, until: float) -> None:
        while self.health()[0] != 200:
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the desk did not start; its last words:\n{self.last_words()}")
            time.sleep(0.02)

    def _watch_memory(self) -> None:
        while not self._stopping.wait(0.25):
            self.peak_mb = max(self.peak_mb, self.memory_mb())

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def family(root: int) -> list[int]:
    """The process `root` and all its descendants that live now."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # After the name in parentheses, which may hold anything: state, then parent.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            children[int(fields[1])].append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children[pid]
    return found


def cpu_ticks(pid: int) -> int:
    """Processor time of one process, in clock ticks; 0 when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def resident_kb(pid: int) -> int:
    """Resident memory of one process, KiB; 0 when it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
