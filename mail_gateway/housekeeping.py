"""What a mailbox loop does besides taking mail: clear away what was imported, and compare the folder with the ledger.

Both come after the mails were taken, in the loop's own thread and on its own line, so that no cursor moves meanwhile.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Protocol

from mail_gateway.errors import Permanent, Temporary
from mail_gateway.imap_folders import Cursor
from mail_gateway.mailbox import Fetched, Mailbox

_BATCH_MAILS = 50
_BATCH_TIMES = 500


@dataclass(frozen=True)
class Check:
    """What a reconciliation found: of `server_count` mails, `unexplained` should have been taken and can't be had.

    `recovered` were missing, and were taken now.
    """

    uidvalidity: int
    server_count: int
    unexplained: tuple[int, ...]
    recovered: tuple[int, ...]


@dataclass(frozen=True)
class Preview:
    """What following a folder would bring in: `newer` of `total` mails came at the chosen time or later.

    Following from `start` leaves the first `left` of them alone, and takes what older ones lie between the newer.
    """

    total: int
    newer: int
    left: int
    uidvalidity: int
    uidnext: int
    start: Cursor


def uids_since(mailbox: Mailbox, since: datetime) -> list[int]:
    """The UIDs of the mails that the server received at `since` (aware) or later, ascending.

    SEARCH knows days only, in a time zone of the server's own: the mails of the days around are asked for their time.
    """
    day = since.astimezone(UTC).date()
    perhaps = mailbox.uids_from(day - timedelta(days=1))
    newer = set(mailbox.uids_from(day + timedelta(days=2)))
    around = [uid for uid in perhaps if uid not in newer]
    for start in range(0, len(around), _BATCH_TIMES):
        batch = around[start : start + _BATCH_TIMES]
        times = mailbox.times(batch)
        newer |= {uid for uid in batch if times.get(uid, since) >= since}
    return sorted(newer)


def look(mailbox: Mailbox, *, since: datetime | None) -> Preview:
    """Count, and take nothing. `since` (aware) None: every mail counts as newer."""
    newer = mailbox.uids_after(0) if since is None else uids_since(mailbox, since)
    uidnext = mailbox.next_uid()
    start = Cursor(mailbox.uidvalidity, (newer[0] if newer else uidnext) - 1)
    left = mailbox.total - len(mailbox.uids_after(start.last_uid)) if newer else mailbox.total
    return Preview(mailbox.total, len(newer), left, mailbox.uidvalidity, uidnext, start)


class Housekeeping(Protocol):
    """Who keeps the books of a folder. UIDs are of the UIDVALIDITY that `begin` or the cursor named."""

    @property
    def leaves_before(self) -> datetime | None:
        """When a folder is read for the first time, the mails before its first one of this time on are left alone."""

    @property
    def clears_into(self) -> str | None:
        """The folder that taken mails are moved to; '' deletes them, None leaves them where they are."""

    def begin(self, start: Cursor, *, uidnext: int) -> None:
        """The folder is read for the first time, or has a new UIDVALIDITY: the cursor is `start` now."""

    def cleared_uid(self) -> int:
        """Up to here nothing is left to clear."""

    def may_clear(self, uidvalidity: int, uids: Sequence[int]) -> Sequence[int]:
        """Those of `uids` whose whole content is stored for good."""

    def cleared(self, uid: int, *, is_flagged_only: bool | None) -> None:
        """Everything up to `uid` is done. `is_flagged_only`: marked as deleted, still there; None: nothing to do."""

    def not_cleared(self, why: str) -> None:
        """The server refuses; it is asked again at the next pass."""

    def is_check_due(self) -> bool:
        """Whether the folder should be compared with the ledger now."""

    def unaccounted(self, cursor: Cursor, uids: Sequence[int]) -> Sequence[int]:
        """Those of `uids` up to the cursor that nobody accounts for."""

    def checked(self, check: Check) -> None:
        """The folder was compared."""


def clear_away(mailbox: Mailbox, books: Housekeeping, *, cursor: Cursor, stop: Event) -> None:
    """Move or delete what was taken. Repeating it after a crash at any point changes nothing that is done."""
    folder, done = books.clears_into, books.cleared_uid()
    if folder is None or done >= cursor.last_uid:
        return
    # Where marking is the most that can be done, what is marked is done. Elsewhere a crash may have left marked mails.
    listed = mailbox.uids_after(done, is_undeleted=not mailbox.has("UIDPLUS"))
    uids = [uid for uid in listed if uid <= cursor.last_uid]
    try:
        for start in range(0, len(uids), _BATCH_MAILS):
            if stop.is_set():
                return
            batch = uids[start : start + _BATCH_MAILS]
            wanted = books.may_clear(mailbox.uidvalidity, batch)
            is_flagged_only = not _clear(mailbox, wanted, folder=folder) if wanted else None
            books.cleared(batch[-1], is_flagged_only=is_flagged_only)
        books.cleared(cursor.last_uid, is_flagged_only=None)
    except Permanent as error:
        books.not_cleared(str(error))
    if uids:
        mailbox.refresh()


def _clear(mailbox: Mailbox, uids: Sequence[int], *, folder: str) -> bool:
    """Whether the mails are gone from the folder. Raises Permanent when the server refuses."""
    can_move, can_expunge = mailbox.has("MOVE"), mailbox.has("UIDPLUS")
    if folder:
        _put_into(mailbox, uids, folder=folder, can_move=can_move)
        if can_move:
            return True
    with mailbox.changing("mails could not be marked as deleted") as client:
        client.add_flags(list(uids), [b"\\Deleted"], silent=True)
    if not can_expunge:
        return False  # EXPUNGE alone would remove what other people have marked as well
    with mailbox.changing("mails could not be removed") as client:
        client.uid_expunge(list(uids))
    return True


def _put_into(mailbox: Mailbox, uids: Sequence[int], *, folder: str, can_move: bool) -> None:
    """MOVE (RFC 6851) or COPY; the folder is made if the server says that this would help (RFC 3501 6.4.7)."""
    what = f"mails could not be put into {folder}"
    for is_last in (False, True):
        try:
            with mailbox.changing(what) as client:
                (client.move if can_move else client.copy)(list(uids), folder)
            return
        except Permanent as error:
            if is_last or "TRYCREATE" not in str(error).upper():
                raise
        with mailbox.changing(what) as client:
            client.create_folder(folder)


def compare(
    mailbox: Mailbox, books: Housekeeping, *, cursor: Cursor, take: Callable[[Fetched], None], max_bytes: int
) -> None:
    """Compare the folder with the ledger, and take what is missing. Raises what `take` raises."""
    uids = mailbox.uids_after(0)
    missing = books.unaccounted(cursor, uids)
    recovered: list[int] = []
    unexplained: list[int] = []
    for uid in missing:
        found: list[Fetched] = []
        with suppress(Temporary):
            found = [mail for batch in mailbox.fetch([uid], max_bytes=max_bytes) for mail in batch]
        for mail in found:
            take(mail)
            recovered.append(uid)
        if not found and mailbox.is_listed(uid):  # raises when the line has failed
            unexplained.append(uid)
    gone = len(missing) - len(recovered) - len(unexplained)
    books.checked(Check(mailbox.uidvalidity, len(uids) - gone, tuple(unexplained), tuple(recovered)))
