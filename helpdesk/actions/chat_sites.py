"""Chat channels and the keys by which a web site vouches for its visitors."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from helpdesk.actions import changes
from helpdesk.models import Agent, Channel, ChatKey, ChatSite

CHANNEL_FIELDS = ("name", "slug", "team", "is_active")
SITE_FIELDS = (
    "title",
    "colour",
    "side",
    "languages",
    "greetings",
    "away_texts",
    "allowed_origins",
    "pre_chat_fields",
    "is_faq_first",
    "mailbox",
    "calendar",
    "reports_page",
    "shows_waiting_time",
    "asks_rating",
    "requires_identity",
    "return_minutes",
)
#: One that signs, and one that is being put in its place.
KEYS_AT_ONCE = 2


class TooManyKeys(ValueError):
    """Both keys are in use; retire one first."""


@transaction.atomic
def save_chat_channel(*, site: ChatSite | None, values: Mapping[str, Any], by: Agent | None, at: datetime) -> ChatSite:
    """Write a chat channel, new or not. ``values`` holds CHANNEL_FIELDS and SITE_FIELDS.

    Raises IntegrityError for a slug that another channel has.
    """
    is_new = site is None
    site = site or ChatSite(channel=Channel(kind=Channel.Kind.CHAT))
    changed: dict[str, dict[str, Any]] = {}
    for row, names in ((site.channel, CHANNEL_FIELDS), (site, SITE_FIELDS)):
        wanted = {name: values[name] for name in names if name in values}
        changed |= changes.differences({name: getattr(row, name) for name in wanted}, wanted)
        for name, value in wanted.items():
            setattr(row, name, value)
    if not changed and not is_new:
        return site
    site.channel.save()
    site.channel = site.channel  # now that it has its number
    site.save()
    details = {"sites": site.allowed_origins} if is_new else {name: _shown(pair) for name, pair in changed.items()}
    _record(site, "created" if is_new else "changed", by=by, at=at, details=details)
    return site


@transaction.atomic
def make_key(*, site: ChatSite, by: Agent | None, at: datetime) -> ChatKey:
    """A new secret to sign with; its `secret` is to be shown once. Raises TooManyKeys."""
    ChatSite.objects.select_for_update().get(pk=site.pk)
    if site.keys.filter(retired_at=None).count() >= KEYS_AT_ONCE:
        raise TooManyKeys
    key = ChatKey.objects.create(site=site, kid=secrets.token_hex(4), secret=secrets.token_urlsafe(32), created_at=at)
    _record(site, "key-made", by=by, at=at, details={"kid": key.kid})
    return key


@transaction.atomic
def retire_key(*, site: ChatSite, kid: str, by: Agent | None, at: datetime) -> bool:
    """What that key signed is believed no more. False when there is no such key in use."""
    retired = ChatKey.objects.filter(site=site, kid=kid, retired_at=None).update(retired_at=at)
    if retired:
        _record(site, "key-retired", by=by, at=at, details={"kid": kid})
    return bool(retired)


def _shown(pair: Mapping[str, Any]) -> dict[str, Any]:
    plain = (str, int, bool, list, dict, type(None))
    return {side: value if isinstance(value, plain) else str(value) for side, value in pair.items()}


def _record(site: ChatSite, change: str, *, by: Agent | None, at: datetime, details: Mapping[str, Any]) -> None:
    changes.record(what="channel", name=site.channel.name, change=change, by=by, at=at, details=details)
