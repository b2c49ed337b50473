"""Any system that can call a web address: signed webhook in, signed webhook out (docs/social-channels.md).

Both directions carry ``X-Luotsi-Timestamp`` (Unix seconds) and ``X-Luotsi-Signature``: ``sha256=`` and the hexadecimal
HMAC-SHA256, keyed with the shared secret, of the timestamp, a full stop and the raw body.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from helpdesk.connectors import http
from helpdesk.connectors.social import (
    Capabilities,
    Checked,
    Field,
    Forged,
    Handle,
    Item,
    ItemKind,
    Media,
    OutgoingPost,
    ReceiptKind,
    Sent,
    SocialConnector,
    Unreadable,
    refusal,
)
from helpdesk.models import SocialAccount
from helpdesk.text import read_json
from mail_gateway.errors import GatewayError, LoginRefused, OutcomeUnknown, Permanent, Temporary

#: A delivery whose timestamp is further away could have been recorded by somebody and sent again.
TOLERANCE = timedelta(minutes=5)
MAX_ITEMS = 500
_KINDS = frozenset({"message", "edit", "deletion", "receipt", "echo"})
_RECEIPTS = frozenset({"sent", "delivered", "read", "failed"})
_LIMITS = http.Limits(connect_s=5.0, read_s=15.0, total_s=30.0)
_CONFLICT = 409


class GenericConnector(SocialConnector):
    """A channel for whatever has no connector of its own."""

    capabilities = Capabilities(
        public=True,
        threads=True,
        receipts=True,
        edits=True,
        attachments=frozenset({"image", "audio", "video", "file"}),
        max_text=20_000,
    )
    fields = (
        Field(
            name="secret",
            label=_("Shared secret"),
            help=_("At least 16 characters. Both sides sign with it."),
            is_secret=True,
        ),
        Field(
            name="url",
            label=_("Address for answers"),
            help=_("Answers are sent here, signed. Empty: nothing can be answered in this channel."),
            is_required=False,
        ),
    )
    tested = "real server: both directions over HTTP in tests/flows/test_social_hooks.py"

    def check(self, account: SocialAccount) -> Checked:
        if len(_secret(account)) < 16:
            return Checked(ok=False, trouble=str(_("The shared secret is shorter than 16 characters.")))
        url = str(account.settings.get("url") or "")
        if not url:
            return Checked(ok=True, details=((str(_("Answers")), str(_("none: there is no address for them"))),))
        try:
            self._post(account, {"type": "ping"})
        except LoginRefused as error:
            return Checked(ok=False, trouble=str(_("Your system does not accept our signature: %s")) % error)
        except Permanent as error:
            return Checked(ok=False, trouble=str(_("The address for answers does not work: %s")) % error)
        return Checked(ok=True, details=((str(_("Answers")), url),))

    def verify(self, account: SocialAccount, headers: Mapping[str, str], body: bytes) -> None:
        stamp, given = headers.get("x-luotsi-timestamp", ""), headers.get("x-luotsi-signature", "")
        if not _secret(account):
            raise Forged("the account has no secret")
        if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
            raise Forged("no timestamp")
        if not hmac.compare_digest(_signature(account, stamp, body).encode(), given.encode()):
            raise Forged("the signature is wrong")
        if abs(timezone.now().timestamp() - int(stamp)) > TOLERANCE.total_seconds():
            raise Forged("the timestamp is more than five minutes away: an old delivery, or a wrong clock")

    def split(self, account: SocialAccount, body: bytes) -> list[tuple[str, bytes]]:
        found = _parsed(body)
        rows = found.get("events", [found]) if isinstance(found, dict) else found
        if not isinstance(rows, list) or len(rows) > MAX_ITEMS:
            raise Unreadable("neither an event nor a list of at most 500 events")
        return [_named(row) for row in rows]

    def read(self, account: SocialAccount, raw: bytes) -> Item:
        row = _parsed(raw)
        if not isinstance(row, dict):
            raise Unreadable("an event is an object")
        kind = row.get("type", "message")
        if kind not in _KINDS:
            raise Unreadable("its type is none of message, edit, deletion, receipt, echo")
        receipt = row.get("receipt")
        if (kind == "receipt") != (receipt in _RECEIPTS):
            raise Unreadable("a receipt, and nothing else, says sent, delivered, read or failed")
        if kind in {"edit", "deletion"} and not row.get("refers_to"):
            raise Unreadable("it does not say which message it refers to")
        return Item(
            kind=cast("ItemKind", kind),
            external_id=_text(row, "id", is_needed=True),
            thread=_text(row, "thread", is_needed=True),
            at=_moment(row.get("at")),
            sender=_sender(account, row.get("sender")) if kind == "message" else None,
            text=_text(row, "text", most=100_000),
            media=tuple(_media(each) for each in _list(row, "attachments")),
            is_public=row.get("public") is True,
            reply_to=_text(row, "reply_to"),
            receipt=cast("ReceiptKind", receipt) if kind == "receipt" else None,
            refers_to=_text(row, "refers_to"),
            url=_text(row, "url", most=500),
            extra={"language": _text(row, "language"), "error": _text(row, "error", most=500)},
        )

    def can_send(self, account: SocialAccount) -> bool:
        return bool(account.settings.get("url"))

    def send(self, account: SocialAccount, post: OutgoingPost) -> Sent:
        if not self.can_send(account):
            raise Permanent("This channel has no address for answers.")
        answer = self._post(
            account,
            {
                "type": "message",
                "id": post.idempotency_key,
                "thread": post.thread,
                "text": post.text,
                "reply_to": post.reply_to,
                "public": post.is_public,
                "attachments": [
                    {
                        "name": file.name,
                        "content_type": file.content_type,
                        "content": base64.b64encode(file.content).decode("ascii"),
                    }
                    for file in post.media
                ],
            },
        )
        try:
            found = json.loads(answer.body) if answer.body else {}
        except (ValueError, RecursionError):
            found = {}
        said = found if isinstance(found, dict) else {}
        return Sent(external_id=str(said.get("id") or post.idempotency_key), url=str(said.get("url") or ""))

    def _post(self, account: SocialAccount, what: Mapping[str, Any]) -> http.Answer:
        body, stamp = json.dumps(what).encode(), str(int(timezone.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "X-Luotsi-Timestamp": stamp,
            "X-Luotsi-Signature": _signature(account, stamp, body),
        }
        try:
            answer = http.send("POST", str(account.settings["url"]), headers=headers, body=body, limits=_LIMITS)
        except OutcomeUnknown as error:  # the id is the same next time, so saying it again does no harm
            raise Temporary(str(error)) from error
        if not answer.is_good and answer.status != _CONFLICT:  # known already
            raise _refused(answer)
        return answer


def _refused(answer: http.Answer) -> GatewayError:
    wait = answer.headers.get("retry-after", "")
    words = answer.body[:200].decode("utf-8", errors="replace").strip() or "no words"
    return refusal(answer.status, words, retry_after=float(wait) if wait.isdecimal() and len(wait) < 7 else None)


def _secret(account: SocialAccount) -> str:
    return str(account.secrets.get("secret") or "")


def _signature(account: SocialAccount, stamp: str, body: bytes) -> str:
    signed = hmac.new(_secret(account).encode(), f"{stamp}.".encode() + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"


def _parsed(raw: bytes) -> Any:
    try:
        return read_json(raw)
    except ValueError as error:
        raise Unreadable("not JSON") from error


def _named(row: object) -> tuple[str, bytes]:
    """An event with its id; one without is named by its bytes."""
    raw = json.dumps(row, ensure_ascii=False, sort_keys=True).encode()
    name = row.get("id") if isinstance(row, dict) else None
    if isinstance(row, dict) and isinstance(name, str | int) and not isinstance(name, bool) and str(name):
        return f"{row.get('type', 'message')}:{name}"[:200], raw
    return f"nameless:{hashlib.sha256(raw).hexdigest()}", raw


def _text(row: Mapping[str, Any], name: str, *, is_needed: bool = False, most: int = 200) -> str:
    value = row.get(name)
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if is_needed and not text:
        raise Unreadable(f"it has no {name}")
    return text.replace("\x00", "")[:most]


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name) or []
    if not isinstance(value, list):
        raise Unreadable(f"its {name} are no list")
    return value[:20]


def _moment(value: object) -> datetime:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else datetime.fromtimestamp(float(str(value)), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Unreadable("its time is neither ISO 8601 nor Unix seconds") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _sender(account: SocialAccount, value: object) -> Handle:
    """A mail address or phone number counts as one only if the other system has proved it."""
    if not isinstance(value, dict):
        raise Unreadable("it does not say who sent it")
    number = _text(value, "id", is_needed=True)
    name, nickname = _text(value, "name"), _text(value, "nickname")
    is_bot = value.get("is_bot") is True
    for kind in ("email", "phone"):
        if value.get(f"{kind}_verified") is True and _text(value, kind):
            return Handle(
                kind=kind, value=_text(value, kind), name=name, display=nickname, is_verified=True, is_bot=is_bot
            )
    return Handle(
        kind="other",
        value=f"{account.channel.slug}/{number}",
        name=name,
        display=nickname or _text(value, "email") or _text(value, "phone"),
        is_verified=value.get("verified") is True,
        is_bot=is_bot,
    )


def _media(value: object) -> Media:
    if not isinstance(value, dict) or not _text(value, "url", most=2_000):
        raise Unreadable("an attachment has no url")
    size = value.get("size")
    return Media(
        url=_text(value, "url", most=2_000),
        name=_text(value, "name"),
        content_type=_text(value, "content_type"),
        size=size if isinstance(size, int) else 0,
    )


connector = GenericConnector()
