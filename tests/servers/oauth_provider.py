"""An OAuth 2 provider on 127.0.0.1, as strict as Google's and Microsoft's, with a tongue that tests can turn.

It issues codes, access tokens and refresh tokens (RFC 6749), insists on PKCE (RFC 7636), changes the refresh token at
each use and withdraws everything when an old one comes back, and tells a mail server whose a token is (RFC 7662).
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT_ID, CLIENT_SECRET = "desk-client", "desk-client-secret"
SCOPE = "mail offline_access"


@dataclass
class Code:
    """What `authorize` has promised to whoever brings the verifier."""

    user: str
    challenge: str
    redirect_uri: str


@dataclass
class Provider:
    """`user` is who sits before the browser. `mood`: what `token` does instead of its work, once it is set.

    `asked`: the forms that `token` was sent. `gate` is what `token` waits for before it answers.
    """

    port: int = 0
    user: str = "support@desk.example"
    mood: Callable[["_Session"], None] | None = None
    denies_with: dict[str, str] = field(default_factory=dict)
    lifetime_s: int = 3600
    forgets_refresh_token: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, Code] = field(default_factory=dict)
    access: dict[str, tuple[str, float]] = field(default_factory=dict)
    refresh: dict[str, str] = field(default_factory=dict)
    spent: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        """Forget what a test has done."""
        for store in (self.asked, self.codes, self.access, self.refresh, self.spent, self.denies_with):
            store.clear()
        self.mood, self.user, self.lifetime_s = None, "support@desk.example", 3600
        self.forgets_refresh_token = False
        self.gate.set()

    def issue(self, user: str) -> tuple[str, str]:
        """A new access token and a new refresh token for ``user``."""
        access, refresh = f"access-{secrets.token_urlsafe(24)}", f"refresh-{secrets.token_urlsafe(24)}"
        with self.lock:
            self.access[access] = (user, time.time() + self.lifetime_s)
            self.refresh[refresh] = user
        return access, refresh

    def withdraw(self, user: str) -> None:
        """The person takes the permission back."""
        with self.lock:
            self.refresh = {token: owner for token, owner in self.refresh.items() if owner != user}
            self.access = {token: given for token, given in self.access.items() if given[0] != user}

    def forget_access(self, user: str) -> None:
        """All access tokens end at once, before their time; refresh tokens still work."""
        with self.lock:
            self.access = {token: given for token, given in self.access.items() if given[0] != user}

    def owner_of(self, token: str) -> str | None:
        """Whose access token this is; None when it isn't good (any more)."""
        user, until = self.access.get(token, ("", 0.0))
        return user if until > time.time() else None


class _Session(BaseHTTPRequestHandler):
    @property
    def provider(self) -> Provider:
        return cast("_Server", self.server).provider

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name for it
        """Tests say enough."""

    def do_GET(self) -> None:  # http.server's name for it
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if urlsplit(self.path).path.endswith("/authorize"):
            self.authorize(query)
        else:
            self.send_error(404)

    def do_POST(self) -> None:  # http.server's name for it
        size = int(self.headers.get("Content-Length", 0))
        form = {name: values[0] for name, values in parse_qs(self.rfile.read(size).decode()).items()}
        if self.path.endswith("/token"):
            self.provider.asked.append(form)
            self.provider.gate.wait(20)
            with suppress(OSError):  # who asks may have left
                if self.provider.mood is not None:
                    self.provider.mood(self)
                else:
                    self.token(form)
        elif self.path.endswith("/introspect"):
            user = self.provider.owner_of(form.get("token", ""))
            self.say(200, {"active": True, "username": user} if user else {"active": False})
        else:
            self.send_error(404)

    def authorize(self, query: dict[str, str]) -> None:
        """The person has logged in and says yes (or what `denies_with` says); the browser goes back."""
        wanted = {"client_id": CLIENT_ID, "response_type": "code", "code_challenge_method": "S256"}
        if any(query.get(name) != value for name, value in wanted.items()) or not query.get("code_challenge"):
            self.say(400, {"error": "invalid_request", "asked": query})
            return
        answer = {"state": query.get("state", "")}
        if self.provider.denies_with:
            answer |= self.provider.denies_with
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self.provider.codes[answer["code"]] = Code(
                self.provider.user, query["code_challenge"], query["redirect_uri"]
            )
        self.send_response(302)
        self.send_header("Location", f"{query['redirect_uri']}?{urlencode(answer)}")
        self.end_headers()

    def token(self, form: dict[str, str]) -> None:
        provider = self.provider
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            self.say(401, {"error": "invalid_client", "error_description": "The client secret is expired."})
        elif form.get("grant_type") == "authorization_code":
            code = provider.codes.pop(form.get("code", ""), None)
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if code is None or code.challenge != challenge or code.redirect_uri != form.get("redirect_uri"):
                self.say(400, {"error": "invalid_grant", "error_description": "Bad code."})
            else:
                self.give(code.user)
        else:
            self.renew(form.get("refresh_token", ""))

    def renew(self, old: str) -> None:
        provider = self.provider
        with provider.lock:
            user = provider.refresh.pop(old, None)
            if user is not None:
                provider.spent[old] = user
        if user is None:
            if old in provider.spent:  # somebody has a copy: nobody keeps anything
                provider.withdraw(provider.spent[old])
            self.say(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
        else:
            self.give(user)

    def give(self, user: str) -> None:
        access, refresh = self.provider.issue(user)
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": self.provider.lifetime_s}
        kept = {} if self.provider.forgets_refresh_token else {"refresh_token": refresh}
        self.say(200, {**answer, **kept, "scope": SCOPE})

    def say(self, status: int, answer: object) -> None:
        self.write(status, json.dumps(answer).encode(), "application/json")

    def write(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def says(status: int, body: bytes, kind: str = "text/html") -> Callable[[_Session], None]:
    """A mood: always this answer."""
    return lambda session: session.write(status, body, kind)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    provider: Provider

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves before the answer is what some tests are about."""


@contextmanager
def run_provider() -> Iterator[Provider]:
    """Run it on a free port of 127.0.0.1."""
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.provider = Provider(port=server.server_address[1])
        server.provider.gate.set()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.provider
        finally:
            server.provider.gate.set()
            server.shutdown()
            thread.join()
