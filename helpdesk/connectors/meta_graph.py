"""Asking the Graph API: one place for the address, the token, the proof of the app, and what a refusal means.

Sources: developers.facebook.com "Graph API: handle errors", "rate limits", "secure Graph API calls" (appsecret_proof),
"Messenger Platform: common error codes", "WhatsApp Cloud API: error codes", "debug_token". Decisions follow the
numbers; Meta's own words are only quoted, since they change.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings

from helpdesk.connectors import http, meta
from mail_gateway.errors import GatewayError, LoginRefused, OutcomeUnknown, Permanent, Temporary

#: Meta keeps a version for at least two years.
VERSION = "v25.0"
FACEBOOK = "https://graph.facebook.com"
INSTAGRAM = "https://graph.instagram.com"
LIMITS = http.Limits(connect_s=5.0, read_s=20.0, total_s=30.0)
UPLOAD_LIMITS = http.Limits(connect_s=5.0, read_s=60.0, total_s=120.0)
_LONGEST_QUOTE = 300

# The account or the app is at fault, and no single message: a person has to do something before anything can be sent.
_LOGIN = frozenset({3, 10, 102, 190, 368, 131005, 131031, 131045, 133010})
_PERMISSIONS = range(200, 300)
_LATER = frozenset(
    {
        1,
        2,
        4,
        9,
        17,
        32,
        341,
        613,
        1200,
        80001,
        80002,
        80006,
        80007,
        130429,
        131000,
        131016,
        131048,
        131056,
        131057,
        133004,
    }
)
#: Seconds, where Meta names none: the limit of one pair of people, of a number, and of one that was reported as spam.
_WAITS = {131056: 30, 130429: 60, 80007: 900, 131048: 3600}
#: One person can't be reached, whatever the code would mean otherwise.
_UNREACHABLE = frozenset({(200, 1545041), (10, 2018065), (100, 2018001), (10, 2534014)})
_WINDOW = frozenset({(10, 2018278), (10, 2534022), (100, 2018278), (100, 2534022), (131047, 0), (470, 0)})
INVALID_PARAMETER = 100
#: Meta says so although it may have sent the message.
_DOUBTFUL = frozenset({(1, 1357046)})


class WindowClosed(Permanent):
    """The person wrote too long ago: only what the platform allows outside its window can be sent."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks: a token, and the secret of the app that it was made for ('' where no proof is sent along)."""

    token: str = field(repr=False)
    app_secret: str = field(default="", repr=False)
    base: str = FACEBOOK


@dataclass(frozen=True, slots=True)
class File:
    """A file to upload."""

    name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """What Meta says of a token. ``expires_at``: when it, or the consent behind it, ends; None for never."""

    is_valid: bool
    scopes: frozenset[str]
    expires_at: datetime | None


def get(access: Access, path: str, **params: str) -> dict[str, Any]:
    """Read something. Raises LoginRefused, Permanent, Temporary."""
    answer = http.get(_address(access, path, params), headers=_headers(access), limits=LIMITS)
    return _understood(answer)


def post(access: Access, path: str, payload: Mapping[str, Any], **params: str) -> dict[str, Any]:
    """Send or change something. Raises WindowClosed besides the errors of `get`."""
    headers = {**_headers(access), "Content-Type": "application/json"}
    body = json.dumps(payload, ensure_ascii=False).encode("utf-8", errors="replace")
    answer = http.send("POST", _address(access, path, params), headers=headers, body=body, limits=LIMITS)
    return _understood(answer, unread=OutcomeUnknown)


def upload(access: Access, path: str, *, fields: Mapping[str, str], file: File, part_name: str) -> dict[str, Any]:
    """Send a file beside fields (multipart/form-data, RFC 7578). Errors as in `get`."""
    boundary = f"luotsi-{secrets.token_hex(16)}"
    headers = {**_headers(access), "Content-Type": f"multipart/form-data; boundary={boundary}"}
    body = _multipart(boundary, fields, file, part_name)
    answer = http.send("POST", _address(access, path, {}), headers=headers, body=body, limits=UPLOAD_LIMITS)
    return _understood(answer)


def inspect(token: str, *, app_id: str, app_secret: str) -> Token:
    """What Meta says of ``token``. Raises LoginRefused when id and secret are not those of an app."""
    asked = Access(token=f"{app_id}|{app_secret}")
    found = meta.part(get(asked, "debug_token", input_token=token), "data")
    ends = [found.get(name) for name in ("expires_at", "data_access_expires_at")]
    times = [datetime.fromtimestamp(end, tz=UTC) for end in ends if isinstance(end, int) and 0 < end < 2**36]
    scopes = frozenset(scope for scope in meta.objects(found, "scopes") if isinstance(scope, str))
    return Token(found.get("is_valid") is True, scopes, min(times, default=None))


def error_of(answer: http.Answer) -> GatewayError:
    """What a refusal means for the one who asked."""
    try:
        error = meta.part(json.loads(answer.body), "error")
    except (ValueError, RecursionError):
        error = {}
    code, subcode = _number(error, "code"), _number(error, "error_subcode")
    words = _words(error) or f"status {answer.status}"
    shown = f"Meta: {words} ({code}/{subcode})" if subcode else f"Meta: {words} ({code})"
    return _family(answer, code, subcode)(shown, code=code, retry_after=retry_after(answer, code))


def error_in_words(code: int, words: str) -> str:
    """The sentence for a refusal that came later, in a status."""
    return f"Meta: {words[:_LONGEST_QUOTE]} ({code})"


def is_window(code: int, subcode: int = 0) -> bool:
    """Whether a refusal says that the person wrote too long ago."""
    return (code, subcode) in _WINDOW


def retry_after(answer: http.Answer, code: int) -> int | None:
    """Seconds to wait: what the answer's headers say, or what is known of the limit. None where nobody knows."""
    given = answer.headers.get("retry-after", "")
    if given.isascii() and given.isdigit():
        return min(int(given), 86_400)
    try:
        usage = json.loads(answer.headers.get("x-business-use-case-usage", "{}"))
    except (ValueError, RecursionError):
        usage = {}
    lists = usage.values() if isinstance(usage, dict) else ()
    minutes = [
        _number(use, "estimated_time_to_regain_access") for uses in lists if isinstance(uses, list) for use in uses
    ]
    if any(minutes):
        return min(max(minutes) * 60, 86_400)
    return _WAITS.get(code)


def _family(answer: http.Answer, code: int, subcode: int) -> type[GatewayError]:
    """Which error a refusal is. The pairs come first: code 10 alone means something else."""
    if is_window(code, subcode):
        return WindowClosed
    if (code, subcode) in _DOUBTFUL:
        return OutcomeUnknown
    if (code, subcode) in _UNREACHABLE:
        return Permanent
    if code in _LATER or answer.status == 429 or answer.status >= 500:
        return Temporary
    if code in _LOGIN or code in _PERMISSIONS or (not code and answer.status in {401, 403}):
        return LoginRefused
    return Permanent


def _understood(answer: http.Answer, *, unread: type[Temporary] = Temporary) -> dict[str, Any]:
    """The object of an answer. ``unread``: what an answer means that says yes and can't be read."""
    if not answer.is_good:
        raise error_of(answer)
    try:
        found = answer.json()
    except Temporary as error:
        raise unread(f"Meta: {error}") from error
    if not isinstance(found, dict):
        raise unread("Meta answers with something that is no object.")
    if "error" in found:
        raise error_of(answer)
    return found


def _address(access: Access, path: str, params: Mapping[str, str]) -> str:
    base = settings.META_URLS.get(access.base, access.base)
    asked = dict(params)
    if access.app_secret:
        proof = hmac.new(access.app_secret.encode(), access.token.encode(), hashlib.sha256).hexdigest()
        asked["appsecret_proof"] = proof
    where = f"{base}/{VERSION}/{quote(path)}"
    return f"{where}?{urlencode(asked)}" if asked else where


def _headers(access: Access) -> dict[str, str]:
    return {"Authorization": f"Bearer {access.token}", "Accept": "application/json"}


def _multipart(boundary: str, fields: Mapping[str, str], file: File, part_name: str) -> bytes:
    lines: list[bytes] = []
    for name, value in fields.items():
        lines += [
            f"--{boundary}".encode(),
            f'Content-Disposition: form-data; name="{name}"'.encode(),
            b"",
            value.encode(),
        ]
    shown = "".join(letter for letter in file.name if letter.isprintable() and letter not in '"\\') or "file"
    disposition = f'Content-Disposition: form-data; name="{part_name}"; filename="{shown}"'
    lines += [f"--{boundary}".encode(), disposition.encode("utf-8", errors="replace")]
    lines += [f"Content-Type: {file.content_type or 'application/octet-stream'}".encode(), b"", file.content]
    return b"\r\n".join([*lines, f"--{boundary}--".encode(), b""])


def _number(parent: Any, name: str) -> int:
    found = parent.get(name) if isinstance(parent, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def _words(error: Mapping[str, Any]) -> str:
    """Meta's own words: those for people where there are any, and the details of WhatsApp."""
    said = meta.text(error, "error_user_msg") or meta.text(error, "message")
    details = meta.text(meta.part(error, "error_data"), "details")
    return f"{said} {details}".strip()[:_LONGEST_QUOTE] if details != said else said[:_LONGEST_QUOTE]
