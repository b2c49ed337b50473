"""Identifiers that only this desk can make: Message-IDs, reply addresses and bounce addresses with a MAC.

A token names a ticket (or a delivery) and the recipient it was made for, so that a reply can be threaded without
trusting its subject or its sender. Every MAC is HMAC-SHA-256 cut to at least 80 bits, over a purpose, so that a token
of one kind is worthless as another. Checking recomputes the whole token and compares it in constant time, which leaves
no second spelling of a valid one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_KEY_ID = r"[a-z0-9]{1,4}"
_B32 = r"[a-z2-7]"
_HASH_CHARS, _ADDRESS_MAC_CHARS, _ID_MAC_CHARS = 10, 16, 20  # 5 bits each: 50, 80 and 100 bits
_MESSAGE_ID = re.compile(
    rf"r1\.({_KEY_ID})\.([1-9]\d{{0,17}})\.({_B32}{{{_HASH_CHARS}}})\.([a-z0-9]{{1,40}})\.({_B32}{{{_ID_MAC_CHARS}}})"
    r"@([a-z0-9.-]{1,255})"
)
_REPLY = re.compile(
    rf"(.+)\+r\.({_KEY_ID})\.([0-9a-z]{{1,12}})\.({_B32}{{{_HASH_CHARS}}})({_B32}{{{_ADDRESS_MAC_CHARS}}})@(.+)"
)
_BOUNCE = re.compile(rf"(.+)\+b\.({_KEY_ID})\.([0-9a-z]{{1,12}})\.({_B32}{{{_ADDRESS_MAC_CHARS}}})@(.+)")
_NONCE = re.compile(r"[a-z0-9]{1,40}")
_MIN_SECRET_BYTES, _MAX_LOCAL_CHARS, _MAX_ADDRESS_CHARS = 16, 64, 320
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Keys:
    """Secrets by key id (1 to 4 of `a-z0-9`). New tokens use `current`; older keys still verify.

    Raises ValueError for a malformed key id, a secret under 16 bytes or a `current` without secret.
    """

    current: str
    secrets: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if self.current not in self.secrets:
            raise ValueError(f"There is no secret for the current key {self.current!r}.")
        for key_id, secret in self.secrets.items():
            if not re.fullmatch(_KEY_ID, key_id):
                raise ValueError(f"Key id {key_id!r} must be 1 to 4 characters of a-z and 0-9.")
            if len(secret) < _MIN_SECRET_BYTES:
                raise ValueError(f"The secret of key {key_id!r} is shorter than {_MIN_SECRET_BYTES} bytes.")


@dataclass(frozen=True, slots=True)
class ReplyToken:
    """What a genuine token says: the ticket, and a hash of the address that it was sent to (see `matches`)."""

    ticket_id: int
    recipient_hash: str
    key_id: str


def make_message_id(keys: Keys, *, ticket_id: int, recipient: str, domain: str, nonce: str) -> str:
    """A Message-ID without angle brackets for a mail about a ticket.

    `nonce` (1 to 40 of `a-z0-9`) makes it unique; ValueError if it or `ticket_id` is malformed.
    """
    _require_positive(ticket_id)
    if not _NONCE.fullmatch(nonce):
        raise ValueError("The nonce must be 1 to 40 characters of a-z and 0-9.")
    return _message_id(keys, keys.current, str(ticket_id), _recipient_hash(recipient), nonce, domain.lower())


def read_message_id(keys: Keys, message_id: str) -> ReplyToken | None:
    """The token in a Message-ID of ours; None for one that is foreign, shortened, altered or of an unknown key."""
    match = _MESSAGE_ID.fullmatch(message_id) if len(message_id) <= _MAX_ADDRESS_CHARS * 2 else None
    if match is None or match[1] not in keys.secrets:
        return None
    key_id, ticket, recipient_hash, nonce, _, domain = match.groups()
    expected = _message_id(keys, key_id, ticket, recipient_hash, nonce, domain)
    if not hmac.compare_digest(expected.encode(), message_id.encode()):
        return None
    return ReplyToken(int(ticket), recipient_hash, key_id)


def make_reply_address(keys: Keys, *, ticket_id: int, recipient: str, mailbox: str) -> str:
    """`support+r.<token>@example.org` for the mailbox `support@example.org`.

    Raises ValueError if the mailbox is no address or the local part would pass 64 characters (RFC 5321).
    """
    _require_positive(ticket_id)
    local, domain = _split(mailbox)
    recipient_hash = _recipient_hash(recipient)
    return _require_short(_reply_address(keys, keys.current, _base36(ticket_id), recipient_hash, local, domain))


def read_reply_address(keys: Keys, address: str) -> ReplyToken | None:
    """The token in a plus-address of ours, or None. Case does not matter: mail servers on the way may change it."""
    match = _match_address(_REPLY, address)
    if match is None or match[2] not in keys.secrets:
        return None
    local, key_id, ticket, recipient_hash, _, domain = match.groups()
    expected = _reply_address(keys, key_id, ticket, recipient_hash, local, domain)
    if not hmac.compare_digest(expected.encode(), match[0].encode()):
        return None
    return ReplyToken(int(ticket, 36), recipient_hash, key_id)


def make_bounce_address(keys: Keys, *, delivery_id: int, mailbox: str) -> str:
    """The return path of one delivery (VERP): `support+b.<token>@example.org`. Raises like `make_reply_address`."""
    _require_positive(delivery_id)
    local, domain = _split(mailbox)
    return _require_short(_bounce_address(keys, keys.current, _base36(delivery_id), local, domain))


def read_bounce_address(keys: Keys, address: str) -> int | None:
    """The delivery whose return path this is, or None for any address that this desk did not make."""
    match = _match_address(_BOUNCE, address)
    if match is None or match[2] not in keys.secrets:
        return None
    local, key_id, delivery, _, domain = match.groups()
    expected = _bounce_address(keys, key_id, delivery, local, domain)
    return int(delivery, 36) if hmac.compare_digest(expected.encode(), match[0].encode()) else None


def matches(token: ReplyToken, address: str) -> bool:
    """Whether `address` is the recipient that the token was made for (case does not matter)."""
    return hmac.compare_digest(token.recipient_hash.encode(), _recipient_hash(address).encode())


def _message_id(keys: Keys, key_id: str, ticket: str, recipient_hash: str, nonce: str, domain: str) -> str:
    mac = _mac(keys.secrets[key_id], "message-id", key_id, ticket, recipient_hash, nonce, domain)
    return f"r1.{key_id}.{ticket}.{recipient_hash}.{nonce}.{mac[:_ID_MAC_CHARS]}@{domain}"


def _reply_address(keys: Keys, key_id: str, ticket: str, recipient_hash: str, local: str, domain: str) -> str:
    mac = _mac(keys.secrets[key_id], "reply-address", key_id, ticket, recipient_hash, local, domain)
    return f"{local}+r.{key_id}.{ticket}.{recipient_hash}{mac[:_ADDRESS_MAC_CHARS]}@{domain}"


def _bounce_address(keys: Keys, key_id: str, delivery: str, local: str, domain: str) -> str:
    mac = _mac(keys.secrets[key_id], "bounce-address", key_id, delivery, local, domain)
    return f"{local}+b.{key_id}.{delivery}.{mac[:_ADDRESS_MAC_CHARS]}@{domain}"


def _require_short(address: str) -> str:
    if len(address.rpartition("@")[0]) > _MAX_LOCAL_CHARS:
        raise ValueError(f"{address} has more than {_MAX_LOCAL_CHARS} characters before the @ (RFC 5321).")
    return address


def _match_address(pattern: re.Pattern[str], address: str) -> re.Match[str] | None:
    # ASCII only: lower() folds the Kelvin sign into "k", which would be a second spelling of a valid token.
    if len(address) > _MAX_ADDRESS_CHARS or not address.isascii():
        return None
    return pattern.fullmatch(address.lower())


def _mac(secret: bytes, purpose: str, *values: str) -> str:
    # A separator that no value can hold keeps ("ab", "c") and ("a", "bc") apart.
    message = "\x00".join(("luotsi", purpose, *values)).encode()
    return _base32(hmac.digest(secret, message, "sha256"))


def _recipient_hash(address: str) -> str:
    digest = hashlib.sha256(b"luotsi recipient\x00" + address.strip().lower().encode("utf-8", "surrogatepass")).digest()
    return _base32(digest)[:_HASH_CHARS]


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits


def _split(mailbox: str) -> tuple[str, str]:
    local, at, domain = mailbox.lower().rpartition("@")
    if not (at and local and domain and mailbox.isascii()):
        raise ValueError(f"{mailbox!r} is no ASCII mail address.")
    return local, domain


def _require_positive(number: int) -> None:
    if number < 1:
        raise ValueError("An id is a positive number.")
