"""Changes of the desk's own frame: teams, channels and their mailboxes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from helpdesk import live
from helpdesk.actions import changes
from helpdesk.models import AfterImport, Agent, Channel, FolderState, Mailbox, Team

#: Never written into the journal, not even that it was this or that.
SECRETS = ("imap_password", "smtp_password")

CHANNEL_FIELDS = ("name", "slug", "team", "is_active")
MAILBOX_FIELDS = (
    "address",
    "display_name",
    "aliases",
    "trusted_networks",
    "authserv_id",
    "has_plus_addresses",
    "acknowledges_answers",
    "imap_host",
    "imap_port",
    "imap_security",
    "imap_username",
    "imap_password",
    "imap_folders",
    "after_import",
    "after_import_folder",
    "smtp_host",
    "smtp_port",
    "smtp_security",
    "smtp_username",
    "smtp_password",
)
#: Another account: its UIDs mean something else, so the cursors start anew (MAIL.md 3).
ACCOUNT_FIELDS = frozenset({"imap_host", "imap_port", "imap_username"})


class TeamInUse(ValueError):
    """A team that still answers for something can't be closed."""


@transaction.atomic
def save_mail_channel(
    *, channel: Channel | None, values: Mapping[str, Any], by: Agent | None, at: datetime | None = None
) -> Channel:
    """Write an e-mail channel with its mailbox, new or not.

    ``values`` holds CHANNEL_FIELDS and MAILBOX_FIELDS; a password that is missing or empty leaves the stored one as it
    is. Raises IntegrityError for an address or a slug that another channel has.
    """
    now = at or timezone.now()
    is_new = channel is None
    channel = channel or Channel(kind=Channel.Kind.EMAIL)
    mailbox = getattr(channel, "mailbox", None) or Mailbox()
    own = {name: values[name] for name in CHANNEL_FIELDS if name in values}
    mail = {name: values[name] for name in MAILBOX_FIELDS if name in values and (name not in SECRETS or values[name])}
    changed = _assign(channel, own) | _assign(mailbox, mail)
    if not changed and not is_new:
        return channel
    if not is_new and changed.keys() & {"smtp_host", "smtp_username", "smtp_password", "smtp_port", "smtp_security"}:
        channel.paused_reason = ""  # another account or password: what made it pause may be gone
        live.wake(live.OUTBOX)
    if changed.keys() & ACCOUNT_FIELDS:
        mailbox.imap_started_at = None  # nobody has seen yet what lies in the other one
    channel.save()
    mailbox.channel = channel
    mailbox.save()
    states = FolderState.objects.filter(mailbox=mailbox)
    (states if changed.keys() & ACCOUNT_FIELDS else states.exclude(folder__in=mailbox.imap_folders)).delete()
    if changed.get("after_import", {}).get("from") == AfterImport.KEEP:
        states.update(cleared_uid=F("last_uid"))  # what was kept so far stays
    changes.record(
        what="channel",
        name=channel.name,
        change="created" if is_new else "changed",
        by=by,
        at=now,
        details={"address": mailbox.address} if is_new else changed,
    )
    return channel


def _assign(row: Channel | Mailbox, values: Mapping[str, Any]) -> dict[str, Any]:
    """Set fields and return what changed, fit for the journal: names instead of rows, secrets without their value."""
    before = {name: getattr(row, name) for name in values}
    changed = changes.differences(before, values)
    for name, value in values.items():
        setattr(row, name, value)
    return {
        name: {"changed": True} if name in SECRETS else {side: _shown(value) for side, value in pair.items()}
        for name, pair in changed.items()
    }


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Team) else value


@transaction.atomic
def save_team(*, team: Team | None, values: Mapping[str, Any], by: Agent | None, at: datetime | None = None) -> Team:
    """Write a team (name, slug, is_default, is_active), new or not.

    A new default team takes the place of the former one. Raises TeamInUse for closing the default team, or one that
    still has active tickets.
    """
    is_new = team is None
    team = team or Team()
    changed = changes.differences({name: getattr(team, name) for name in values}, values)
    if not is_new and changed.get("is_active", {}).get("to") is False:
        _require_idle(team)
    if not is_new and changed.get("is_default", {}).get("to") is False:
        raise TeamInUse("make another team the default one instead")
    if values.get("is_default"):
        Team.objects.filter(is_default=True).exclude(pk=team.pk).update(is_default=False)
    for name, value in values.items():
        setattr(team, name, value)
    if changed or is_new:
        team.save()
        changes.record(
            what="team",
            name=team.name,
            change="created" if is_new else "changed",
            by=by,
            at=at or timezone.now(),
            details={} if is_new else changed,
        )
    return team


def _require_idle(team: Team) -> None:
    if team.is_default:
        raise TeamInUse("the default team takes what no rule has placed")
    if team.tickets.filter(state__in=("new", "open", "waiting")).exists():
        raise TeamInUse("the team still has tickets that are not solved")
