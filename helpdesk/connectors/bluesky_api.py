"""The AT Protocol, asked as one account: sessions and their renewal, and what the answers mean.

A session is made with an app password and lives in memory: two hours by its access token, weeks by its refresh token.
Servers allow few new sessions a day, so one is renewed as long as that goes, and made anew only when it doesn't.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, cast
from urllib.parse import urlencode

from django.utils import timezone

from helpdesk.connectors import http
from helpdesk.connectors.rate_limits import seconds_to_wait
from helpdesk.models import SocialAccount
from helpdesk.text import clean
from mail_gateway.errors import GatewayError, LoginRefused, OutcomeUnknown, Permanent, Temporary

#: To whom the server passes calls about private messages on.
CHAT = {"atproto-proxy": "did:web:api.bsky.chat#bsky_chat"}
_MAX_BYTES = 8 * 1024 * 1024
_UPLOAD_LIMITS = http.Limits(connect_s=5.0, read_s=30.0, total_s=90.0)
_OVER = frozenset({"ExpiredToken", "InvalidToken"})
_ACCOUNT = frozenset(
    "AuthenticationRequired AuthMissing AuthFactorTokenRequired AccountTakedown AccountDeactivated AccountSuspended "
    "InvalidCredentials BadAuth".split()
)
_PASSING = frozenset("UpstreamFailure UpstreamTimeout NotEnoughResources InternalServerError RateLimitExceeded".split())
_GONE = frozenset({"RecordNotFound", "NotFound", "RepoNotFound", "ProfileNotFound"})

Params = Sequence[tuple[str, str]]


class Gone(Permanent):
    """There is no such post or account."""


class SessionOver(LoginRefused):
    """The access token is no longer taken."""


@dataclass(frozen=True, slots=True)
class Session:
    """A login: who we are, and the server that has our data."""

    did: str
    handle: str
    server: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Login:
    """What an admin has entered."""

    service: str
    name: str
    password: str = field(repr=False)

    @property
    def key(self) -> str:
        return sha256(f"{self.service}\n{self.name}\n{self.password}".encode()).hexdigest()


def login_of(account: SocialAccount) -> Login:
    """The login of an account. Raises LoginRefused if its fields hold none."""
    service = str(account.settings.get("service", "")).strip().rstrip("/") or "https://bsky.social"
    name = str(account.settings.get("handle", "")).strip().lstrip("@")
    password = str(account.secrets.get("app_password", "")).strip()
    if not name or not password:
        raise LoginRefused("The account has no handle or no app password.")
    return Login(service if "://" in service else f"https://{service}", name, password)


_sessions: dict[str, Session] = {}
_turns: dict[str, threading.Lock] = {}


@dataclass(frozen=True, slots=True)
class Client:
    """Calls by their names (NSIDs). Raises the errors of mail_gateway.errors, and Gone."""

    login: Login

    @property
    def me(self) -> Session:
        return self._session()

    def query(self, name: str, params: Params = (), *, headers: Mapping[str, str] | None = None) -> Any:
        path = f"/xrpc/{name}" + (f"?{urlencode(params)}" if params else "")
        return self._ask("GET", path, b"", dict(headers or {}))

    def procedure(self, name: str, values: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Any:
        own = {"Content-Type": "application/json", **(headers or {})}
        return self._ask("POST", f"/xrpc/{name}", json.dumps(values).encode(), own)

    def upload(self, content: bytes, content_type: str) -> Any:
        """A blob reference for a record."""
        told = self._ask("POST", "/xrpc/com.atproto.repo.uploadBlob", content, {"Content-Type": content_type})
        return told["blob"]

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
        session = self._session()
        try:
            return _call(method, session.server + path, body, headers | _bearer(session.access))
        except SessionOver:
            session = self._session(instead_of=session)
            return _call(method, session.server + path, body, headers | _bearer(session.access))

    def _session(self, *, instead_of: Session | None = None, is_fresh: bool = False) -> Session:
        """The session of this process; a new one if there is none, or none but the one that is over."""
        key = self.login.key
        with _turns.setdefault(key, threading.Lock()):
            session = _sessions.get(key)
            if session is not None and not is_fresh and session != instead_of:
                return session
            _sessions.pop(key, None)
            renewed = _renew(session) if session is not None and not is_fresh else None
            _sessions[key] = renewed or _log_in(self.login)
            return _sessions[key]

    def log_in_anew(self) -> Session:
        """For an admin who has changed something: nothing of the former session counts."""
        return self._session(is_fresh=True)


def _log_in(login: Login) -> Session:
    body = json.dumps({"identifier": login.name, "password": login.password}).encode()
    url = f"{login.service}/xrpc/com.atproto.server.createSession"
    told = _call("POST", url, body, {"Content-Type": "application/json"})
    if not isinstance(told, dict) or not {"did", "accessJwt", "refreshJwt"} <= told.keys():
        raise Permanent("This is not a server of the AT Protocol.")
    if told.get("active") is False:
        raise LoginRefused(f"The account is not active: {clean(str(told.get('status', '')), max_length=60)}")
    handle, server = clean(str(told.get("handle", "")), max_length=253), _server_in(told.get("didDoc"))
    return Session(str(told["did"]), handle, server or login.service, str(told["accessJwt"]), str(told["refreshJwt"]))


def _renew(session: Session) -> Session | None:
    """The same session with new tokens; None when that is no longer possible."""
    url = f"{session.server}/xrpc/com.atproto.server.refreshSession"
    try:
        told = _call("POST", url, b"", _bearer(session.refresh))
    except Permanent:
        return None
    handle = clean(str(told.get("handle", session.handle)), max_length=253)
    return Session(session.did, handle, session.server, str(told["accessJwt"]), str(told["refreshJwt"]))


def _server_in(document: object) -> str:
    """Where the account's data are, by its DID document; '' if it doesn't say."""
    services = document.get("service") if isinstance(document, dict) else None
    for service in services if isinstance(services, list) else ():
        if isinstance(service, dict) and str(service.get("id", "")).endswith("#atproto_pds"):
            return str(service.get("serviceEndpoint", "")).rstrip("/")
    return ""


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _call(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Any:
    limits = _UPLOAD_LIMITS if len(body) > 100_000 else None
    answer = http.send(
        method, url, headers={"Accept": "application/json", **headers}, body=body, max_bytes=_MAX_BYTES, limits=limits
    )
    if not answer.is_good:
        raise refusal(answer)
    return answer.json() if answer.body else {}


def refusal(answer: http.Answer) -> GatewayError:
    """What an answer that is no good means: the name of the error counts more than the status."""
    name, words = _words_of(answer)
    status, text = answer.status, f"{words or name or 'no reason given'} (HTTP {answer.status})"
    if name in _OVER and not words.startswith("Bad token"):  # that is: not for app passwords of this kind
        return SessionOver(text, code=status)
    if name in _GONE or status in {404, 410} or (name == "InvalidRequest" and "could not locate" in words.lower()):
        return Gone(text, code=status)
    if name in _ACCOUNT or status == 401:
        return LoginRefused(text, code=status)
    if name in _PASSING or status in {408, 425, 429} or status >= 500:
        wait = seconds_to_wait(answer.headers, now=timezone.now())
        return Temporary(text, code=status, retry_after=wait if status in {429, 503} else None)
    return Permanent(text, code=status)


def _words_of(answer: http.Answer) -> tuple[str, str]:
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(told, dict):
        return "", ""
    return clean(str(told.get("error", "")), max_length=60), clean(str(told.get("message", "")), max_length=200)


def repeatable(error: GatewayError) -> GatewayError:
    """An outcome that nobody knows is no harm where the same call leaves one thing, however often it is made."""
    return Temporary(str(error), code=error.code) if isinstance(error, OutcomeUnknown) else error


def as_dict(value: object) -> dict[str, Any]:
    """The object, or an empty one for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
