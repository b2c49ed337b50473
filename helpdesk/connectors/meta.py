"""What Meta's three platforms have in common as they hand something over: the proof, the handshake, the batches.

Sources: developers.facebook.com "Webhooks: getting started" (handshake, X-Hub-Signature-256), "Messenger Platform:
webhook events", "Instagram Platform: webhook notification examples". Nothing here asks anybody anything.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from django.utils import translation

from helpdesk.connectors.social import Forged, Unreadable

#: Names of arrivals are at most 250 characters; Instagram's ids of messages alone can have 200.
_LONGEST_ID = 200
#: Meta sends batches of up to 1,000 changes; more is no delivery of theirs.
MOST_ITEMS = 2_000
_MILLISECONDS_FROM = 100_000_000_000

Envelope = dict[str, Any]

#: A text of a form, translated when it is shown; typed as the text that it becomes.
gettext_lazy = cast("Callable[[str], str]", translation.gettext_lazy)


def require_signature(*, app_secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Raises Forged unless ``body``, byte for byte, was signed with the app's secret; without a secret always."""
    method, _, given = headers.get("x-hub-signature-256", "").partition("=")
    signed = hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()
    is_equal = hmac.compare_digest(signed.encode(), given.strip().lower().encode("utf-8", errors="replace"))
    if not app_secret or method != "sha256" or not is_equal:
        raise Forged


def answer_handshake(*, token: str, query: Mapping[str, str]) -> str | None:
    """What Meta wants back when the address is entered at it; None for anybody else."""
    given = query.get("hub.verify_token", "")
    is_ours = hmac.compare_digest(given.encode("utf-8", errors="replace"), token.encode())
    if query.get("hub.mode") != "subscribe" or not token or not is_ours:
        return None
    return query.get("hub.challenge") or None


def entries_of(body: bytes, *, of: str) -> list[Any]:
    """The entries of one delivery about an object of the kind ``of``. Raises Unreadable."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("It is not JSON.") from error
    if isinstance(found, list) and len(found) == 1:  # as some of Meta's own examples are wrapped
        found = found[0]
    if not isinstance(found, dict) or not isinstance(found.get("entry"), list):
        raise Unreadable("It is no delivery of Meta's webhooks.")
    if found.get("object") != of:
        raise Unreadable(f"It is about “{str(found.get('object'))[:40]}”, and this channel takes “{of}”.")
    return list(found["entry"])


def packed(envelope: Envelope) -> bytes:
    """One item of a batch, as it is kept: what came, and which entry it came in."""
    return json.dumps(envelope, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def unpacked(raw: bytes) -> Envelope:
    """What `packed` made. Raises Unreadable."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Unreadable("It is not JSON.") from error
    if not isinstance(found, dict):
        raise Unreadable("It is no event.")
    return found


def named(envelopes: Iterable[Envelope], *, name: Callable[[Envelope], str]) -> list[tuple[str, bytes]]:
    """Each item with the name of its arrival. One without a name is kept under its digest, for `read` to say why."""
    found: list[tuple[str, bytes]] = []
    for envelope in envelopes:
        raw = packed(envelope)
        found.append((bounded(name(envelope) or f"unreadable:{digest(raw)}"), raw))
        if len(found) > MOST_ITEMS:
            raise Unreadable(f"It holds more than {MOST_ITEMS} items.")
    return found


def verify_token(*, app_secret: str, key: str) -> str:
    """What Meta shows at the handshake: made of the app's secret and the key of the address, and so stored nowhere."""
    return hmac.new(app_secret.encode(), f"verify:{key}".encode(), hashlib.sha256).hexdigest()[:32]


def bounded(name: str) -> str:
    """``name``, or what stands for it where it is too long for a row."""
    return name if len(name) <= _LONGEST_ID else f"sha256:{digest(name.encode())}"


def digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def moment(value: Any) -> datetime:
    """A time of Meta's: seconds or milliseconds since 1970, as a number or in quotes. Raises Unreadable."""
    try:
        number = float(value)
        return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, tz=UTC)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise Unreadable("It has no time.") from error


def objects(parent: Any, name: str) -> list[Any]:
    """The list ``name`` of an object, empty where there is none."""
    found = parent.get(name) if isinstance(parent, dict) else None
    return found if isinstance(found, list) else []


def part(parent: Any, name: str) -> dict[str, Any]:
    """The object ``name`` of an object, empty where there is none."""
    found = parent.get(name) if isinstance(parent, dict) else None
    return found if isinstance(found, dict) else {}


def text(parent: Any, name: str) -> str:
    """The text ``name`` of an object; a number becomes its digits, anything else nothing."""
    found = parent.get(name) if isinstance(parent, dict) else None
    if isinstance(found, bool) or not isinstance(found, str | int):
        return ""
    # JSON may hold half a letter (a lone surrogate), which no database takes.
    return str(found).encode("utf-8", errors="replace").decode("utf-8").replace("\x00", "")
