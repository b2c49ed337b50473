"""The loop that keeps one folder connected: takes what is new, keeps house, waits, and comes back after trouble."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from threading import Event

from mail_gateway.errors import GatewayError, LoginRefused
from mail_gateway.housekeeping import Housekeeping, clear_away, compare, look
from mail_gateway.imap_folders import Cursor
from mail_gateway.mailbox import Fetched, ImapAccount, Mailbox
from mail_gateway.pulse import Pulse

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """The waits of a loop, in seconds.

    `poll_s`: between two looks at the mailbox, IDLE or not; it also ends each IDLE, long before the 29 minutes of
    RFC 2177 and the 9 that some routers allow. After an error the wait doubles from `first_wait_s` to
    `longest_wait_s`, less a random part, so that many mailboxes don't come back at once. `refused_wait_s`: after a
    refused login, long enough never to lock an account.
    """

    poll_s: float = 60.0
    first_wait_s: float = 2.0
    longest_wait_s: float = 300.0
    refused_wait_s: float = 1_800.0

    def wait_after(self, failures: int) -> float:
        """The wait after so many failures in a row."""
        longest = min(self.longest_wait_s, self.first_wait_s * 2.0 ** min(failures - 1, 30))
        return longest * secrets.SystemRandom().uniform(0.6, 1.0)


class State(StrEnum):
    """What a mailbox loop is doing."""

    CONNECTING = "connecting"
    POLLING = "polling"
    IDLE = "idle"
    WAITING = "waiting"
    REFUSED = "refused"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Status:
    """A report of the loop, fit for an admin's page.

    WAITING is the pause between two polls without IDLE, or after an error. `error` is empty when all is well, and
    stays until the next pass that succeeds. `last_contact_at` is the end of the last pass that succeeded.
    `is_idle_supported` is None until the server was asked.
    """

    state: State
    last_contact_at: datetime | None
    error: str
    cursor: Cursor | None
    is_idle_supported: bool | None


LoadCursor = Callable[[], Cursor | None]
SaveCursor = Callable[[Cursor], None]
Take = Callable[[Fetched], None]
Report = Callable[[Status], None]


class Follower:
    """Takes what is new in an open mailbox, and moves the cursor behind it."""

    def __init__(
        self,
        load_cursor: LoadCursor,
        take: Take,
        save_cursor: SaveCursor,
        stop: Event,
        max_bytes: int,
        housekeeping: Housekeeping | None = None,
    ) -> None:
        self.stop = stop
        self.cursor: Cursor | None = None
        self._load_cursor = load_cursor
        self._take = take
        self._save_cursor = save_cursor
        self._max_bytes = max_bytes
        self._housekeeping = housekeeping

    @property
    def changes_folder(self) -> bool:
        """Whether anything on the server is to be moved or deleted."""
        return self._housekeeping is not None and self._housekeeping.clears_into is not None

    def take_new(self, mailbox: Mailbox, *, progress: Callable[[], None] = lambda: None) -> int:
        """Take what is new and return how many mails it was; `progress` is called after each batch."""
        self.cursor = self._load_cursor()
        if self.cursor is None or self.cursor.uidvalidity != mailbox.uidvalidity:
            self._begin(mailbox)
        assert self.cursor is not None  # noqa: S101 - for the type checker
        count = 0
        for batch in mailbox.fetch(mailbox.uids_after(self.cursor.last_uid), max_bytes=self._max_bytes):
            count += self._take_batch(batch)
            progress()
            if self.stop.is_set():
                break
        return count

    def keep_house(self, mailbox: Mailbox) -> None:
        """Clear away what was taken, and compare the folder with the ledger when that is due."""
        books, cursor = self._housekeeping, self.cursor
        if books is None or cursor is None or self.stop.is_set():
            return
        clear_away(mailbox, books, cursor=cursor, stop=self.stop)
        if books.is_check_due() and mailbox.uidvalidity == cursor.uidvalidity and not self.stop.is_set():
            compare(mailbox, books, cursor=cursor, take=self._take, max_bytes=self._max_bytes)

    def _begin(self, mailbox: Mailbox) -> None:
        books, start = self._housekeeping, Cursor(mailbox.uidvalidity, 0)
        if books is None:
            self._move_to(start)
            return
        if books.leaves_before is not None:
            start = look(mailbox, since=books.leaves_before).start
        books.begin(start, uidnext=mailbox.next_uid())
        self.cursor = start

    def _take_batch(self, batch: list[Fetched]) -> int:
        taken: list[Fetched] = []
        try:
            for mail in batch:
                if self.stop.is_set():
                    break
                self._take(mail)
                taken.append(mail)
        finally:
            if taken:
                self._move_to(Cursor(taken[-1].uidvalidity, taken[-1].uid))
        return len(taken)

    def _move_to(self, cursor: Cursor) -> None:
        self._save_cursor(cursor)
        self.cursor = cursor


class Loop:
    """Keeps one mailbox connected, and says how it goes."""

    def __init__(self, account: ImapAccount, follower: Follower, report: Report, pace: Pace, pulse: Pulse) -> None:
        self._account = account
        self._follower = follower
        self._stop = follower.stop
        self._report = report
        self._pace = pace
        self._pulse = pulse
        self._failures = 0
        self._last_contact_at: datetime | None = None
        self._error = ""
        self._is_idle_supported: bool | None = None

    def run(self) -> None:
        while not self._stop.is_set():
            try:
                self._say(State.CONNECTING)
                with Mailbox(self._account, is_writable=self._follower.changes_folder, pulse=self._pulse) as mailbox:
                    self._is_idle_supported = mailbox.is_idle_supported
                    self._stay(mailbox)
            except LoginRefused as error:
                logger.warning("The login of %s was refused: %s", self._account.username, error)
                self._pause(State.REFUSED, error, self._pace.refused_wait_s)
            except GatewayError as error:
                logger.warning("The mailbox of %s is in trouble: %s", self._account.username, error)
                self._pause_after_failure(error)
            except Exception as error:
                logger.exception("The mailbox loop of %s failed", self._account.username)
                self._pause_after_failure(error)
        self._say(State.STOPPED)

    def _stay(self, mailbox: Mailbox) -> None:
        while not self._stop.is_set():
            self._say(State.POLLING)
            count = self._follower.take_new(mailbox, progress=self._note_progress)
            self._failures, self._error, self._last_contact_at = 0, "", datetime.now(UTC)
            self._follower.keep_house(mailbox)
            if not count:
                self._wait(mailbox)
            if not self._stop.is_set():
                mailbox.refresh()

    def _note_progress(self) -> None:
        self._last_contact_at = datetime.now(UTC)
        self._say(State.POLLING)

    def _wait(self, mailbox: Mailbox) -> None:
        if mailbox.is_idle_supported:
            self._say(State.IDLE)
            mailbox.wait_for_news(seconds=self._pace.poll_s, stop=self._stop)
        else:
            self._say(State.WAITING)
            self._pulse.wait(self._pace.poll_s, stop=self._stop)

    def _pause_after_failure(self, error: Exception) -> None:
        self._failures += 1
        self._pause(State.WAITING, error, self._pace.wait_after(self._failures))

    def _pause(self, state: State, error: Exception, seconds: float) -> None:
        self._error = str(error) or type(error).__name__
        self._say(state)
        self._pulse.wait(seconds, stop=self._stop)

    def _say(self, state: State) -> None:
        self._pulse.beat()
        self._report(Status(state, self._last_contact_at, self._error, self._follower.cursor, self._is_idle_supported))
