"""How a mailbox logs in: by its password, or with a permission that somebody gave at Google or Microsoft (OAuth 2)."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from helpdesk import live
from helpdesk.actions import changes, setup
from helpdesk.connectors import oauth
from helpdesk.models import Agent, Channel, Mailbox, OAuthGrant

#: So long a person may take at the provider's pages.
ATTEMPT_LASTS = timedelta(minutes=10)
_NOTHING_STORED = {
    "refresh_token": "",
    "access_token": "",
    "expires_at": None,
    "refreshed_at": None,
    "lease_until": None,
}
_NO_TROUBLE = {"trouble": "", "detail": ""}
_NO_ATTEMPT = {"attempt_hash": "", "attempt_verifier": "", "attempt_until": None}
#: A permission was given for these; after a change of one it is worth nothing.
_GIVEN_FOR = ("provider", "client_id", "tenant", "account")


@dataclass(frozen=True, slots=True)
class Client:
    """The app that an admin has registered at the provider. An empty secret leaves the stored one as it is."""

    provider: str
    client_id: str
    account: str
    tenant: str = ""
    client_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that has begun: where the browser goes, and what it has to bring back."""

    url: str
    state: str = field(repr=False)


@transaction.atomic
def use_provider(*, mailbox: Mailbox, client: Client, by: Agent | None, at: datetime | None = None) -> OAuthGrant:
    """Let ``mailbox`` log in by ``client`` from now on, at the provider's own servers; its passwords are forgotten.

    What was connected stays so if nothing but the secret has changed.
    """
    now = at or timezone.now()
    grant = OAuthGrant.objects.select_for_update().filter(mailbox=mailbox).first()
    wanted = {name: getattr(client, name) for name in _GIVEN_FOR}
    changed = changes.differences({name: getattr(grant, name, "") for name in wanted}, wanted)
    if client.client_secret and (grant is None or grant.client_secret != client.client_secret):
        changed |= {"client_secret": {"changed": True}}
    if grant is not None and not changed:
        return grant
    grant = grant or OAuthGrant(mailbox=mailbox)
    forgotten = _NOTHING_STORED if changed.keys() & set(_GIVEN_FOR) else {}
    secret = {"client_secret": client.client_secret} if client.client_secret else {}
    _set(grant, wanted | secret | forgotten | _NO_TROUBLE | _NO_ATTEMPT)
    _go_to_its_servers(mailbox, client, by=by, at=now)
    _record(grant, "login-changed", by=by, at=now, details=changed)
    return grant


def _go_to_its_servers(mailbox: Mailbox, client: Client, *, by: Agent | None, at: datetime) -> None:
    vendor = oauth.vendor_of(client.provider)
    values: dict[str, Any] = {}
    for side, server in (("imap", vendor.imap), ("smtp", vendor.smtp)):
        values |= {
            f"{side}_host": server.host,
            f"{side}_port": server.port,
            f"{side}_security": server.security,
            f"{side}_username": client.account,
        }
    setup.save_mail_channel(channel=mailbox.channel, values=values, by=by, at=at)
    mailbox.imap_password = mailbox.smtp_password = ""  # of another server; nothing here may send it to this one
    mailbox.import_since = mailbox.import_since or at
    mailbox.save(update_fields=("imap_password", "smtp_password", "import_since"))
    _lift_pause(mailbox.channel)


@transaction.atomic
def use_password(*, mailbox: Mailbox, by: Agent | None, at: datetime | None = None) -> bool:
    """Let ``mailbox`` log in by password again, which has to be typed anew. False when it does so already."""
    grant = OAuthGrant.objects.filter(mailbox=mailbox).first()
    if grant is None:
        return False
    _record(grant, "login-changed", by=by, at=at or timezone.now(), details={"provider": {"from": grant.provider}})
    grant.delete()
    return True


@transaction.atomic
def begin(*, grant: OAuthGrant, redirect_uri: str, at: datetime | None = None) -> Attempt:
    """Begin a login at the provider; an earlier one that is still under way is over. Raises ClientRefused."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    url = oauth.authorization_url(grant, redirect_uri=redirect_uri, state=state, verifier=verifier)
    OAuthGrant.objects.filter(pk=grant.pk).update(
        attempt_hash=_hash(state), attempt_verifier=verifier, attempt_until=(at or timezone.now()) + ATTEMPT_LASTS
    )
    return Attempt(url, state)


@transaction.atomic
def take_attempt(*, state: str, at: datetime | None = None) -> tuple[OAuthGrant, str] | None:
    """The grant that a login under way is for, and its verifier; once only, and not when it took too long."""
    rows = OAuthGrant.objects.filter(attempt_hash=_hash(state), attempt_until__gt=at or timezone.now())
    grant = rows.select_related("mailbox__channel").first()
    if grant is None or not rows.filter(pk=grant.pk).update(**_NO_ATTEMPT):
        return None
    return grant, str(grant.attempt_verifier)


@transaction.atomic
def connect(*, grant: OAuthGrant, tokens: oauth.Tokens, by: Agent | None, at: datetime | None = None) -> bool:
    """Store what the provider has issued; sending goes on. False when the grant was changed since the login began."""
    now = at or timezone.now()
    current = OAuthGrant.objects.select_for_update().filter(pk=grant.pk, revision=grant.revision).first()
    if current is None:
        return False
    issued = {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "expires_at": now + tokens.lifetime,
        "refreshed_at": now,
        "connected_at": now,
        "lease_until": None,
    }
    _set(current, issued | _NO_TROUBLE)
    _lift_pause(grant.mailbox.channel)
    _record(current, "connected", by=by, at=now)
    return True


@transaction.atomic
def note_failure(*, grant: OAuthGrant, trouble: str, detail: str) -> None:
    """Remember why a login at the provider came to nothing; what was connected before goes on."""
    OAuthGrant.objects.filter(pk=grant.pk, revision=grant.revision).update(trouble=trouble, detail=detail)


@transaction.atomic
def disconnect(*, grant: OAuthGrant, by: Agent | None, at: datetime | None = None) -> bool:
    """Forget the tokens. False when there were none."""
    current = OAuthGrant.objects.select_for_update().get(pk=grant.pk)
    if not current.is_connected:
        return False
    _set(current, _NOTHING_STORED | _NO_TROUBLE | _NO_ATTEMPT)
    _record(current, "disconnected", by=by, at=at or timezone.now())
    return True


def _set(grant: OAuthGrant, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(grant, name, value)
    grant.revision += 1
    grant.save()


def _lift_pause(channel: Channel) -> None:
    """What made sending pause may be gone."""
    if Channel.objects.filter(pk=channel.pk).exclude(paused_reason="").update(paused_reason=""):
        live.wake(live.OUTBOX)


def _record(
    grant: OAuthGrant, change: str, *, by: Agent | None, at: datetime, details: dict[str, Any] | None = None
) -> None:
    told = {"provider": {"to": grant.provider}, "account": {"to": grant.account}} | (details or {})
    changes.record(what="channel", name=grant.mailbox.channel.name, change=change, by=by, at=at, details=told)


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()
