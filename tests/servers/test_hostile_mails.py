"""A hundred good mails among mails that were made to stop a desk, through its real receiver."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pytest

from mail_gateway.errors import Permanent
from tests.servers.desk_process import Desk, desk, letter, until
from tests.servers.hostile_mails import KILLERS, killers

GOOD = 100
GOOD_SECONDS = 30.0
#: The desk and both of its readers together.
MEMORY_KIB = 512 * 1024


@dataclass
class Watch:
    """The most memory that a process and its children took together, as seen twenty times a second."""

    pid: int
    peak_kib: int = 0
    _end: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._end.wait(0.05):
            self.peak_kib = max(self.peak_kib, sum(_resident_kib(pid) for pid in (self.pid, *_children(self.pid))))

    def end(self) -> None:
        self._end.set()


def _resident_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    try:
        return [int(child) for task in tasks for child in task.read_text().split()]
    except OSError:  # a thread has ended
        return []


@dataclass
class Siege:
    """What was seen. `refused` are the killers that the receiver turned away, with its words."""

    desk: Desk
    refused: dict[str, str] = field(default_factory=dict)
    good_seconds: float = 0.0
    peak_kib: int = 0


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    """The desk after all mails are done."""
    with desk(tmp_path_factory.mktemp("siege")) as running:
        # Its reader gives up after seconds: what a mail that is too slow comes to is seen three times as well.
        running.program = ("-m", "tests.servers.impatient", "reader")
        running.start()
        assert running.process is not None
        watch, seen = Watch(running.process.pid), Siege(running)
        watching = threading.Thread(target=watch.run)
        watching.start()
        try:
            _send_all(seen)
            began = time.monotonic()
            until(lambda: running.count("message", "subject LIKE 'Enquiry %'") >= GOOD, deadline_s=300)
            seen.good_seconds = time.monotonic() - began
            until(lambda: not running.count("inboundevent", "state IN ('waiting', 'working')"), deadline_s=600)
        finally:
            watch.end()
            watching.join()
        seen.peak_kib = watch.peak_kib
        yield seen


def _send_all(siege: Siege) -> None:
    good = iter(range(GOOD))
    for name, raw in killers():
        for number in islice(good, 3):
            siege.desk.send(letter(number))
        try:
            siege.desk.send(raw)
        except Permanent as error:
            siege.refused[name] = str(error)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to measure memory")
class TestADeskUnderFire:
    def test_makes_a_ticket_of_every_good_mail(self, siege: Siege) -> None:
        assert siege.desk.count("message", "subject LIKE 'Enquiry %'") == GOOD

    def test_lets_none_of_them_wait_long(self, siege: Siege) -> None:
        assert siege.good_seconds < GOOD_SECONDS

    def test_has_a_fate_for_every_killer(self, siege: Siege) -> None:
        stopped = siege.desk.rows("SELECT reason, detail FROM helpdesk_inboundevent WHERE state = 'quarantined'")
        done = siege.desk.count("inboundevent", "state = 'done'")

        assert done + len(stopped) == GOOD + len(KILLERS) - len(siege.refused)
        assert all(reason and detail for reason, detail in stopped)
        assert siege.desk.count("message", "kind IN ('customer', 'machine')") == done

    def test_blames_no_fault_of_its_own(self, siege: Siege) -> None:
        assert siege.desk.rows("SELECT detail FROM helpdesk_inboundevent WHERE reason = 'bug'") == []
        assert "Traceback" not in siege.desk.output

    def test_refuses_only_with_a_reason(self, siege: Siege) -> None:
        assert all(" 5" in words for words in siege.refused.values())

    def test_needs_little_memory(self, siege: Siege) -> None:
        assert siege.peak_kib < MEMORY_KIB

    def test_leaves_nothing_unexplained(self, siege: Siege) -> None:
        assert siege.desk.manage("check_invariants", "--blobs").returncode == 0
