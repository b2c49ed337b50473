"""Access tokens that are good now: from the row while they last, else new ones from the provider, fetched once.

Several threads and processes log in with the same grant. Who needs a new token takes the lease of the row; the others
wait for its outcome. The network is never inside a transaction. What the provider sends is stored before it is used:
with providers that change the refresh token at each use, the new one is the only one that still works.
"""

import logging
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.db.models import Q, QuerySet
from django.utils import timezone

from helpdesk.connectors import oauth
from helpdesk.models import GrantTrouble, Mailbox, OAuthGrant
from mail_gateway.errors import GatewayError, LoginRefused, Temporary

log = logging.getLogger(__name__)

#: A token is renewed so long before its end, for clocks differ and logins take time.
MARGIN = timedelta(minutes=5)
#: Longer than a request to the provider can take (`http.Limits.total_s`).
LEASE = timedelta(seconds=60)
PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.05
_STORE_TRIES = 5
_STORE_WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class GrantTokens:
    """The tokens of one grant, for mail_gateway. Another ``revision`` is another login."""

    grant_id: int
    revision: int

    def token(self, *, refused: str = "") -> str:
        """As mail_gateway.bearer.TokenSource."""
        return access_token(grant_id=self.grant_id, refused=refused)


def tokens_of(mailbox: Mailbox) -> tuple[OAuthGrant, GrantTokens] | None:
    """The grant of a mailbox and its tokens; None for a mailbox that logs in with a password."""
    grant: OAuthGrant | None = getattr(mailbox, "oauth_grant", None)
    return None if grant is None else (grant, GrantTokens(grant.pk, grant.revision))


def access_token(*, grant_id: int, refused: str = "") -> str:
    """A token for the grant that isn't ``refused``, fetched anew if need be.

    Raises LoginRefused when a person has to connect the mailbox, Temporary when the provider can't be asked.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        grant = _connected(grant_id)
        now = timezone.now()
        if _is_good(grant, refused=refused, margin=MARGIN, now=now):
            return str(grant.access_token)
        if _take_lease(grant, now=now) and (token := _renew(_connected(grant_id), refused=refused)):
            return token
        threading.Event().wait(_LOOK_SECONDS)
    raise Temporary("Somebody else is fetching a new access token, and has not come back.")


def _connected(grant_id: int) -> OAuthGrant:
    grant = OAuthGrant.objects.filter(pk=grant_id).first()
    if grant is None or not grant.is_connected:
        raise LoginRefused("The mailbox is not connected to its provider. Connect it on its page.")
    return grant


def _is_good(grant: OAuthGrant, *, refused: str, margin: timedelta, now: datetime) -> bool:
    if not grant.access_token or grant.access_token == refused or grant.expires_at is None:
        return False
    # Of a token with a short life a part is left over, not nothing.
    life = grant.expires_at - (grant.refreshed_at or grant.expires_at)
    return grant.expires_at - min(margin, life / 2) > now


def _take_lease(grant: OAuthGrant, *, now: datetime) -> bool:
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return OAuthGrant.objects.filter(free, pk=grant.pk).update(lease_until=now + LEASE) == 1


def _renew(grant: OAuthGrant, *, refused: str) -> str:
    """Under the lease: the new token; '' when somebody was quicker and the row has to be read again."""
    now = timezone.now()
    if _is_good(grant, refused=refused, margin=MARGIN, now=now):  # it came between our look and our lease
        _unchanged(grant).update(lease_until=None)
        return str(grant.access_token)
    try:
        tokens = oauth.refresh(grant)
    except GatewayError as error:
        _note(grant, error)
        if isinstance(error, Temporary) and _is_good(grant, refused=refused, margin=timedelta(0), now=timezone.now()):
            return str(grant.access_token)
        raise
    except BaseException:
        _unchanged(grant).update(lease_until=None)
        raise
    return tokens.access_token if _store(grant, tokens) else ""


def _unchanged(grant: OAuthGrant) -> QuerySet[OAuthGrant]:
    """The row, as long as it holds the very tokens that were read: nobody has renewed, replaced or forgotten them."""
    return OAuthGrant.objects.filter(pk=grant.pk, refreshed_at=grant.refreshed_at)


def _store(grant: OAuthGrant, tokens: oauth.Tokens) -> bool:
    """Write new tokens down; False when the row has changed meanwhile: then what stands there is newer."""
    now = timezone.now()
    values = {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token or grant.refresh_token,
        "expires_at": now + tokens.lifetime,
        "refreshed_at": now,
        "trouble": GrantTrouble.NONE,
        "detail": "",
        "lease_until": None,
    }
    for left in reversed(range(_STORE_TRIES)):
        try:
            return _unchanged(grant).update(**values) == 1
        except DatabaseError:
            if not left:
                log.exception("grant %s: new tokens could not be stored; it may have to be connected again", grant.pk)
                raise
            log.warning("grant %s: new tokens could not be stored, trying again", grant.pk)
            threading.Event().wait(_STORE_WAIT_SECONDS)
    raise AssertionError("the loop returns or raises")


def trouble_in(error: GatewayError) -> tuple[GrantTrouble, str]:
    """What an error of `connectors.oauth` means for the grant, and the provider's words about it."""
    if isinstance(error, oauth.Refusal):
        trouble = GrantTrouble.WITHDRAWN if isinstance(error, oauth.Withdrawn) else GrantTrouble.CLIENT
        return trouble, error.reason
    return GrantTrouble.UNREACHABLE, str(error)


def _note(grant: OAuthGrant, error: GatewayError) -> None:
    """Write down why there is no new token, and let the lease go."""
    trouble, detail = trouble_in(error)
    log.warning("grant %s: %s: %s", grant.pk, trouble, error)
    _unchanged(grant).update(trouble=trouble, detail=detail, lease_until=None)
