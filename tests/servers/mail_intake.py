"""What stands on the desk's side of a mailbox loop in tests."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mail_gateway.imap import (
    Cursor,
    Fetched,
    Housekeeping,
    ImapAccount,
    Pace,
    Pulse,
    State,
    Status,
    follow,
    poll_once,
)

WAIT_S = 15.0
QUICK = Pace(poll_s=60.0, first_wait_s=0.02, longest_wait_s=0.05, refused_wait_s=60.0)


@dataclass
class Intake:
    """Takes mails, keeps the cursor, and remembers all reports. `fails` maps a UID to what its take raises."""

    cursor: Cursor | None = None
    taken: list[Fetched] = field(default_factory=list)
    cursors: list[Cursor] = field(default_factory=list)
    reports: list[Status] = field(default_factory=list)
    fails: dict[int, Exception] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    stops_after: int | None = None
    housekeeping: Housekeeping | None = None
    pulse: Pulse = field(default_factory=Pulse)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def uids(self) -> list[int]:
        return [mail.uid for mail in self.taken]

    @property
    def states(self) -> list[State]:
        return [status.state for status in self.reports]

    @property
    def errors(self) -> list[str]:
        return [status.error for status in self.reports if status.error]

    def load_cursor(self) -> Cursor | None:
        return self.cursor

    def take(self, mail: Fetched) -> None:
        if mail.uid in self.fails:
            raise self.fails[mail.uid]
        with self._changed:
            self.taken.append(mail)
            if len(self.taken) == self.stops_after:
                self.stop.set()
            self._changed.notify_all()

    def save_cursor(self, cursor: Cursor) -> None:
        with self._changed:
            self.cursor = cursor
            self.cursors.append(cursor)
            self._changed.notify_all()

    def report(self, status: Status) -> None:
        with self._changed:
            self.reports.append(status)
            self._changed.notify_all()

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that only these callbacks can bring about."""
        with self._changed:
            assert self._changed.wait_for(is_so, WAIT_S), (self.states, self.errors)

    def wait_for_state(self, state: State, *, times: int = 1) -> Status:
        self.wait_until(lambda: self.states.count(state) >= times)
        return [status for status in self.reports if status.state is state][times - 1]

    def poll(self, account: ImapAccount, *, max_bytes: int = 25_000_000) -> int:
        return poll_once(
            account,
            load_cursor=self.load_cursor,
            take=self.take,
            save_cursor=self.save_cursor,
            stop=self.stop,
            max_bytes=max_bytes,
        )

    def run(self, account: ImapAccount, *, pace: Pace = QUICK) -> None:
        follow(
            account,
            load_cursor=self.load_cursor,
            take=self.take,
            save_cursor=self.save_cursor,
            report=self.report,
            stop=self.stop,
            pace=pace,
            housekeeping=self.housekeeping,
            pulse=self.pulse,
        )

    @contextmanager
    def following(self, account: ImapAccount, *, pace: Pace = QUICK) -> Iterator[None]:
        """Run the loop in a thread; it must end soon after the block."""
        thread = threading.Thread(target=self.run, args=(account,), kwargs={"pace": pace})
        thread.start()
        try:
            yield
        finally:
            self.stop.set()
            began_at = time.monotonic()
            thread.join(WAIT_S)
            assert not thread.is_alive()
            assert time.monotonic() - began_at < 5
