"""The books of a folder as lists, for tests of the loop that need no database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mail_gateway.imap import Check, Cursor
from tests.servers.mail_intake import Intake


@dataclass
class Ledger:
    """A mail_gateway.imap.Housekeeping. A mail is received when `intake` took it; `truncated` UIDs are never cleared.

    It asks for one reconciliation each time that `wants_check` is set.
    """

    intake: Intake
    clears_into: str | None = None
    leaves_before: datetime | None = None
    truncated: set[int] = field(default_factory=set)
    wants_check: bool = False
    left_uid: int = 0
    done_uid: int = 0
    outcomes: list[bool] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    def begin(self, start: Cursor, *, uidnext: int) -> None:
        self.left_uid = self.done_uid = start.last_uid
        self.intake.save_cursor(start)

    def cleared_uid(self) -> int:
        return self.done_uid

    def may_clear(self, uidvalidity: int, uids: Sequence[int]) -> Sequence[int]:
        return [uid for uid in uids if uid in self.intake.uids and uid not in self.truncated]

    def cleared(self, uid: int, *, is_flagged_only: bool | None) -> None:
        self.done_uid = uid
        if is_flagged_only is not None:
            self.outcomes.append(is_flagged_only)

    def not_cleared(self, why: str) -> None:
        self.refusals.append(why)

    def is_check_due(self) -> bool:
        return self.wants_check

    def unaccounted(self, cursor: Cursor, uids: Sequence[int]) -> Sequence[int]:
        received = set(self.intake.uids)
        return [uid for uid in uids if self.left_uid < uid <= cursor.last_uid and uid not in received]

    def checked(self, check: Check) -> None:
        self.wants_check = False
        self.checks.append(check)
