"""The real desk as a process of its own, which a test can kill at any moment."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.client import HTTPConnection  # noqa: TID251  # the test is the browser here
from pathlib import Path
from typing import Any, TypeVar

from mail_gateway.smtp import Connection, SmtpAccount
from tests.databases import MIGRATED as _DATABASE
from tests.databases import ROOT, copy_migrated

DEADLINE_S = 120.0
_Answer = TypeVar("_Answer")


def free_port() -> int:
    """A port that nobody uses now."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def until(what: Callable[[], _Answer], *, deadline_s: float = DEADLINE_S) -> _Answer:
    """Ask until the answer is true, and return it. Raises TimeoutError."""
    end = time.monotonic() + deadline_s
    while not (answer := what()):
        if time.monotonic() > end:
            raise TimeoutError(f"not true within {deadline_s} s")
        threading.Event().wait(0.005)
    return answer


def letter(number: int) -> bytes:
    """A customer's mail; each number has another sender, so that each gets its acknowledgement."""
    mail = EmailMessage()
    mail["From"] = f"Customer {number} <customer{number}@customer.example>"
    mail["To"] = "support@luotsi.example"
    mail["Subject"] = f"Enquiry {number}"
    mail["Message-ID"] = f"<enquiry-{number}@customer.example>"
    mail.set_content(f"This is enquiry {number}.\n")
    return mail.as_bytes()


@dataclass
class Desk:
    """`manage.py desk` on a folder of its own. `output` is what it said in its last life."""

    data: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    #: False: it starts in an empty folder, as on a new machine.
    has_database: bool = True
    http: int = field(default_factory=free_port)
    smtp: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    program: tuple[str, ...] = ("manage.py",)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "LUOTSI_DATA": str(self.data),
            "LUOTSI_HTTP": f"127.0.0.1:{self.http}",
            "LUOTSI_SMTP": f"127.0.0.1:{self.smtp}",
            "LUOTSI_MAIL_ADDRESS": "support@luotsi.example",
            **self.extra,
        }

    def furnish(self) -> None:
        """Give it an empty database, if it has none."""
        if "DATABASE_URL" not in self.extra and not (self.data / _DATABASE).exists():
            copy_migrated(self.data / _DATABASE)

    def launch(self) -> None:
        """Start it, and don't wait."""
        if self.has_database:
            self.furnish()
        with (self.data / "desk.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "desk"], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )

    def start(self, *, has_to_be_well: bool = True) -> None:
        """Start it and wait until it says that all is well, or that something isn't."""
        self.launch()
        assert self.process is not None
        until(lambda: self._is_up_or_dead({200} if has_to_be_well else {200, 503}))
        assert self.process.poll() is None, self.output

    def _is_up_or_dead(self, statuses: set[int]) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            return True
        with suppress(OSError):
            return self.health()[0] in statuses
        return False

    @property
    def output(self) -> str:
        return (self.data / "desk.log").read_text()

    def run_to_its_end(self) -> tuple[int, str]:
        """For a desk that isn't expected to live: its exit status and what it said."""
        done = self.manage("desk")
        return done.returncode, done.stdout + done.stderr

    def manage(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` with this desk's data, to its end."""
        return subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def kill(self) -> None:
        """kill -9: no code of ours runs any more."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> tuple[int, float]:
        """End it in order; exit status and seconds."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S), time.monotonic() - began

    def health(self) -> tuple[int, dict[str, Any]]:
        with closing(HTTPConnection("127.0.0.1", self.http, timeout=10)) as browser:
            browser.request("GET", "/health/")
            response = browser.getresponse()
            return response.status, json.loads(response.read())

    def send(self, *mails: bytes) -> None:
        """Hand mails over as a mail server does; returns when each was confirmed with 250."""
        with Connection(SmtpAccount("127.0.0.1", self.smtp, "none")) as client:
            for mail in mails:
                client.send(mail_from="mta@customer.example", recipients=["support@luotsi.example"], raw=mail)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database says, read from outside."""
        with closing(sqlite3.connect(f"file:{self.data}/{_DATABASE}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(query).fetchall()

    def write(self, statement: str) -> None:
        """Change a row from outside."""
        with closing(sqlite3.connect(self.data / _DATABASE, timeout=10)) as database, database:
            database.execute(statement)

    def count(self, table: str, where: str = "1 = 1") -> int:
        return int(self.rows(f"SELECT count(*) FROM helpdesk_{table} WHERE {where}")[0][0])

    def letters(self) -> list[Path]:
        """What has been sent into the folder."""
        return sorted((self.data / "outgoing").glob("*.eml"))


@contextmanager
def desk(data: Path, **extra: str) -> Iterator[Desk]:
    """A desk that is not started yet, and is gone afterwards."""
    running = Desk(data, extra)
    try:
        yield running
    finally:
        if running.process is not None and running.process.poll() is None:
            running.kill()
