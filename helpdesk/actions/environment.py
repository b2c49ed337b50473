"""What stands at each start: a default team, and the mailbox that the environment describes.

That mailbox is read-only in the console: LUOTSI_MAIL_ADDRESS names it, LUOTSI_IMAP_URL and LUOTSI_SMTP_URL give its
accounts. Each variable that is set governs its own fields; what isn't set stays in people's hands.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from helpdesk.actions import mailboxes, setup
from helpdesk.mail_urls import MailUrl, read_imap_url, read_smtp_url
from helpdesk.models import Channel, Mailbox, OlderMail, Team

#: The environment names no start: mail of the last day is new, older mail is imported closed and silent.
NEW = timedelta(days=1)


def governed_values() -> dict[str, Any]:
    """Fields of the environment's mailbox and their values; empty without LUOTSI_MAIL_ADDRESS. Raises BadMailUrl."""
    if not settings.MAIL_ADDRESS:
        return {}
    values: dict[str, Any] = {"address": settings.MAIL_ADDRESS.strip().lower()}
    if settings.IMAP_URL:
        imap = read_imap_url(settings.IMAP_URL)
        values |= _account("imap", imap) | {"imap_folders": [imap.folder or "INBOX"]}
    if settings.SMTP_URL:
        values |= _account("smtp", read_smtp_url(settings.SMTP_URL))
    return values


def governed_fields(mailbox: Mailbox) -> frozenset[str]:
    """Fields of ``mailbox`` that the environment decides; the console shows them without letting them be changed."""
    values = governed_values()
    return frozenset(values) if values.get("address") == mailbox.address.lower() else frozenset()


def apply_environment() -> Channel | None:
    """Make or update the environment's mailbox; None when it describes none. Raises BadMailUrl."""
    values = governed_values()
    if not values:
        return None
    try:
        with transaction.atomic():
            return _save(values)
    except IntegrityError:
        return _save(values)  # another process that starts now was first


def _save(values: dict[str, Any]) -> Channel:
    mailbox = Mailbox.objects.select_related("channel").filter(address__iexact=values["address"]).first()
    channel = mailbox.channel if mailbox is not None else None
    new = {} if mailbox is not None else _new_channel(values["address"])
    channel = setup.save_mail_channel(channel=channel, values={**new, **values}, by=None)
    if settings.IMAP_URL:
        # Whoever wrote the address into the environment wants its mail; what lies there longer stays unanswered.
        mailboxes.start_mailbox(channel=channel, since=timezone.now() - NEW, older_mail=OlderMail.SILENT, by=None)
    return channel


def ensure_default_team() -> None:
    """Make a team that takes what no rule places, unless there is one: without it no mail could become a ticket."""
    if Team.objects.filter(is_default=True).exists():
        return
    slug = "support" if not Team.objects.filter(slug="support").exists() else f"support-{Team.objects.count() + 1}"
    try:
        with transaction.atomic():
            setup.save_team(team=None, values={"name": "Support", "slug": slug, "is_default": True}, by=None)
    except IntegrityError:
        return  # another process was first


def _account(kind: str, url: MailUrl) -> dict[str, Any]:
    return {
        f"{kind}_host": url.host,
        f"{kind}_port": url.port,
        f"{kind}_security": url.security,
        f"{kind}_username": url.username,
        f"{kind}_password": url.password,
    }


def _new_channel(address: str) -> dict[str, str]:
    slug = slugify(address.replace("@", "-").replace(".", "-"))[:50]
    if Channel.objects.filter(slug=slug).exists():
        slug = f"{slug[:40]}-{Channel.objects.count() + 1}"
    return {"name": address[:80], "slug": slug}
