"""Accounts on social platforms: set up, checked, connected, and how their deliveries fare."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.text import slugify

from helpdesk import live
from helpdesk.actions import changes
from helpdesk.connectors.registry import account_connector
from helpdesk.connectors.social import Checked, Renewed
from helpdesk.models import Agent, Channel, SocialAccount, SocialTrouble, Team

#: The same trouble again is written down at most so often: whoever sends rubbish must not make us write.
TROUBLE_PAUSE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an admin has typed. Secrets that are missing stay as they are."""

    name: str
    team: Team | None
    is_active: bool
    settings: Mapping[str, str]
    secrets: Mapping[str, str]


def draft_account(*, account: SocialAccount | None, provider: str, wanted: Wanted, at: datetime) -> SocialAccount:
    """The account as it would be, not stored: to be tried out."""
    row = SocialAccount(provider=provider, created_at=at, key=secrets.token_urlsafe(32))
    channel = Channel(kind=Channel.Kind(provider))
    if account is not None:
        row, channel = account, account.channel
    channel.name, channel.team, channel.is_active = wanted.name, wanted.team, wanted.is_active
    row.channel = channel
    row.settings = dict(wanted.settings)
    row.secrets = {**row.secrets, **wanted.secrets}
    return row


@transaction.atomic
def save_account(*, account: SocialAccount, checked: Checked, by: Agent | None, at: datetime) -> SocialAccount:
    """Store a drafted account with what trying it out has shown."""
    is_new, channel = account.pk is None, account.channel
    if is_new:
        channel.slug = _free_slug(channel.name)
    channel.save()
    account.channel = channel  # now that it has its number
    account.name = checked.name[:190]
    account.checked_at, account.expires_at = at, checked.expires_at
    if checked.ok:
        account.trouble, account.trouble_at, account.trouble_detail = "", None, ""
    else:
        account.trouble, account.trouble_at = SocialTrouble.REFUSED, at
        account.trouble_detail = checked.trouble[:300]
    every = account_connector(account).poll_every(account)
    account.next_poll_at = at if every is not None else None
    account.save()
    details = {"platform": channel.get_kind_display(), "account": account.name}
    change = "created" if is_new else "changed"
    changes.record(what="channel", name=channel.name, change=change, by=by, at=at, details=details)
    live.wake(live.SOCIAL_POLLS)
    return account


def _free_slug(name: str) -> str:
    base = slugify(name)[:40] or "channel"
    taken = set(Channel.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return base if base not in taken else next(f"{base}-{n}" for n in range(2, 10_000) if f"{base}-{n}" not in taken)


@transaction.atomic
def new_key(*, account: SocialAccount, by: Agent, at: datetime) -> None:
    """Another address: who knew the old one has no way in."""
    account.key = secrets.token_urlsafe(32)
    account.save(update_fields=["key"])
    changes.record(what="channel", name=account.channel.name, change="new-address", by=by, at=at)


def note_checked(*, account: SocialAccount, checked: Checked, at: datetime) -> None:
    """Somebody has tried the stored credentials out."""
    values: dict[str, object] = {"checked_at": at, "expires_at": checked.expires_at}
    if checked.ok:
        values |= {"trouble": "", "trouble_at": None, "trouble_detail": "", "name": checked.name[:190]}
    else:
        values |= {"trouble": SocialTrouble.REFUSED, "trouble_at": at, "trouble_detail": checked.trouble[:300]}
    SocialAccount.objects.filter(pk=account.pk).update(**values)


def claim_look(*, account_id: int, at: datetime, every: timedelta) -> SocialAccount | None:
    """Take the turn to look after an account; None when it was looked after lately, by whomever."""
    rows = SocialAccount.objects.filter(pk=account_id).exclude(checked_at__gt=at - every)
    if not rows.update(checked_at=at):
        return None
    return SocialAccount.objects.select_related("channel").get(pk=account_id)


def look_again(*, account: SocialAccount, since: datetime) -> None:
    """A look found nobody: it counts as one of ``since``."""
    SocialAccount.objects.filter(pk=account.pk).update(checked_at=since)


def note_renewed(*, account: SocialAccount, renewed: Renewed) -> None:
    """Newer credentials have taken the place of the old ones."""
    account.secrets = {**account.secrets, **renewed.secrets}
    account.expires_at = renewed.expires_at
    account.save(update_fields=["secrets", "expires_at"])


def note_event(*, account: SocialAccount, at: datetime) -> None:
    """A delivery was taken: whatever was wrong is over."""
    SocialAccount.objects.filter(pk=account.pk).update(last_event_at=at, trouble="", trouble_at=None, trouble_detail="")


def note_trouble(*, account: SocialAccount, trouble: SocialTrouble, detail: str = "", at: datetime) -> None:
    """A delivery or a look failed; the channel's page says why."""
    is_known = account.trouble == trouble and account.trouble_detail == detail[:300]
    if is_known and account.trouble_at is not None and at - account.trouble_at < TROUBLE_PAUSE:
        return
    SocialAccount.objects.filter(pk=account.pk).update(trouble=trouble, trouble_at=at, trouble_detail=detail[:300])


def claim_poll(*, account_id: int, at: datetime, until: datetime) -> SocialAccount | None:
    """Take the turn to ask for an account; None when somebody else has it, or it isn't time."""
    rows = SocialAccount.objects.filter(pk=account_id, next_poll_at__lte=at)
    free = rows.exclude(lease_until__gt=at)
    if not free.update(lease_until=until):
        return None
    return SocialAccount.objects.select_related("channel").filter(pk=account_id, channel__is_active=True).first()


def note_polled(
    *, account: SocialAccount, cursor: str, again_at: datetime | None, has_news: bool, at: datetime
) -> None:
    """What was there is stored: the next look begins after it."""
    values: dict[str, object] = {"cursor": cursor[:500], "next_poll_at": again_at, "lease_until": None}
    if has_news:
        values["last_event_at"] = at
    values |= {"trouble": "", "trouble_at": None, "trouble_detail": ""} if account.trouble else {}
    SocialAccount.objects.filter(pk=account.pk).update(**values)


def postpone_poll(*, account: SocialAccount, again_at: datetime) -> None:
    """It could not be asked; not again before then."""
    SocialAccount.objects.filter(pk=account.pk).update(next_poll_at=again_at, lease_until=None)
