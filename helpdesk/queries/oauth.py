"""Mailboxes that log in at Google or Microsoft: how each connection is doing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from helpdesk.models import Channel, OAuthGrant


@dataclass(frozen=True)
class Connection:
    """One of them. ``expires_at`` is the end of the access token, which the desk renews by itself when it logs in.

    ``needs_attention``: a person has to do something, or nobody can log in just now; ``trouble`` says why in words
    (empty: it was never connected), ``detail`` quotes the provider.
    """

    channel: Channel
    provider: str
    account: str
    is_connected: bool
    connected_at: datetime | None
    refreshed_at: datetime | None
    expires_at: datetime | None
    needs_attention: bool
    trouble: str
    detail: str


def connections(*, now: datetime) -> Sequence[Connection]:
    """Those of all active channels, by name."""
    grants = OAuthGrant.objects.filter(mailbox__channel__is_active=True).select_related("mailbox__channel")
    return [connection(grant, now=now) for grant in grants.order_by("mailbox__channel__name", "pk")]


def connection(grant: OAuthGrant, *, now: datetime) -> Connection:
    """One grant in words."""
    return Connection(
        channel=grant.mailbox.channel,
        provider=grant.get_provider_display(),
        account=grant.account,
        is_connected=grant.is_connected,
        connected_at=grant.connected_at,
        refreshed_at=grant.refreshed_at,
        expires_at=grant.expires_at if grant.is_connected else None,
        needs_attention=grant.needs_attention(now=now),
        trouble=str(grant.get_trouble_display()) if grant.trouble else "",
        detail=grant.detail,
    )


def grant_of(channel: Channel) -> OAuthGrant | None:
    """How the mailbox of ``channel`` logs in without a password; None: by password."""
    return OAuthGrant.objects.filter(mailbox__channel=channel).select_related("mailbox__channel").first()
