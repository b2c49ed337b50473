"""The books of one IMAP folder: how far it is read, what may be cleared away, and whether all is accounted for.

Guarantee: only who holds the folder's lease writes here; a loop that lost it hears Temporary at its next step.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import close_old_connections
from django.db.models import QuerySet
from django.utils import timezone

from helpdesk.models import FolderState, Receipt
from mail_gateway.crash_points import crash_point
from mail_gateway.errors import Temporary
from mail_gateway.imap import Check, Cursor, Status

log = logging.getLogger(__name__)

CHECK_EVERY = timedelta(hours=1)
#: So many UIDs of a reconciliation are kept by name; the counts are always whole.
LISTED = 100
_LONGEST_NAME = 150


def receipt_prefix(*, folder: str, uidvalidity: int) -> str:
    """What the external ids of a folder's receipts begin with; the UID follows."""
    if len(folder) > _LONGEST_NAME:  # an external id has 250 letters
        folder = f"{folder[:120]}~{hashlib.sha256(folder.encode()).hexdigest()[:24]}"
    return f"imap:{folder}:{uidvalidity}:"


@dataclass(frozen=True, slots=True)
class Books:
    """A mail_gateway.imap.Housekeeping for one folder of a channel, and the keeper of its cursor."""

    state_id: int
    channel_id: int
    folder: str
    owner: str
    leaves_before: datetime | None = None
    clears_into: str | None = None

    def load_cursor(self) -> Cursor | None:
        """Where the last loop stopped; None: the folder was never read."""
        state = self._state()
        return None if state.uidvalidity is None else Cursor(state.uidvalidity, state.last_uid)

    def save_cursor(self, cursor: Cursor) -> None:
        """Move the cursor. Raises Temporary when the lease went to another process meanwhile."""
        self._write(uidvalidity=cursor.uidvalidity, last_uid=cursor.last_uid)
        crash_point("imap.cursor-moved")

    def begin(self, start: Cursor, *, uidnext: int) -> None:
        """Start at ``start``. What lies there under new numbers stays: it may have been kept there by choice before."""
        is_first = self._state().uidvalidity is None
        self._write(
            uidvalidity=start.uidvalidity,
            last_uid=start.last_uid,
            left_uid=start.last_uid,
            cleared_uid=start.last_uid if is_first else uidnext - 1,
        )

    def report(self, status: Status) -> None:
        """Show an admin how the loop fares."""
        self._held().update(phase=status.state, error=status.error, last_contact_at=status.last_contact_at)
        close_old_connections()

    def cleared_uid(self) -> int:
        """Up to here nothing is left to clear."""
        return self._state().cleared_uid

    def may_clear(self, uidvalidity: int, uids: Sequence[int]) -> Sequence[int]:
        """Those that have a receipt and are stored whole; the rest of a truncated mail is on its server only."""
        prefix = receipt_prefix(folder=self.folder, uidvalidity=uidvalidity)
        stored = Receipt.objects.filter(
            channel=self.channel_id, external_id__in=[f"{prefix}{uid}" for uid in uids], event__is_truncated=False
        )
        return sorted(int(name.removeprefix(prefix)) for name in stored.values_list("external_id", flat=True))

    def cleared(self, uid: int, *, is_flagged_only: bool | None) -> None:
        """Note that everything up to ``uid`` is cleared."""
        if is_flagged_only is None:
            self._write(cleared_uid=uid)
            return
        crash_point("imap.cleared")
        self._write(cleared_uid=uid, notice=FolderState.FLAGGED_ONLY if is_flagged_only else "")

    def not_cleared(self, why: str) -> None:
        """Tell an admin why imported mail stays where it is."""
        if self._state().notice != why:
            log.warning("folder %s: imported mail stays where it is: %s", self.state_id, why)
            self._write(notice=why)

    def is_check_due(self) -> bool:
        """Once an hour, and when somebody asked for it."""
        state = self._state()
        if state.check_requested_at is not None or state.checked_at is None:
            return True
        return timezone.now() - state.checked_at >= CHECK_EVERY

    def unaccounted(self, cursor: Cursor, uids: Sequence[int]) -> Sequence[int]:
        """Those up to the cursor that have no receipt and were not left alone by choice."""
        left_uid = self._state().left_uid
        expected = [uid for uid in uids if left_uid < uid <= cursor.last_uid]
        if not expected:
            return []
        prefix = receipt_prefix(folder=self.folder, uidvalidity=cursor.uidvalidity)
        receipts = Receipt.objects.filter(channel=self.channel_id, external_id__startswith=prefix)
        names = receipts.values_list("external_id", flat=True).iterator(chunk_size=5_000)
        # SQLite's LIKE knows no case, and folder names do.
        received = {int(name[len(prefix) :]) for name in names if name.startswith(prefix)}
        return [uid for uid in expected if uid not in received]

    def checked(self, check: Check) -> None:
        """Keep what a reconciliation found, for the pages, and say so in the log when something was missing."""
        if check.recovered:
            log.warning("folder %s: mails were missing and are fetched again: %s", self.state_id, check.recovered)
        if check.unexplained:
            log.error("folder %s: mails are listed and can't be fetched: %s", self.state_id, check.unexplained)
        self._write(
            checked_at=timezone.now(),
            check_requested_at=None,
            server_count=check.server_count,
            accounted_count=check.server_count - len(check.unexplained),
            unexplained=list(check.unexplained[:LISTED]),
            recovered=list(check.recovered[:LISTED]),
        )

    def _state(self) -> FolderState:
        return FolderState.objects.get(pk=self.state_id)

    def _held(self) -> QuerySet[FolderState]:
        return FolderState.objects.filter(pk=self.state_id, lease_owner=self.owner)

    def _write(self, **values: object) -> None:
        if not self._held().update(**values):
            raise Temporary("Another process follows this folder now.")
