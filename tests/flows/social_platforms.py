"""The other side of a generic social channel: a system that signs its deliveries, on a real socket."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpResponse
from django.test import Client

from helpdesk.actions import social_accounts
from helpdesk.connectors.social import Checked
from helpdesk.intake import social_queue
from helpdesk.models import SocialAccount
from tests import make
from tests.servers.raw_http import RawServer, says, serve

SECRET = "a shared secret of some length"


def account(
    *, provider: str = "generic", name: str = "Shop app", secret: str = SECRET, **settings: str
) -> SocialAccount:
    """A stored account that was checked."""
    settings = {"url": "https://shop.example/in"} | settings
    wanted = social_accounts.Wanted(name=name, team=None, is_active=True, settings=settings, secrets={"secret": secret})
    row = social_accounts.draft_account(account=None, provider=provider, wanted=wanted, at=make.NOON)
    return social_accounts.save_account(account=row, checked=Checked(ok=True, name=name), by=None, at=make.NOON)


def event(number: str = "m1", **fields: Any) -> dict[str, Any]:
    """A message of Ann's, as the system delivers it."""
    return {
        "type": "message",
        "id": number,
        "thread": "t1",
        "at": time.time(),
        "sender": {"id": "17", "name": "Ann Archer", "verified": True},
        "text": "Hello, I cannot log in since the update this morning.",
    } | fields


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """The headers of a delivery."""
    stamp = str(int(at if at is not None else time.time()))
    mac = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Luotsi-Timestamp": stamp, "X-Luotsi-Signature": f"sha256={mac}"}


def deliver(
    to: SocialAccount, *events: Any, body: bytes | None = None, headers: dict[str, str] | None = None
) -> HttpResponse:
    """One delivery with a good signature, unless other headers are given."""
    content = json.dumps({"events": events}).encode() if body is None else body
    given = signed(content) if headers is None else headers
    answer: Any = Client().generic("POST", f"/hooks/{to.key}/", content, "application/json", headers=given)
    return answer  # type: ignore[no-any-return]


def work() -> None:
    """Work on everything that has arrived."""
    while any(social_queue.work_once(number) for number in social_queue.channels_with_work()):
        pass


@contextmanager
def partner(status: str = "200 OK", *headers: str, body: bytes = b"{}") -> Iterator[RawServer]:
    """The system that answers go to; what was sent is in its `requests`."""
    with serve(says(status, *headers, body=body)) as server:
        yield server


def said_to(server: RawServer) -> list[dict[str, Any]]:
    """The bodies of what was sent, whose signatures are checked."""
    found = []
    for request in server.requests:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
        mac = hmac.new(SECRET.encode(), lines[b"x-luotsi-timestamp"] + b"." + body, hashlib.sha256).hexdigest()
        assert lines[b"x-luotsi-signature"].decode() == f"sha256={mac}"
        found.append(json.loads(body))
    return found
