"""Which mail service delivers to a mailbox by webhook, and how its deliveries fared."""

import secrets
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from helpdesk.actions import changes
from helpdesk.models import Agent, HookTrouble, InboundHook, Mailbox, MailService


@transaction.atomic
def use_service(
    *, mailbox: Mailbox, service: MailService, secret: str, by: Agent | None, at: datetime | None = None
) -> InboundHook:
    """Let ``service`` deliver to ``mailbox``. An empty ``secret`` keeps the stored one, or makes a password.

    Another service gets another address: who knew the old one has no way in.
    """
    now = at or timezone.now()
    hook = InboundHook.objects.select_for_update().filter(mailbox=mailbox).first()
    is_same = hook is not None and hook.service == service
    kept = hook.secret if hook is not None and is_same else ""
    hook = hook or InboundHook(mailbox=mailbox, created_at=now)
    if not is_same:
        hook.service, hook.key, hook.delivered_at = service, secrets.token_urlsafe(32), None
    hook.secret = secret or kept or secrets.token_urlsafe(24)
    hook.trouble, hook.trouble_at = "", None
    hook.save()
    _record(mailbox, "service-chosen", by=by, at=now, details={"service": {"to": service.label}})
    return hook


@transaction.atomic
def use_none(*, mailbox: Mailbox, by: Agent | None, at: datetime | None = None) -> bool:
    """Take no more deliveries by webhook; the address is gone for good. False when there was none."""
    gone, _ = InboundHook.objects.filter(mailbox=mailbox).delete()
    if gone:
        _record(mailbox, "service-removed", by=by, at=at or timezone.now(), details={})
    return bool(gone)


def note_delivery(*, hook: InboundHook, at: datetime) -> None:
    """A mail was taken: whatever was wrong is over."""
    InboundHook.objects.filter(pk=hook.pk).update(delivered_at=at, trouble="", trouble_at=None)


def note_trouble(*, hook: InboundHook, trouble: HookTrouble, at: datetime) -> None:
    """A delivery was refused; the channel's page says why."""
    InboundHook.objects.filter(pk=hook.pk).update(trouble=trouble, trouble_at=at)


def _record(mailbox: Mailbox, change: str, *, by: Agent | None, at: datetime, details: dict[str, object]) -> None:
    changes.record(what="channel", name=mailbox.channel.name, change=change, by=by, at=at, details=details)
