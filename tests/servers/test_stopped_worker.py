"""A worker that stands still for longer than its leases, and goes on when another has done its work."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.databases import ROOT
from tests.servers.desk_process import Desk, letter, until
from tests.servers.grown_desk import empty_database, grow
from tests.servers.smtp_server import ScriptedServer, serve


@contextmanager
def process(desk: Desk, name: str, **extra: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command of the desk with leases of two seconds; stopped or not, it is gone afterwards."""
    log = desk.data / f"{name}{'-paused' if extra else ''}.log"
    with log.open("wb") as file:
        running = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.impatient", "leases", name],
            cwd=ROOT,
            env={**desk.environment, **extra},
            stdout=file,
            stderr=file,
        )
    try:
        yield running
    finally:
        running.kill()
        running.wait()


@pytest.fixture
def sink() -> Iterator[ScriptedServer]:
    with serve() as server:
        yield server


@pytest.fixture
def stopped(tmp_path: Path, sink: ScriptedServer) -> Iterator[Desk]:
    # On SQLite another thread of the stopped process could hold the only write lock, and all would stand still.
    with empty_database() as database:
        yield grow(tmp_path, database=database, LUOTSI_SMTP_URL=f"smtp+plain://127.0.0.1:{sink.port}")


def is_standing_still(running: subprocess.Popen[bytes]) -> bool:
    return Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see a process stand still")
class TestAWorkerThatStandsStill:
    @pytest.mark.parametrize("point", ["intake.files-stored", "outbox.begun", "outbox.handed-over"])
    def test_doubles_nothing_when_it_goes_on(self, stopped: Desk, sink: ScriptedServer, point: str) -> None:
        with process(stopped, "fetch_mail"), process(stopped, "run_worker", LUOTSI_CRASH_AT=f"{point}:pause") as first:
            until(lambda: stopped.rows("SELECT 1 FROM helpdesk_heartbeat WHERE loop = 'smtp'"))
            until(lambda: stopped.rows("SELECT 1 FROM helpdesk_heartbeat WHERE loop = 'outbox'"))
            stopped.send(letter(1))
            until(lambda: is_standing_still(first))
            with process(stopped, "run_worker"):
                until(lambda: is_settled(stopped))
                stopped.send(letter(2))
                until(lambda: len(sink.taken) >= 1 and is_settled(stopped) and stopped.count("ticket") == 2)
                first.send_signal(signal.SIGCONT)
                stopped.send(letter(3))
                until(lambda: stopped.count("ticket") == 3 and is_settled(stopped))
                until(lambda: len(sink.taken) == 3)
                first.send_signal(signal.SIGTERM)  # it ends when it is through with what it had in hand
                assert first.wait(30) == 0

        told = sorted(mail.recipients[0] for mail in sink.taken)
        assert told == [f"customer{number}@customer.example" for number in (1, 2, 3)]
        assert stopped.count("ticket") == stopped.count("message", "kind = 'customer'") == 3
        assert stopped.count("message", "kind = 'automatic'") == 3
        assert stopped.count("inboundevent", "state = 'done'") == 3


def is_settled(desk: Desk) -> bool:
    return not desk.count("inboundevent", "state <> 'done'") and not desk.count(
        "delivery", "state IN ('queued', 'retry', 'sending')"
    )
