"""What people decide about a mailbox that is fetched: when it starts, and when it is compared with the ledger."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from helpdesk.actions import changes
from helpdesk.models import Agent, Channel, FolderState, Mailbox, OlderMail


@transaction.atomic
def start_mailbox(
    *, channel: Channel, since: datetime | None, older_mail: OlderMail, by: Agent | None, at: datetime | None = None
) -> bool:
    """Let the mail of ``channel`` be fetched from now on (MAIL.md 12); False when it already was.

    Mail that its server received before ``since`` is imported closed and silent, or left there. ``since`` None: all
    mail is new.
    """
    now = at or timezone.now()
    waiting = Mailbox.objects.filter(channel=channel, imap_started_at=None).exclude(imap_host="")
    if not waiting.update(imap_started_at=now, import_since=since, older_mail=older_mail):
        return False
    changes.record(
        what="channel",
        name=channel.name,
        change="started",
        by=by,
        at=now,
        details={"since": {"to": since.isoformat() if since else None}, "older_mail": {"to": str(older_mail.value)}},
    )
    return True


@transaction.atomic
def request_check(*, channel: Channel, by: Agent, at: datetime | None = None) -> None:
    """Have the folders of ``channel`` compared with the ledger as soon as their loops get to it (MAIL.md 13)."""
    now = at or timezone.now()
    if FolderState.objects.filter(mailbox__channel=channel).update(check_requested_at=now):
        changes.record(what="channel", name=channel.name, change="check-requested", by=by, at=now)
