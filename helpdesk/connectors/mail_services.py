"""What mail services say when they hand over a mail by webhook: is it theirs, and which bytes did they receive?

Only complete mails are taken, as the bytes that the service received: what a service makes of a mail (fields, files,
"stripped text") can't be stored as what arrived, nor be read again by a better parser (MAIL.md 1, 10; docs/adr/0011).

Sources: documentation.mailgun.com "Routes", "Securing webhooks"; postmarkapp.com/developer/webhooks/inbound-webhook;
docs.sendgrid.com "Setting up the Inbound Parse webhook"; docs.aws.amazon.com/ses "Receiving email: SNS action" and
docs.aws.amazon.com/sns "Verifying the signatures of messages".
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from helpdesk.connectors import http
from helpdesk.models.inbound_hooks import MailService

#: The user name beside the password in the address of services that sign nothing.
USER = "luotsi"
#: The name of a region, and nothing else: ``sns.s3-eu-west-1.amazonaws.com`` is a stranger's bucket called "sns".
_SNS_HOST = re.compile(r"sns\.[a-z]{2}(?:-[a-z]{3,12}){1,3}-\d{1,2}\.amazonaws\.com(?:\.cn)?")
#: Of a fixed length: what is signed is the timestamp and the token without anything between them.
_TIMESTAMP = re.compile(rb"\d{10}")
_BOUNDARY = re.compile(rb'boundary="?([^";,]{1,200})"?', re.IGNORECASE)
_FIELD_NAME = re.compile(rb'content-disposition:[^\r\n]*?[;\s]name="([^"\r\n]{0,200})"', re.IGNORECASE)
_MOST_FIELDS = 1_000
#: Of the headers of one field.
_LONGEST_HEAD = 4_096
_SIGNED_NOTICE = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SIGNED_SUBSCRIPTION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


class Forged(Exception):
    """Nothing proves that the service sent it."""


class NotRaw(Exception):
    """The service sent what it made of a mail, and not the mail."""


class Unreadable(Exception):
    """It is no delivery of this service."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A webhook's call as it came. Names of headers are in lower case."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivered:
    """One mail. ``external_id`` names this delivery; ``mail_from`` is None where the service doesn't say."""

    external_id: str
    raw: bytes = field(repr=False)
    mail_from: str | None = None
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """SNS asks whether somebody wants its deliveries here; a GET of ``url`` says yes."""

    url: str


def read(service: str, posted: Posted, *, secret: str) -> Delivered | Subscription:
    """What a service posted. Raises Forged, NotRaw, Unreadable; Temporary when a certificate can't be fetched."""
    return _READERS[MailService(service)](posted, secret)


def confirm(subscription: Subscription) -> bool:
    """Say yes to SNS. Raises Temporary and Permanent as connectors.http."""
    return http.get(subscription.url, redirects=1).status == 200


def _mailgun(posted: Posted, secret: str) -> Delivered:
    fields = form_fields(posted)
    timestamp, token = fields.get("timestamp", b""), fields.get("token", b"")
    signed = hmac.new(secret.encode(), timestamp + token, hashlib.sha256).hexdigest()
    is_whole = bool(token) and _TIMESTAMP.fullmatch(timestamp) is not None
    if not is_whole or not hmac.compare_digest(signed.encode(), fields.get("signature", b"")):
        raise Forged
    if not (raw := fields.get("body-mime")):
        raise NotRaw
    return Delivered(
        external_id=f"mailgun:{_text(token)}",
        raw=raw,
        mail_from=_text(fields["sender"]) if "sender" in fields else None,
        recipients=tuple(each.strip() for each in _text(fields.get("recipient", b"")).split(",") if each.strip()),
    )


def _postmark(posted: Posted, secret: str) -> Delivered:
    _require_password(posted, secret)
    event = _json(posted.body)
    raw = event.get("RawEmail")
    if not isinstance(raw, str) or not raw:
        raise NotRaw
    recipient = event.get("OriginalRecipient")
    return Delivered(
        external_id=f"postmark:{event.get('MessageID') or _digest(_bytes(raw))}",
        raw=_bytes(raw),
        recipients=(recipient,) if isinstance(recipient, str) and recipient else (),
    )


def _sendgrid(posted: Posted, secret: str) -> Delivered:
    _require_password(posted, secret)
    fields = form_fields(posted)
    if not (raw := fields.get("email")):
        raise NotRaw
    envelope = _json(fields.get("envelope", b"{}"))
    recipients = envelope.get("to")
    sender = envelope.get("from")
    return Delivered(
        external_id=f"sendgrid:{_digest(raw)}",
        raw=raw,
        mail_from=sender if isinstance(sender, str) else None,
        recipients=tuple(each for each in recipients if isinstance(each, str)) if isinstance(recipients, list) else (),
    )


def _ses(posted: Posted, secret: str) -> Delivered | Subscription:
    event = _json(posted.body)
    # Anybody with an account there can send us well-signed messages: only those of the one topic are meant.
    if not hmac.compare_digest(str(event.get("TopicArn", "")).encode(), secret.strip().encode()):
        raise Forged
    _require_sns_signature(event, fetch=_certificate)
    if event.get("Type") == "SubscriptionConfirmation":
        return Subscription(_sns_address(event.get("SubscribeURL")))
    if event.get("Type") != "Notification":
        raise Unreadable
    notice = _json(str(event.get("Message", "")).encode())
    if notice.get("notificationType") != "Received":
        raise Unreadable
    mail, receipt = _object(notice, "mail"), _object(notice, "receipt")
    recipients, source = receipt.get("recipients"), mail.get("source")
    return Delivered(
        external_id=f"ses:{mail.get('messageId') or event.get('MessageId')}",
        raw=_ses_content(notice, receipt),
        mail_from=source if isinstance(source, str) else None,
        recipients=tuple(each for each in recipients if isinstance(each, str)) if isinstance(recipients, list) else (),
    )


def _ses_content(notice: Mapping[str, Any], receipt: Mapping[str, Any]) -> bytes:
    content = notice.get("content")
    if not isinstance(content, str) or not content:
        raise NotRaw  # stored in S3 only, say
    if _object(receipt, "action").get("encoding") != "BASE64":
        return _bytes(content)
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise Unreadable from error


_READERS: Mapping[MailService, Callable[[Posted, str], Delivered | Subscription]] = {
    MailService.MAILGUN: _mailgun,
    MailService.POSTMARK: _postmark,
    MailService.SENDGRID: _sendgrid,
    MailService.SES: _ses,
}


def _require_password(posted: Posted, secret: str) -> None:
    """HTTP basic authentication (RFC 7617): what these services send of ``https://user:password@host/``."""
    scheme, _, credentials = posted.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(credentials.strip(), validate=True)
    except (binascii.Error, ValueError):
        given = b""
    if scheme.lower() != "basic" or not hmac.compare_digest(given, f"{USER}:{secret}".encode()):
        raise Forged


def _require_sns_signature(event: Mapping[str, Any], *, fetch: Callable[[str], rsa.RSAPublicKey]) -> None:
    names = _SIGNED_NOTICE if event.get("Type") == "Notification" else _SIGNED_SUBSCRIPTION
    signed = "".join(f"{name}\n{event[name]}\n" for name in names if isinstance(event.get(name), str))
    algorithm = {"1": hashes.SHA1(), "2": hashes.SHA256()}.get(str(event.get("SignatureVersion")))  # noqa: S303  # theirs
    if algorithm is None:
        raise Forged
    key = fetch(_sns_address(event.get("SigningCertURL")))
    try:
        signature = base64.b64decode(str(event.get("Signature", "")), validate=True)
        key.verify(signature, signed.encode(), padding.PKCS1v15(), algorithm)
    except (binascii.Error, InvalidSignature) as error:
        raise Forged from error


def _sns_address(address: Any) -> str:
    """An address of SNS itself; whoever could name another would choose the certificate too."""
    try:
        place = urlsplit(address if isinstance(address, str) else "")
        is_sns = place.scheme == "https" and _SNS_HOST.fullmatch(place.netloc) is not None
    except ValueError:
        is_sns = False
    if not is_sns:
        raise Forged
    return str(address)


@lru_cache(maxsize=16)
def _certificate(address: str) -> rsa.RSAPublicKey:
    answer = http.get(address)
    try:
        key = x509.load_pem_x509_certificate(answer.body).public_key() if answer.status == 200 else None
    except ValueError as error:
        raise Forged from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise Forged
    return key


def form_fields(posted: Posted) -> dict[str, bytes]:
    """The fields of an HTML form, byte for byte; the first of each name. Raises Unreadable."""
    kind = posted.headers.get("content-type", "")
    if kind.lower().startswith("application/x-www-form-urlencoded"):
        try:
            pairs = parse_qsl(
                posted.body.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=_MOST_FIELDS
            )
        except ValueError as error:
            raise Unreadable from error
        return {name: value.encode("latin-1") for name, value in reversed(pairs)}
    boundary = _BOUNDARY.search(kind.encode("latin-1", errors="replace"))
    if not kind.lower().startswith("multipart/form-data") or boundary is None:
        raise Unreadable
    return _parts(posted.body, b"--" + boundary[1])


def _parts(body: bytes, boundary: bytes) -> dict[str, bytes]:
    """The parts of multipart/form-data (RFC 7578): between the boundaries nothing is encoded."""
    found: dict[str, bytes] = {}
    pieces = (b"\r\n" + body).split(b"\r\n" + boundary, maxsplit=_MOST_FIELDS)
    for piece in pieces[1:]:
        head, separator, content = piece.partition(b"\r\n\r\n")
        name = _FIELD_NAME.search(head[:_LONGEST_HEAD])
        if separator and name is not None:
            found.setdefault(_text(name[1]), content)
    return found


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable from error
    if not isinstance(found, dict):
        raise Unreadable
    return found


def _object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: bytes) -> str:
    return value.decode("utf-8", errors="replace")


def _bytes(text: str) -> bytes:
    """JSON may hold half a letter (a lone surrogate), which no bytes stand for."""
    return text.encode("utf-8", errors="replace")


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
