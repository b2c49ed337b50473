"""An agent at a running desk, with a browser of a few lines: logs in, answers."""

import re
from contextlib import closing
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPResponse  # noqa: TID251  # the test is the browser here
from urllib.parse import urlencode

from tests.servers.desk_process import Desk

EMAIL, PASSWORD = "dora@luotsi.example", "a long enough password"


def make_admin(desk: Desk) -> None:
    """Let the desk have an admin who can log in."""
    new = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD, "LUOTSI_CRASH_AT": ""}
    named = ("--email", EMAIL, "--name", "Dora")
    done = replace(desk, extra={**desk.extra, **new}).manage("createsuperuser", "--noinput", *named)
    assert done.returncode == 0, done.stderr


@dataclass
class Browser:
    """Keeps the cookies, which outlive a crash of the desk."""

    desk: Desk
    cookies: dict[str, str] = field(default_factory=dict)

    def log_in(self) -> None:
        page = self._ask("GET", "/login/")
        assert self._ask("POST", "/login/", {**_token_in(page), "username": EMAIL, "password": PASSWORD}) == ""

    def answer(self, reference: str, text: str, *, to: str) -> None:
        """Send an answer. Raises OSError or HTTPException when the desk dies over it."""
        page = self._ask("GET", f"/tickets/{reference}/")
        fields = {"kind": "reply", "reply": text, "to": to, "seen": "0", "is_forced": "yes"}
        assert self._ask("POST", f"/tickets/{reference}/send/", {**_token_in(page), **fields}) == ""

    def _ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> str:
        """The page; '' for one that leads on to another."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        with closing(HTTPConnection("127.0.0.1", self.desk.http, timeout=20)) as line:
            line.request(method, path, body=urlencode(fields) if fields else None, headers=headers)
            response = line.getresponse()
            self._keep_cookies(response)
            page = response.read().decode()
        assert response.status in {200, 302}, f"{method} {path}: {response.status} {page[:2000]}"
        return "" if response.status == 302 else page

    def _keep_cookies(self, response: HTTPResponse) -> None:
        for line in response.headers.get_all("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value


def _token_in(page: str) -> dict[str, str]:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found is not None, page[:2000]
    return {"csrfmiddlewaretoken": found[1]}
