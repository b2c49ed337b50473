"""Who is at the other end: the visitor's token, and the signed token by which a web site vouches for a person.

The visitor's token proves by itself that the desk made it for this channel, so that nothing need be stored before the
first message. The site's token is a JWT (RFC 7519) of one shape only; it is checked here with HMAC, since one
algorithm and five claims are less code than the choices that a library would have to be kept from.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import Any

from helpdesk import keys
from helpdesk.actions.visitors import Person
from helpdesk.models import ChatSite
from helpdesk.text import clean, one_address, read_json

_TOKEN = re.compile(r"1\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{22})")
MAX_JWT = 4_096
LONGEST_LIFE, CLOCK_SKEW = timedelta(hours=1), timedelta(seconds=60)


class BadIdentity(Exception):
    """The site's token proves nothing; the reason is for the log, never for the visitor."""


def new_token(channel_id: int) -> str:
    """A token of 256 random bits for a visitor of this channel."""
    secret = secrets.token_urlsafe(32)
    return f"1.{secret}.{_proof(keys.chat_keys()[0], channel_id, secret)}"


def new_message_id() -> str:
    """A client id for a message that is written without scripts."""
    return secrets.token_hex(16)


def is_ours(token: object, channel_id: int) -> bool:
    """Whether the desk made this token for this channel; whose it is, or whether it is over, stands in the rows."""
    match = _TOKEN.fullmatch(token) if isinstance(token, str) else None
    if match is None:
        return False
    return any(hmac.compare_digest(_proof(key, channel_id, match[1]), match[2]) for key in keys.chat_keys())


def _proof(key: bytes, channel_id: int, secret: str) -> str:
    mac = hmac.new(key, f"visitor token|{channel_id}|{secret}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac[:16]).decode().rstrip("=")


def person_of(token: object, *, site: ChatSite, now: datetime) -> Person:
    """The person whom the site's token names. Raises BadIdentity."""
    if not isinstance(token, str) or len(token) > MAX_JWT or token.count(".") != 2:
        raise BadIdentity("no token")
    signed, _, signature = token.rpartition(".")
    header, claims = (_json(part) for part in signed.split("."))
    if header.get("alg") != "HS256" or "crit" in header:
        raise BadIdentity("another algorithm")
    row = site.keys.filter(kid=str(header.get("kid", ""))[:16], retired_at=None).first()
    if row is None:
        raise BadIdentity("no such key")
    expected = hmac.new(row.secret.encode(), signed.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(expected, _bytes(signature)):
        raise BadIdentity("wrong signature")
    return _person(claims, now)


def _person(claims: dict[str, Any], now: datetime) -> Person:
    issued, expires, subject = _number(claims.get("iat")), _number(claims.get("exp")), claims.get("sub")
    if not issued or not expires or not isinstance(subject, str):
        raise BadIdentity("a claim is missing")
    if issued > now.timestamp() + CLOCK_SKEW.total_seconds() or expires <= now.timestamp():
        raise BadIdentity("not valid now")
    if not 0 < expires - issued <= LONGEST_LIFE.total_seconds():
        raise BadIdentity("valid for too long")
    if not subject or len(subject) > 190 or not subject.isprintable():
        raise BadIdentity("not a usable subject")
    return Person(subject=subject, name=clean(str(claims.get("name") or ""), max_length=120), address=_address(claims))


def _address(claims: dict[str, Any]) -> str:
    if not claims.get("email"):
        return ""
    try:
        return one_address(str(claims["email"]))
    except ValueError as error:
        raise BadIdentity("not an address") from error


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e11:
        return 0.0
    return float(value)


def _json(part: str) -> dict[str, Any]:
    try:
        value = read_json(_bytes(part))
    except ValueError as error:
        raise BadIdentity("not readable") from error
    if not isinstance(value, dict):
        raise BadIdentity("not readable")
    return value


def _bytes(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadIdentity("not base64") from error
