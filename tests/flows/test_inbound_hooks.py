"""Mail services hand over mail by webhook. They can't be run here: their calls are made as they document them."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from helpdesk.actions import inbound_hooks
from helpdesk.api import inbound_mail
from helpdesk.connectors import http, mail_services
from helpdesk.connectors.mail_services import Posted
from helpdesk.models import Agent, Channel, HookTrouble, InboundEvent, InboundHook, MailService, Message, Receipt
from mail_gateway.errors import Temporary
from tests import make

pytestmark = pytest.mark.django_db

TOPIC = "arn:aws:sns:eu-north-1:123456789012:support-mail"
CERTIFICATE = "https://sns.eu-north-1.amazonaws.com/SimpleNotificationService-1.pem"
#: Bytes that are neither UTF-8 nor seven bits.
RAW = make.mail(text="Where is my order?\n") + "På återseende".encode("latin-1") + b"\r\n\x80\xff\r\n"


def hook_for(channel: Channel, service: MailService, secret: str = "") -> InboundHook:
    return inbound_hooks.use_service(mailbox=channel.mailbox, service=service, secret=secret, by=None)


def post(hook: InboundHook, body: bytes, content_type: str, **headers: str) -> HttpResponse:
    answer: Any = Client().generic("POST", f"/inbound/{hook.key}/", body, content_type, headers=headers)
    return answer  # type: ignore[no-any-return]


def password(hook: InboundHook, secret: str = "") -> str:
    return "Basic " + base64.b64encode(f"luotsi:{secret or hook.secret}".encode()).decode()


def multipart(fields: dict[str, bytes]) -> tuple[bytes, str]:
    parts = [
        b'--limit\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in fields.items()
    ]
    return b"".join(parts) + b"--limit--\r\n", "multipart/form-data; boundary=limit"


def by_mailgun(hook: InboundHook, raw: bytes = RAW, *, key: str = "", **fields: bytes) -> HttpResponse:
    signature = hmac.new((key or hook.secret).encode(), b"1700000000" + b"token-1", hashlib.sha256).hexdigest()
    signed = {"timestamp": b"1700000000", "token": b"token-1", "signature": signature.encode()}
    about = {"sender": b"ann@customer.example", "recipient": b"support@desk.example"}
    return post(hook, *multipart({**signed, **about, "body-mime": raw, **fields}))


def by_postmark(hook: InboundHook, raw: bytes = RAW, *, secret: str = "") -> HttpResponse:
    event = {"MessageID": "pm-1", "OriginalRecipient": "support@desk.example", "RawEmail": raw.decode("latin-1")}
    return post(hook, json.dumps(event).encode(), "application/json", authorization=password(hook, secret))


def by_sendgrid(hook: InboundHook, raw: bytes = RAW) -> HttpResponse:
    envelope = json.dumps({"to": ["support@desk.example"], "from": "ann@customer.example"}).encode()
    return post(hook, *multipart({"email": raw, "envelope": envelope}), authorization=password(hook))


class TestADelivery:
    @pytest.mark.parametrize(
        ("service", "deliver"), [(MailService.MAILGUN, by_mailgun), (MailService.SENDGRID, by_sendgrid)]
    )
    def test_is_stored_byte_for_byte_and_becomes_a_ticket(
        self, channel: Channel, service: MailService, deliver: Any
    ) -> None:
        hook = hook_for(channel, service, "signing-key")

        assert deliver(hook).status_code == 200

        [event] = InboundEvent.objects.all()
        assert event.size == len(RAW)
        assert event.blob == hashlib.sha256(RAW).hexdigest()
        assert event.envelope["mail_from"] == "ann@customer.example"
        assert event.envelope["recipients"] == ["support@desk.example"]
        make.process_all()
        message = Message.objects.get(event=event)
        assert message.sender_address == "ann@customer.example"
        assert "Where is my order?" in message.text
        hook.refresh_from_db()
        assert hook.delivered_at is not None

    def test_of_postmark_becomes_a_ticket(self, channel: Channel) -> None:
        raw = make.mail(text="Where is my order?\n")

        assert by_postmark(hook_for(channel, MailService.POSTMARK), raw).status_code == 200

        make.process_all()
        assert Message.objects.get(kind=Message.Kind.CUSTOMER).text.strip() == "Where is my order?"
        assert InboundEvent.objects.get().envelope["mail_from"] is None

    def test_comes_as_a_plain_form_too(self, channel: Channel) -> None:
        hook = hook_for(channel, MailService.MAILGUN, "signing-key")
        signature = hmac.new(b"signing-key", b"1700000000t", hashlib.sha256).hexdigest()
        mail = "".join(f"%{byte:02x}" for byte in RAW)
        body = f"timestamp=1700000000&token=t&signature={signature}&body-mime={mail}".encode()

        assert post(hook, body, "application/x-www-form-urlencoded").status_code == 200
        assert InboundEvent.objects.get().blob == hashlib.sha256(RAW).hexdigest()

    def test_twice_is_stored_once(self, channel: Channel) -> None:
        hook = hook_for(channel, MailService.MAILGUN, "signing-key")

        assert [by_mailgun(hook).status_code for _ in range(2)] == [200, 200]

        assert InboundEvent.objects.count() == Receipt.objects.count() == 1

    def test_goes_by_the_address_that_ends_in_mime(self, channel: Channel) -> None:
        hook = hook_for(channel, MailService.MAILGUN, "signing-key")

        assert Client().head(f"/inbound/{hook.key}/mime").status_code == 200

    def test_larger_than_djangos_limit_for_forms_is_taken(self, channel: Channel) -> None:
        hook = hook_for(channel, MailService.SENDGRID)

        assert by_sendgrid(hook, make.mail() + b"x" * 76 * 50_000).status_code == 200


class TestADeliveryThatIsRefused:
    def trouble(self, hook: InboundHook) -> str:
        hook.refresh_from_db()
        assert InboundEvent.objects.count() == 0
        return hook.trouble

    def test_was_signed_by_somebody_else(self, channel: Channel) -> None:
        hook = hook_for(channel, MailService.MAILGUN, "signing-key")

        assert by_mailgun(hook, key="another-key").status_code == 403
        assert self.trouble(hook) == HookTrouble.FORGED

    def test_repeats_a_signature_with_its_seam_moved(self, channel: Channel) -> None:
        hook = hook_for(channel, MailService.MAILGUN, "signing-key")

        assert by_mailgun(hook, timestamp=b"1700000000t", token=b"oken-1").status_code == 403
        assert by_mailgun(hook, timestamp=b"170000000", token=b"0token-1").status_code == 403
        assert self.trouble(hook) == HookTrouble.FORGED

    def test_costs_little_before_its_signature_is_looked_at(self, channel: Channel) -> None:
        body = b"--limit\r\n" + b"content-disposition:" * 100_000 + b"\r\n\r\n"
        began_at = time.process_time()

        fields = mail_services.form_fields(Posted({"content-type": "multipart/form-data; boundary=limit"}, body))

        assert fields == {}
        assert time.process_time() - began_at < 2.0

    def test_has_the_wrong_password_or_none(self, channel: Channel) -> None:
        hook = hook_for(channel, MailService.POSTMARK)

        assert by_postmark(hook, secret="guess").status_code == 403
        assert post(hook, b"{}", "application/json").status_code == 403
        assert post(hook, b"{}", "application/json", authorization="Basic ü!").status_code == 403
        assert self.trouble(hook) == HookTrouble.FORGED

    def test_holds_what_the_service_made_of_the_mail(self, channel: Channel) -> None:
        hook = hook_for(channel, MailService.MAILGUN, "signing-key")

        assert by_mailgun(hook, b"").status_code == 422
        assert self.trouble(hook) == HookTrouble.NOT_RAW

    @pytest.mark.parametrize("body", [b"", b"\xff\x00", b"[1]", b"[" * 100_000, b'{"RawEmail": 7}'])
    def test_is_rubbish(self, channel: Channel, body: bytes) -> None:
        hook = hook_for(channel, MailService.POSTMARK)

        assert post(hook, body, "application/json", authorization=password(hook)).status_code == 422
        assert self.trouble(hook) in {HookTrouble.UNREADABLE, HookTrouble.NOT_RAW}

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "multipart/form-data", "multipart/form-data; boundary=", "application/json"]
    )
    def test_is_no_form(self, channel: Channel, content_type: str) -> None:
        hook = hook_for(channel, MailService.MAILGUN, "signing-key")

        assert post(hook, b"--x\r\n" * 5_000, content_type).status_code == 422

    def test_is_too_large(self, channel: Channel, settings: Settings) -> None:
        settings.MAX_MAIL_BYTES = 1_000
        hook = hook_for(channel, MailService.SENDGRID)

        assert by_sendgrid(hook, make.mail() + b"x" * 1_000).status_code == 413
        assert by_sendgrid(hook, make.mail() + b"x" * 100_000).status_code == 413
        assert self.trouble(hook) == HookTrouble.TOO_LARGE

    def test_goes_to_an_address_that_nobody_has_or_that_is_closed(self, channel: Channel) -> None:
        hook = hook_for(channel, MailService.SENDGRID)
        channel.is_active = False
        channel.save()

        assert by_sendgrid(hook).status_code == 404
        assert Client().post("/inbound/no-such-key/").status_code == 404

    def test_comes_again_when_the_database_is_away(self, channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
        hook = hook_for(channel, MailService.SENDGRID)

        def locked(**_: object) -> None:
            raise Temporary("The database did not take the mail") from OperationalError("locked")

        monkeypatch.setattr(inbound_mail, "accept", locked)

        assert by_sendgrid(hook).status_code == 503

    def test_still_says_so_until_the_next_one_is_taken(self, channel: Channel) -> None:
        hook = hook_for(channel, MailService.MAILGUN, "signing-key")
        by_mailgun(hook, key="another-key")
        by_mailgun(hook)

        hook.refresh_from_db()
        assert hook.trouble == ""


@pytest.fixture
def sns(monkeypatch: pytest.MonkeyPatch) -> Iterator[rsa.RSAPrivateKey]:
    """A key of SNS, whose certificate lies where SNS keeps it; every other address is not there."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )

    def get(url: str, **_: object) -> http.Answer:
        return http.Answer(200, {}, certificate if url == CERTIFICATE else b"confirmed")

    monkeypatch.setattr(http, "get", get)
    mail_services._certificate.cache_clear()
    yield key
    mail_services._certificate.cache_clear()


def signed(key: rsa.RSAPrivateKey, event: dict[str, str]) -> bytes:
    names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{event[name]}\n" for name in names if name in event)
    signature = base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    return json.dumps(
        {"SigningCertURL": CERTIFICATE, **event, "SignatureVersion": "2", "Signature": signature}
    ).encode()


def notice(raw: bytes = RAW) -> dict[str, str]:
    message = {
        "notificationType": "Received",
        "mail": {"messageId": "ses-1", "source": "ann@customer.example"},
        "receipt": {"recipients": ["support@desk.example"], "action": {"type": "SNS", "encoding": "BASE64"}},
        "content": base64.b64encode(raw).decode(),
    }
    return {
        "Type": "Notification",
        "MessageId": "n-1",
        "TopicArn": TOPIC,
        "Timestamp": "2026-03-01T12:00:00.000Z",
        "Message": json.dumps(message),
    }


class TestADeliveryOfSes:
    @pytest.fixture
    def hook(self, channel: Channel) -> InboundHook:
        return hook_for(channel, MailService.SES, TOPIC)

    def test_is_stored_byte_for_byte(self, hook: InboundHook, sns: rsa.RSAPrivateKey) -> None:
        assert post(hook, signed(sns, notice()), "text/plain").status_code == 200

        assert InboundEvent.objects.get().blob == hashlib.sha256(RAW).hexdigest()

    def test_confirms_the_subscription(self, hook: InboundHook, sns: rsa.RSAPrivateKey) -> None:
        event = {
            **notice(),
            "Type": "SubscriptionConfirmation",
            "Token": "t",
            "Message": "You have chosen to subscribe",
        }
        event["SubscribeURL"] = "https://sns.eu-north-1.amazonaws.com/?Action=ConfirmSubscription"

        assert post(hook, signed(sns, event), "text/plain").content == b"Confirmed."

    @pytest.mark.parametrize(
        "change",
        [
            {"TopicArn": TOPIC.replace("123456789012", "666666666666")},
            {"SigningCertURL": "https://sns.eu-north-1.amazonaws.com.evil.example/cert.pem"},
            {"SigningCertURL": "http://sns.eu-north-1.amazonaws.com/cert.pem"},
            {"SigningCertURL": "https://sns.s3-eu-west-1.amazonaws.com/cert.pem"},
            {"SigningCertURL": "https://evil@sns.eu-north-1.amazonaws.com/cert.pem"},
            {"Type": "SubscriptionConfirmation", "SubscribeURL": "https://169.254.169.254/latest/meta-data/"},
        ],
    )
    def test_is_refused_when_it_could_be_anybodys(
        self, hook: InboundHook, sns: rsa.RSAPrivateKey, change: dict[str, str]
    ) -> None:
        assert post(hook, signed(sns, {**notice(), **change}), "text/plain").status_code == 403

    def test_is_refused_when_it_was_changed_on_the_way(self, hook: InboundHook, sns: rsa.RSAPrivateKey) -> None:
        body = signed(sns, notice()).replace(b"n-1", b"n-2")

        assert post(hook, body, "text/plain").status_code == 403

    def test_without_its_mail_is_no_delivery(self, hook: InboundHook, sns: rsa.RSAPrivateKey) -> None:
        assert post(hook, signed(sns, notice(b"")), "text/plain").status_code == 422
        hook.refresh_from_db()
        assert hook.trouble == HookTrouble.NOT_RAW


class TestThePageOfTheService:
    @pytest.fixture
    def admin(self, client: Client, dora: Agent) -> Client:
        client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")
        return client

    def test_makes_the_address_that_the_service_needs(self, admin: Client, channel: Channel) -> None:
        where = f"/channels/{channel.pk}/service/"
        assert admin.post(where, {"service": "postmark", "secret": ""}).status_code == 302

        hook = InboundHook.objects.get()
        page = admin.get(where).content.decode()
        assert f"luotsi:{hook.secret}@" in page
        assert f"/inbound/{hook.key}/" in page

    def test_never_shows_a_key_again(self, admin: Client, channel: Channel) -> None:
        where = f"/channels/{channel.pk}/service/"
        admin.post(where, {"service": "mailgun", "secret": "signing-key-of-mailgun"})

        page = admin.get(where).content.decode()
        assert "signing-key-of-mailgun" not in page
        assert f"/inbound/{InboundHook.objects.get().key}/mime" in page

    def test_asks_for_the_key_where_there_must_be_one(self, admin: Client, channel: Channel) -> None:
        for service in ("mailgun", "ses"):
            assert admin.post(f"/channels/{channel.pk}/service/", {"service": service}).status_code == 200
        assert not InboundHook.objects.exists()

    def test_gives_another_service_another_address(self, admin: Client, channel: Channel) -> None:
        before = hook_for(channel, MailService.POSTMARK)
        admin.post(f"/channels/{channel.pk}/service/", {"service": "sendgrid"})

        after = InboundHook.objects.get()
        assert after.key != before.key
        assert after.secret != before.secret

    def test_takes_the_address_away(self, admin: Client, channel: Channel) -> None:
        hook = hook_for(channel, MailService.SENDGRID)
        admin.post(f"/channels/{channel.pk}/service/remove/")

        assert by_sendgrid(hook).status_code == 404

    def test_is_for_admins(self, client: Client, ben: Agent, channel: Channel) -> None:
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")

        assert client.get(f"/channels/{channel.pk}/service/").status_code == 403
        assert client.post(f"/channels/{channel.pk}/service/", {"service": "sendgrid"}).status_code == 403
        assert not InboundHook.objects.exists()
