"""A server that speaks Mastodon's API (Mastodon itself, GoToSocial, Pleroma, Akkoma and others), asked as one account.

What the account is called and what its server takes hardly ever changes: it is asked once a process, or again after
`FRESH_SECONDS`.
"""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.utils import timezone

from helpdesk.connectors import http
from helpdesk.connectors.rate_limits import seconds_to_wait
from helpdesk.connectors.social import Upload
from helpdesk.models import SocialAccount
from helpdesk.text import clean
from mail_gateway.errors import GatewayError, LoginRefused, Permanent, Temporary

FRESH_SECONDS = 3600.0
_MEDIA_PATIENCE_SECONDS, _MEDIA_LOOK_SECONDS = 30.0, 1.0
_UPLOAD_LIMITS = http.Limits(connect_s=5.0, read_s=30.0, total_s=90.0)
_MAX_BYTES = 8 * 1024 * 1024
#: What a server that closes its door to this one call says with 403, and nothing is wrong with the account.
_NOT_THIS_ONE = ("not allowed", "not permitted")

Params = Sequence[tuple[str, str]]


class Gone(Permanent):
    """There is no such post or account, or none that this account may see."""


@dataclass(frozen=True, slots=True)
class Self:
    """Who we are on the server, and what it takes."""

    id: str
    acct: str
    name: str
    domain: str
    max_characters: int
    link_characters: int
    #: The name of the program that our token belongs to: its posts are ours, not somebody's by hand.
    program: str
    version: str
    scopes: tuple[str, ...]

    def full(self, acct: str) -> str:
        """``ann@far.example`` for everybody: people of our own server are written without one."""
        return (acct if "@" in acct else f"{acct}@{self.domain}").lower()


@dataclass(frozen=True, slots=True)
class Server:
    """The API of one server, with the token of one account. Raises the errors of mail_gateway.errors, and Gone."""

    address: str
    token: str = field(repr=False)

    def get(self, path: str, params: Params = ()) -> Any:
        query = f"?{urlencode(params)}" if params else ""
        return self._ask("GET", path + query, body=b"", headers={}).json()

    def post(self, path: str, values: Mapping[str, Any], *, key: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        return self._ask("POST", path, body=json.dumps(values).encode(), headers=headers).json()

    def upload(self, file: Upload) -> str:
        """Hand a file over and wait until the server is done with it; its id there."""
        boundary = token_hex(16)
        body = _form_with(file, boundary)
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        media_id = str(self._ask("POST", "/api/v2/media", body=body, headers=headers).json()["id"])
        ends_at = time.monotonic() + _MEDIA_PATIENCE_SECONDS
        while self._ask("GET", f"/api/v1/media/{segment(media_id)}", body=b"", headers={}).status != 200:
            if time.monotonic() > ends_at:
                raise Temporary("The server is still busy with a file.")
            threading.Event().wait(_MEDIA_LOOK_SECONDS)
        return media_id

    def _ask(self, method: str, path: str, *, body: bytes, headers: Mapping[str, str]) -> http.Answer:
        own = {"Authorization": f"Bearer {self.token}", "Accept": "application/json", **headers}
        limits = _UPLOAD_LIMITS if len(body) > 100_000 else None
        answer = http.send(method, self.address + path, headers=own, body=body, max_bytes=_MAX_BYTES, limits=limits)
        if not answer.is_good:
            raise refusal(answer)
        return answer


def refusal(answer: http.Answer) -> GatewayError:
    """What an answer that is no good means."""
    words = _words_of(answer) or "no reason given"
    status, text = answer.status, f"{words} (HTTP {answer.status})"
    if status == 401 or (status == 403 and not any(hint in words.lower() for hint in _NOT_THIS_ONE)):
        return LoginRefused(text, code=status)
    if status in {404, 410}:
        return Gone(text, code=status)
    if status in {408, 425, 429} or status >= 500:
        wait = seconds_to_wait(answer.headers, now=timezone.now())
        return Temporary(text, code=status, retry_after=wait if status in {429, 503} else None)
    return Permanent(text, code=status)


def _words_of(answer: http.Answer) -> str:
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    return clean(str(told.get("error", "")), max_length=200) if isinstance(told, dict) else ""


def segment(value: str) -> str:
    """An id as one part of a path."""
    return quote(value, safe="")


def _form_with(file: Upload, boundary: str) -> bytes:
    """RFC 7578, one file. The name is reduced to what can't end its quotation."""
    name = "".join(char if char.isalnum() or char in "._- " else "_" for char in file.name)[:100] or "file"
    content_type = file.content_type if file.content_type.isascii() and file.content_type.isprintable() else ""
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {content_type or 'application/octet-stream'}\r\n\r\n"
    )
    return head.encode() + file.content + f"\r\n--{boundary}--\r\n".encode()


def server_of(account: SocialAccount) -> Server:
    """The server of an account. Raises LoginRefused if its fields name none."""
    address, token = address_of(str(account.settings.get("server", ""))), str(account.secrets.get("token", "")).strip()
    if not address or not token:
        raise LoginRefused("The account has no server or no access token.")
    return Server(address, token)


def address_of(written: str) -> str:
    """``https://host`` for what a person wrote of a server; '' when it is none."""
    written = written.strip()
    if not written:
        return ""
    try:
        place = urlsplit(written if "://" in written else f"https://{written}")
        host, port = place.hostname or "", place.port
    except ValueError:
        return ""
    return f"{place.scheme}://{host}{f':{port}' if port else ''}" if host else ""


_known: dict[str, tuple[float, Self]] = {}


def self_of(server: Server, *, is_fresh: bool = False) -> Self:
    """Who we are, from memory if that is young enough and ``is_fresh`` is not asked for."""
    key = sha256(f"{server.address}\n{server.token}".encode()).hexdigest()
    at, known = _known.get(key, (float("-inf"), None))
    if known is None or is_fresh or time.monotonic() - at > FRESH_SECONDS:
        known = _ask_who_we_are(server)
        _known[key] = (time.monotonic(), known)
    return known


def _ask_who_we_are(server: Server) -> Self:
    account = server.get("/api/v1/accounts/verify_credentials")
    instance = _instance(server)
    try:
        program = server.get("/api/v1/apps/verify_credentials")
    except Permanent:  # not every server tells
        program = {}
    if not isinstance(account, dict) or not account.get("id") or not isinstance(program, dict):
        raise Permanent("This is not a server that speaks Mastodon's API.")
    limits = _part(_part(instance, "configuration"), "statuses")
    return Self(
        id=str(account["id"]),
        acct=str(account.get("acct", "")),
        name=clean(str(account.get("display_name") or account.get("username") or ""), max_length=120),
        domain=str(instance.get("domain") or instance.get("uri") or urlsplit(server.address).hostname).lower(),
        max_characters=_number(limits.get("max_characters") or instance.get("max_toot_chars"), 500),
        link_characters=_number(limits.get("characters_reserved_per_url"), 23),
        program=str(program.get("name", "")),
        version=clean(str(instance.get("version", "")), max_length=60),
        scopes=tuple(str(scope) for scope in program.get("scopes") or ()),
    )


def _instance(server: Server) -> dict[str, Any]:
    for path in ("/api/v2/instance", "/api/v1/instance"):
        try:
            told = server.get(path)
        except Gone:
            continue
        if isinstance(told, dict):
            return told
    return {}


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, dict) else {}


def _number(value: object, default: int) -> int:
    return value if isinstance(value, int) and value > 0 else default
