"""An account of the demo: it reads as its platform does, and asks and sends nothing outside of the desk.

The mark stands in the account's settings; saving the account's form with credentials of one's own takes it away.
"""

from collections.abc import Sequence
from datetime import timedelta

from helpdesk.connectors.social import Approved, Checked, Item, Media, OutgoingPost, Sent, SocialConnector
from helpdesk.models import SocialAccount
from mail_gateway.errors import Permanent

#: The setting that marks an account as staged.
MARK = "staged"


def is_staged(account: SocialAccount) -> bool:
    """Whether this account belongs to the demo."""
    return bool(account.settings.get(MARK))


class Staged(SocialConnector):
    """Reads what ``own`` reads; is never asked for anything, and what it sends stays here."""

    def __init__(self, own: SocialConnector) -> None:
        self._own = own
        self.capabilities, self.fields, self.tested = own.capabilities, own.fields, own.tested

    def read(self, account: SocialAccount, raw: bytes) -> Item | None:
        return self._own.read(account, raw)

    def window_of(self, account: SocialAccount) -> timedelta | None:
        return self._own.window_of(account)

    def private_thread(self, thread: str) -> str:
        return self._own.private_thread(thread)

    def can_send(self, account: SocialAccount) -> bool:
        return self._own.can_send(account)

    def check(self, account: SocialAccount) -> Checked:
        return Checked(ok=True, name=account.name, expires_at=account.expires_at)

    def templates(self, account: SocialAccount) -> Sequence[Approved]:
        """Those that are there already."""
        rows = account.templates.all()
        return [
            Approved(
                name=row.name, language=row.language, category=row.category, text=row.text, places=tuple(row.places)
            )
            for row in rows
        ]

    def fetch(self, account: SocialAccount, media: Media) -> bytes:
        raise Permanent("A channel of the demo has no files.")

    def send(self, account: SocialAccount, post: OutgoingPost) -> Sent:
        return Sent(external_id=f"staged:{post.idempotency_key}")
