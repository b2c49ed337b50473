"""Keys derived from the secret key, one for each purpose, former secrets included.

A key that seals one thing must never open another, so each purpose has its own HKDF label (RFC 5869).
"""

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from mail_gateway.ids import Keys


def derived(secret: str, purpose: str) -> bytes:
    """32 bytes for ``purpose``, the same at every start."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"luotsi/{purpose}".encode()).derive(secret.encode())


def _secrets() -> tuple[str, ...]:
    return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=4)
def _sealer(secrets: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(derived(secret, "secrets at rest"))) for secret in secrets])


@lru_cache(maxsize=4)
def _mail_keys(secrets: tuple[str, ...]) -> Keys:
    by_id = {}
    for secret in secrets:
        key = derived(secret, "mail ids")
        # The id only names the key; two hex digits of a hash say nothing about it.
        by_id[hashlib.sha256(key).hexdigest()[:2]] = key
    return Keys(current=next(iter(by_id)), secrets=by_id)


def sealer() -> MultiFernet:
    """Seals and opens secrets at rest; seals with the newest key."""
    return _sealer(_secrets())


def mail_keys() -> Keys:
    """The keys of reply tokens, Message-IDs and bounce addresses."""
    return _mail_keys(_secrets())


def chat_keys() -> tuple[bytes, ...]:
    """The keys of visitors' tokens, the newest first."""
    return _chat_keys(_secrets())


@lru_cache(maxsize=4)
def _chat_keys(secrets: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(derived(secret, "chat visitors") for secret in secrets)


def ledger_keys() -> tuple[bytes, ...]:
    """The keys of the hashes in the ledger of erasures, the newest first."""
    return _ledger_keys(_secrets())


@lru_cache(maxsize=4)
def _ledger_keys(secrets: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(derived(secret, "erasure ledger") for secret in secrets)


def suppression_keys() -> tuple[bytes, ...]:
    """The keys of the hashes of addresses that refused before they were erased, the newest first."""
    return _suppression_keys(_secrets())


@lru_cache(maxsize=4)
def _suppression_keys(secrets: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(derived(secret, "suppressions") for secret in secrets)


def log_key() -> bytes:
    """The key by which the log tells one address from another without naming them."""
    return _log_key(_secrets())


@lru_cache(maxsize=4)
def _log_key(secrets: tuple[str, ...]) -> bytes:
    return derived(secrets[0], "addresses in the log")
