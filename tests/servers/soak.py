"""Kills a working desk at random moments, for as long as you like: `make soak SECONDS=600`.

Mails come in without a pause from senders that repeat what wasn't confirmed, and now and then what was. In the end
every mail is counted: in at the desk, out at the mail server. With --database it is several processes on PostgreSQL,
otherwise one on SQLite.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from mail_gateway.errors import GatewayError
from tests.databases import ROOT
from tests.servers.desk_process import Desk, letter, until
from tests.servers.grown_desk import GrownDesk, grow
from tests.servers.smtp_server import ScriptedServer, serve

#: What runs on PostgreSQL: two workers, and the receiver.
PROCESSES = ("run_worker", "run_worker", "fetch_mail")


@dataclass
class Part:
    """A process of the desk, which is started again after each kill."""

    command: list[str]
    desk: Desk
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.command], cwd=ROOT, env=self.desk.environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@dataclass
class Result:
    """Numbers of mails, by what became of them."""

    seed: int
    kills: int = 0
    confirmed: int = 0
    kept: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    quarantined: int = 0
    acknowledged: int = 0
    acknowledged_twice: list[str] = field(default_factory=list)
    in_doubt: int = 0
    ledger: str = ""

    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.acknowledged_twice) and self.ledger == "0 unexplained"


@dataclass
class Senders:
    """A mail server that hands over one mail after another."""

    desk: Desk
    dice: random.Random
    confirmed: list[int] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            while not self._hand_over(number):
                # The desk is dead; a real server would wait for minutes.
                self.stop.wait(0.05)
            self.confirmed.append(number)
            if self.dice.random() < 0.1:
                self._hand_over(self.dice.choice(self.confirmed))
            self.stop.wait(0.02)

    def _hand_over(self, number: int) -> bool:
        with suppress(GatewayError, OSError):
            self.desk.send(letter(number))
            return True
        return False


def soak(folder: Path, *, seconds: float, seed: int, database: str = "") -> Result:
    """Kill for so long, then let everything settle and count."""
    dice, result = random.Random(seed), Result(seed)
    with ExitStack() as stack:
        sink = stack.enter_context(serve())
        desk = _desk(folder, sink, database)
        parts = _parts(desk)
        senders = Senders(desk, random.Random(seed + 1))
        thread = threading.Thread(target=senders.run)
        for part in parts:
            part.start()
            stack.callback(part.kill)
        thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            _let_it_work(desk, senders, dice.uniform(0, 3.0))
            part = dice.choice(parts)
            part.kill()
            part.start()
            result.kills += 1
        senders.stop.set()
        until(lambda: not thread.is_alive(), deadline_s=300)
        until(lambda: _is_settled(desk), deadline_s=300)
        _count(desk, sink, senders, result)
    return result


def _let_it_work(desk: Desk, senders: Senders, seconds: float) -> None:
    """Wait until a mail was confirmed by those that live now, and then so many seconds."""
    before = len(senders.confirmed)
    until(lambda: len(senders.confirmed) > before)
    senders.stop.wait(seconds)


def _desk(folder: Path, sink: ScriptedServer, database: str) -> Desk:
    extra = {"LUOTSI_SMTP_URL": f"smtp+plain://127.0.0.1:{sink.port}", "LUOTSI_LOG_LEVEL": "WARNING"}
    extra |= {"LUOTSI_AUTOMATIC_MAIL_PER_HOUR": "1000000"}
    return grow(folder, database=database, **extra) if database else Desk(folder, extra)


def _parts(desk: Desk) -> list[Part]:
    if not isinstance(desk, GrownDesk):
        return [Part(["manage.py", "desk"], desk, desk.data / "desk.log")]
    return [
        Part(["-m", "tests.servers.impatient", "leases", name], desk, desk.data / f"{name}-{number}.log")
        for number, name in enumerate(PROCESSES)
    ]


def _is_settled(desk: Desk) -> bool:
    return not (
        desk.count("inboundevent", "state IN ('waiting', 'working')")
        + desk.count("delivery", "state IN ('queued', 'retry', 'sending')")
    )


def _count(desk: Desk, sink: ScriptedServer, senders: Senders, result: Result) -> None:
    kept = Counter(subject for (subject,) in desk.rows("SELECT subject FROM helpdesk_message WHERE kind = 'customer'"))
    told = Counter(address for mail in sink.taken for address in mail.recipients)
    wanted = {f"Enquiry {number}" for number in senders.confirmed}
    result.confirmed, result.kept, result.acknowledged = len(wanted), len(kept), len(told)
    result.quarantined = desk.count("inboundevent", "state = 'quarantined'")
    missing = sorted(wanted - kept.keys())
    result.lost = missing if len(missing) > result.quarantined else []
    result.doubled = [subject for subject, times in kept.items() if times > 1]
    result.acknowledged_twice = [address for address, times in told.items() if times > 1]
    result.in_doubt = desk.count("delivery", "state = 'unknown'")
    result.ledger = desk.manage("check_invariants", "--blobs").stdout.strip().splitlines()[-1]


def main() -> None:
    """Print what became of the mails; exit status 1 if one was lost or doubled."""
    parser = argparse.ArgumentParser(description="Kill a working desk at random moments, and count its mails.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--database", default="", help="an empty PostgreSQL database; without it SQLite")
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds:.0f} s", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        result = soak(Path(name), seconds=options.seconds, seed=options.seed, database=options.database)
    print(result)
    sys.exit(0 if result.is_good() else 1)


if __name__ == "__main__":
    main()
