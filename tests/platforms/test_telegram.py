"""The connector of Telegram, and the whole way of a message, against a Bot API that others wrote."""

from datetime import timedelta
from typing import cast
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from helpdesk import outbox
from helpdesk.connectors.registry import social_connector
from helpdesk.connectors.social import OutgoingPost, Upload
from helpdesk.connectors.telegram import secret_of
from helpdesk.models import Attachment, Channel, InboundEvent, SocialAccount, SocialPost, Ticket
from helpdesk.queries.social import webhook_address
from mail_gateway.errors import Permanent
from tests.platforms.telegram_server import Person
from tests.platforms.test_mastodon import PNG
from tests.platforms.test_to_tickets import answer, connect, look, work
from tests.servers.raw_http import says, serve

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _desk(support: object) -> None:
    """There is a default team."""


@pytest.fixture
def ann(telegram: str) -> Person:
    return Person(telegram, "Ann", f"{uuid4().int % 10**9}:{uuid4().hex}")


@pytest.fixture
def account(ann: Person) -> SocialAccount:
    """A bot that is asked, as behind a firewall."""
    settings = {"mode": "poll", "api_url": ann.url}
    return connect(Channel.Kind.TELEGRAM, settings, {"token": ann.token})


class TestAskedForNews:
    def test_brings_a_ticket_and_an_answer_back(self, account: SocialAccount, ann: Person) -> None:
        ann.write("My parcel 4711 is late")
        look(account)
        outbox.deliver_due(timezone.now() + timedelta(seconds=1))

        ticket = Ticket.objects.get()
        message = answer(ticket, "It is on its way.")
        ann.write("Thank you!")
        look(account)

        acknowledgement, reply = ann.reads()
        assert ticket.reference in acknowledgement["text"]
        assert reply["text"] == "It is on its way."
        assert SocialPost.objects.get(message=message).external_id == f"{ann.id}:{reply['message_id']}"
        assert [each.kind for each in ticket.messages.all()] == ["customer", "automatic", "reply", "customer"]
        assert ticket.contact is not None
        assert ticket.contact.name == "Ann"

    def test_tells_telegram_what_has_arrived(self, account: SocialAccount, ann: Person) -> None:
        """An update is the server's until the next question names a later one: a crash in between loses nothing."""
        connector = social_connector(Channel.Kind.TELEGRAM)
        ann.write("one")
        ann.write("two")

        first, cursor = connector.poll(account, "")
        again, _ = connector.poll(account, "")
        after, _ = connector.poll(account, cursor)

        assert len(first) == 2
        assert again == first
        assert after == []

    def test_takes_and_sends_files(self, account: SocialAccount, ann: Person) -> None:
        connector = social_connector(Channel.Kind.TELEGRAM)
        picture = Upload(name='a "red" dot.png', content_type="image/png", content=PNG)
        paper = Upload(name="bill.pdf", content_type="application/pdf", content=b"%PDF-1.7 a bill")
        connector.send(account, OutgoingPost(thread=str(ann.id), text="Like so?", media=(picture,)))
        connector.send(account, OutgoingPost(thread=str(ann.id), text="Both:", media=(picture, paper)))

        shown, words, second, document = ann.reads()
        file_id = shown["photo"][0]["file_id"]
        ann.write(photo=[{"file_id": file_id, "file_unique_id": "u", "width": 1, "height": 1}], caption="This one")
        look(account)

        assert [each["method"] for each in (shown, words, second, document)] == [
            "sendPhoto",
            "sendMessage",
            "sendPhoto",
            "sendDocument",
        ]
        assert shown["caption"] == "Like so?"
        assert ann.opens(document["document"]["file_id"]) == b"%PDF-1.7 a bill"
        assert Ticket.objects.get().messages.earliest("pk").text == "This one"
        assert Attachment.objects.get().size == len(PNG)

    def test_hears_why_something_is_refused(self, account: SocialAccount) -> None:
        connector = social_connector(Channel.Kind.TELEGRAM)

        with pytest.raises(Permanent, match="chat not found"):
            connector.send(account, OutgoingPost(thread="nobody", text="Hello?"))


class TestCalledByTelegram:
    def test_takes_what_comes_with_the_secret_alone(self, ann: Person, settings: Settings) -> None:
        account = connect(
            Channel.Kind.TELEGRAM, {"mode": "webhook", "api_url": ann.url}, {"token": ann.token}, is_asked=False
        )
        connector = social_connector(Channel.Kind.TELEGRAM)
        with serve(says("200 OK")) as door:
            settings.SITE_URL = f"http://127.0.0.1:{door.port}"
            connector.connect(account, webhook_address(account))
            ann.write("My parcel 4711 is late")
        [called] = door.requests

        taken = _bring(called)
        forged = _bring(called.replace(secret_of(account).encode(), b"another"))
        work()

        account.refresh_from_db()
        assert (taken.status_code, forged.status_code) == (200, 403)
        assert Ticket.objects.get().messages.earliest("pk").text == "My parcel 4711 is late"
        assert InboundEvent.objects.count() == 1
        assert account.trouble == "forged"
        assert dict(connector.check(account).details)["Telegram calls"] == webhook_address(account)


def _bring(called: bytes) -> HttpResponse:
    """A request as it came over the wire, to the desk."""
    head, _, body = called.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    headers = dict(each.split(": ", 1) for each in rest if not each.lower().startswith(("content-", "host")))
    return cast(
        "HttpResponse",
        Client(headers=headers).post(line.split()[1], data=body, content_type="application/json"),
    )
