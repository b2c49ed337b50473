"""OAuth 2 with Google and Microsoft: the addresses, and what is said there (RFC 6749, PKCE RFC 7636). No rows.

Sources: developers.google.com/identity/protocols/oauth2/web-server, learn.microsoft.com "Authenticate an IMAP, POP or
SMTP connection using OAuth" and "OAuth 2.0 authorization code flow". No address here is ever what a person typed: a
token goes to the provider's own servers only.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from helpdesk.connectors import http
from helpdesk.models import OAuthGrant, Provider
from mail_gateway.errors import LoginRefused, Permanent, Temporary
from mail_gateway.tls import Security

#: A directory's id or domain, or a word such as `common`; it becomes a part of an address.
TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,99}")
ANY_TENANT = "common"
LONGEST_TOKEN = 16_384
_LONGEST_QUOTE = 300
_SHORTEST_LIFE = timedelta(seconds=60)
_LONGEST_LIFE = timedelta(days=1)
#: Only the account or its owner can do something about these (RFC 6749 5.2, OpenID Connect Core 3.1.2.6).
_CONNECT_AGAIN = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})
_CLIENT_AT_FAULT = frozenset(
    {"invalid_client", "unauthorized_client", "invalid_scope", "invalid_request", "unsupported_grant_type"}
)


class Refusal(LoginRefused):
    """The provider gives no token before a person has done something. ``reason``: its own words."""

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class Withdrawn(Refusal):
    """The permission is gone: a person has to connect the mailbox again."""


class ClientRefused(Refusal):
    """The client id or its secret is not accepted."""


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server of the provider."""

    host: str
    port: int
    security: Security


@dataclass(frozen=True, slots=True)
class Vendor:
    """Where a provider's doors are, and what has to be said there. ``extra`` are its own words to `authorize`."""

    authorize_url: str
    token_url: str
    scope: str
    extra: Mapping[str, str]
    imap: Server
    smtp: Server


_VENDORS: Mapping[str, Vendor] = {
    Provider.GOOGLE: Vendor(
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
        scope="https://mail.google.com/",
        # Without both of these Google gives a refresh token at the very first consent only.
        extra={"access_type": "offline", "prompt": "consent"},
        imap=Server("imap.gmail.com", 993, "tls"),
        smtp=Server("smtp.gmail.com", 465, "tls"),
    ),
    Provider.MICROSOFT: Vendor(
        authorize_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
        token_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",  # noqa: S106 - an address
        scope="https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access",
        extra={"response_mode": "query", "prompt": "select_account"},
        imap=Server("outlook.office365.com", 993, "tls"),
        smtp=Server("smtp.office365.com", 587, "starttls"),
    ),
}


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider has issued. ``refresh_token`` is empty when the one that was used stays good."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    lifetime: timedelta


def vendor_of(provider: str) -> Vendor:
    """The provider's doors; settings.OAUTH_VENDORS replaces fields of it, for tests."""
    return replace(_VENDORS[provider], **settings.OAUTH_VENDORS.get(provider, {}))


def authorization_url(grant: OAuthGrant, *, redirect_uri: str, state: str, verifier: str) -> str:
    """Where the person's browser goes to say yes. ``verifier`` stays here; the provider gets its hash."""
    vendor = vendor_of(grant.provider)
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    asked = {
        "response_type": "code",
        "client_id": grant.client_id,
        "redirect_uri": redirect_uri,
        "scope": vendor.scope,
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"),
        "code_challenge_method": "S256",
        "login_hint": grant.account,
        **vendor.extra,
    }
    return f"{_at(vendor.authorize_url, grant)}?{urlencode(asked)}"


def exchange(grant: OAuthGrant, *, code: str, redirect_uri: str, verifier: str) -> Tokens:
    """Tokens for the code that the browser brought back. Raises Withdrawn, ClientRefused, Temporary."""
    tokens = _ask(
        grant,
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        },
    )
    if not tokens.refresh_token:
        message = f"{grant.get_provider_display()} gave no refresh token, so the access would end within the hour."
        raise Withdrawn(message, reason=message)
    return tokens


def refresh(grant: OAuthGrant) -> Tokens:
    """A new access token. What comes back must be stored: the old refresh token may be worthless from now on.

    Raises Withdrawn, ClientRefused, Temporary.
    """
    return _ask(grant, {"grant_type": "refresh_token", "refresh_token": grant.refresh_token})


def _ask(grant: OAuthGrant, fields: Mapping[str, str]) -> Tokens:
    client = {"client_id": grant.client_id, "client_secret": grant.client_secret}
    address = _at(vendor_of(grant.provider).token_url, grant)
    try:
        answer = http.post_form(address, fields={**client, **fields})
    except Permanent as error:  # the address is fixed, so what stands in the way is the network of this moment
        raise Temporary(str(error)) from error
    found = _object_in(answer)
    if not answer.is_good or "error" in found:
        raise _error_in(grant, answer, found)
    access, renewed = found.get("access_token"), found.get("refresh_token") or ""
    if not _is_token(access) or not (renewed == "" or _is_token(renewed)):
        raise Temporary(f"{grant.get_provider_display()} answers without an access token.")
    return Tokens(str(access), str(renewed), _lifetime(found.get("expires_in")))


def _object_in(answer: http.Answer) -> dict[str, Any]:
    """The JSON object of an answer; empty for an error page."""
    try:
        found = answer.json()
    except Temporary:
        return {}
    return found if isinstance(found, dict) else {}


def _error_in(grant: OAuthGrant, answer: http.Answer, found: Mapping[str, Any]) -> LoginRefused | Temporary:
    name, code = grant.get_provider_display(), shown(found.get("error"), limit=60)
    reason = f"{code}: {shown(found.get('error_description'))}".rstrip(": ")
    if code in _CONNECT_AGAIN and answer.status < 500:
        message = f"{name} no longer accepts the connection. Connect the mailbox again. ({reason})"
        return Withdrawn(message, reason=reason)
    if code in _CLIENT_AT_FAULT and answer.status < 500:
        return ClientRefused(f"{name} does not accept the client ID or secret. ({reason})", reason=reason)
    return Temporary(f"{name} issues no token just now (status {answer.status}{', ' if reason else ''}{reason}).")


def _is_token(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TOKEN and value.isascii() and value.isprintable()


def _lifetime(seconds: object) -> timedelta:
    try:
        life = timedelta(seconds=int(str(seconds)))
    except (ValueError, OverflowError):
        return _SHORTEST_LIFE
    return max(_SHORTEST_LIFE, min(life, _LONGEST_LIFE))


def shown(words: object, *, limit: int = _LONGEST_QUOTE) -> str:
    """The provider's words, in one line, fit for an admin's page and the log."""
    text = words if isinstance(words, str) else ""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text[: 4 * limit]).split())[:limit]


def _at(url: str, grant: OAuthGrant) -> str:
    tenant = grant.tenant or ANY_TENANT
    if not TENANT.fullmatch(tenant):
        raise ClientRefused("The directory (tenant) is not an id or a domain.")
    return url.replace("{tenant}", tenant)
