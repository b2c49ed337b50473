"""Telegram by recorded exchanges: updates as the Bot API documents them, and a Bot API on a real socket."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from helpdesk.actions import replies, social_accounts, social_replies
from helpdesk.connectors.social import Checked, OutgoingPost, Unreadable, Upload
from helpdesk.connectors.telegram import connector, secret_of
from helpdesk.intake import social_polling
from helpdesk.models import Agent, Delivery, InboundEvent, Message, SocialAccount, SocialPost, SocialTrouble, Ticket
from helpdesk.outbox import deliver_due
from mail_gateway.errors import LoginRefused, Permanent, Temporary
from tests import make
from tests.flows.social_platforms import work
from tests.servers.raw_http import RawServer, serve

pytestmark = pytest.mark.django_db

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"  # of no bot
BOT = {"id": 110201543, "is_bot": True, "first_name": "Harbour", "username": "harbour_bot"}
LIISA = {"id": 8_123_456_789, "is_bot": False, "first_name": "Liisa", "last_name": "Laine", "username": "liisa"}
CHAT = {"id": 8_123_456_789, "first_name": "Liisa", "type": "private"}


@pytest.fixture(autouse=True)
def _desk(support: object, settings: Settings) -> None:
    settings.HTTP_INNER_HOSTS = frozenset({"127.0.0.1"})


@contextmanager
def bot_api(**results: Any) -> Iterator[RawServer]:
    """A Bot API: the result of each method; an integer is an HTTP status with Telegram's words for it."""
    known: dict[str, Any] = {"getMe": BOT, "getWebhookInfo": {"url": "", "pending_update_count": 0}} | results

    def script(write: Callable[[bytes], None], _closing: threading.Event) -> None:
        line = server.requests[-1].split(b"\r\n", 1)[0].decode()
        method = re.split(r"[ /?]", line.split(" HTTP/")[0])[-1]
        result = known.get(method)
        if isinstance(result, bytes):
            status, body = 200, result
        elif type(result) is int:
            status = result
            body = json.dumps(
                {"ok": False, "error_code": status, "description": "It says no", "parameters": {"retry_after": 77}}
            ).encode()
        else:
            status, body = 200, json.dumps({"ok": True, "result": result}).encode()
        write(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

    with serve(script) as server:
        yield server


def account(server: RawServer | None = None, **settings: str) -> SocialAccount:
    url = {"api_url": f"http://127.0.0.1:{server.port}"} if server is not None else {}
    wanted = social_accounts.Wanted(
        name="Telegram", team=None, is_active=True, settings=url | settings, secrets={"token": TOKEN}
    )
    row = social_accounts.draft_account(account=None, provider="telegram", wanted=wanted, at=make.NOON)
    return social_accounts.save_account(
        account=row, checked=Checked(ok=True, name="@harbour_bot"), by=None, at=make.NOON
    )


def update(number: int, **message: Any) -> dict[str, Any]:
    """An update with a message of Liisa's."""
    base = {"message_id": number, "from": LIISA, "chat": CHAT, "date": int(timezone.now().timestamp())}
    name = "edited_message" if "edit_date" in message else "message"
    return {"update_id": 1_000 + number, name: base | message}


def deliver(row: SocialAccount, body: dict[str, Any], *, secret: str = "") -> HttpResponse:
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret or secret_of(row)}
    answer: Any = Client().generic("POST", f"/hooks/{row.key}/", json.dumps(body).encode(), headers=headers)
    return answer  # type: ignore[no-any-return]


def methods(server: RawServer) -> list[str]:
    return [line.split(b"\r\n", 1)[0].split(b" ")[1].rpartition(b"/")[2].decode() for line in server.requests]


class TestAnUpdate:
    def test_of_a_person_becomes_a_ticket_of_a_verified_customer(self) -> None:
        row = account(mode="webhook")

        assert deliver(row, update(1, text="Hei, en pysty kirjautumaan sisään päivityksen jälkeen.")).status_code == 200
        work()

        ticket = Ticket.objects.get()
        identity = ticket.participants.get().identity
        assert (ticket.channel.kind, ticket.language) == ("telegram", "fi")
        assert (identity.kind, identity.value, identity.display) == ("telegram", "8123456789", "@liisa")
        assert identity.contact.name == "Liisa Laine"
        assert Message.objects.get(kind="customer").verdict == "verified"

    def test_with_another_secret_is_refused(self) -> None:
        assert deliver(account(mode="webhook"), update(1, text="Hei"), secret="0" * 64).status_code == 403

    def test_that_only_opens_the_chat_opens_no_ticket(self) -> None:
        row = account(mode="webhook")

        deliver(row, update(1, text="/start"))
        work()

        assert not Ticket.objects.exists()
        assert InboundEvent.objects.get().reason == "of-no-interest"

    def test_of_an_edit_changes_the_message(self) -> None:
        row = account(mode="webhook")
        deliver(row, update(1, text="Hello"))
        work()

        deliver(row, {**update(1, text="Hello again", edit_date=int(timezone.now().timestamp())), "update_id": 2_000})
        work()

        assert Message.objects.get(kind="customer").text == "Hello again"

    @pytest.mark.parametrize(
        ("fields", "text", "name", "content_type"),
        [
            (
                {"photo": [{"file_id": "s", "width": 90, "height": 60}, {"file_id": "l", "width": 900, "height": 600}]},
                "",
                "photo.jpg",
                "image/jpeg",
            ),
            (
                {
                    "document": {"file_id": "l", "file_name": "bill.pdf", "mime_type": "application/pdf"},
                    "caption": "My bill",
                },
                "My bill",
                "bill.pdf",
                "application/pdf",
            ),
            ({"voice": {"file_id": "l", "duration": 3, "mime_type": "audio/ogg"}}, "", "voice.ogg", "audio/ogg"),
            ({"sticker": {"file_id": "l", "emoji": "👍", "is_animated": False}}, "👍", "sticker.webp", "image/webp"),
            ({"sticker": {"file_id": "l", "is_animated": True}}, "", "sticker.tgs", "application/x-tgsticker"),
            ({"video_note": {"file_id": "l"}}, "", "video-note.mp4", "video/mp4"),
        ],
        ids=["photo", "document", "voice", "sticker", "moving sticker", "round video"],
    )
    def test_with_a_file_brings_it_along(self, fields: dict[str, Any], text: str, name: str, content_type: str) -> None:
        with bot_api(getFile={"file_path": "things/file_1"}, file_1=b"its bytes") as server:
            row = account(server, mode="webhook")
            deliver(row, update(1, **fields))
            work()

        message = Message.objects.get(kind="customer")
        file = message.attachments.get()
        assert (message.text, file.filename, file.content_type, file.size) == (text, name, content_type, 9)
        assert b"file_id=l" in server.requests[0]

    @pytest.mark.parametrize(
        "rubbish",
        [{"from": 7}, {"chat": None}, {"date": "soon"}, {"photo": [7]}, {"from": {"id": "x"}}],
    )
    def test_that_makes_no_sense_rests_in_quarantine(self, rubbish: dict[str, Any]) -> None:
        row = account(mode="webhook")
        whole = {"text": "Hi", "message_id": 1, "from": LIISA, "chat": CHAT, "date": 1}
        body = {"update_id": 5, "message": whole | rubbish}

        deliver(row, body)
        work()

        assert InboundEvent.objects.get().reason == "unreadable"

    def test_of_a_place_says_where(self) -> None:
        item = connector.read(
            account(mode="webhook"), json.dumps(update(1, location={"latitude": 60.17, "longitude": 24.94})).encode()
        )

        assert item is not None
        assert "60.170000, 24.940000" in item.text


class TestAskingTelegram:
    def test_takes_what_is_new_and_goes_on_after_it(self) -> None:
        with bot_api(getUpdates=[update(1, text="Hello"), update(2, text="Anybody there?")]) as server:
            row = account(server, mode="poll")
            assert social_polling.accounts_due() == [row.pk]
            social_polling.poll_once(account_id=row.pk)
            work()

        row.refresh_from_db()
        assert row.cursor == "1003"
        assert Message.objects.filter(kind="customer").count() == 2
        assert row.next_poll_at is not None

    def test_again_after_a_crash_takes_nothing_twice(self) -> None:
        with bot_api(getUpdates=[update(1, text="Hello")]) as server:
            row = account(server, mode="poll")
            for _ in range(2):
                SocialAccount.objects.update(cursor="", next_poll_at=timezone.now(), lease_until=None)
                social_polling.poll_once(account_id=row.pk)
                work()

        assert Message.objects.filter(kind="customer").count() == 1

    @pytest.mark.parametrize(("status", "trouble"), [(401, SocialTrouble.REFUSED), (502, SocialTrouble.UNREACHABLE)])
    def test_in_vain_is_told_to_the_admin_and_tried_later(self, status: int, trouble: SocialTrouble) -> None:
        with bot_api(getUpdates=status) as server:
            row = account(server, mode="poll")
            social_polling.poll_once(account_id=row.pk)

        row.refresh_from_db()
        assert row.trouble == trouble
        assert social_polling.accounts_due() == []

    def test_is_done_by_one_process_at_a_time(self) -> None:
        row = account(mode="poll")
        now = timezone.now()
        until = now + social_polling.LEASE

        assert social_accounts.claim_poll(account_id=row.pk, at=now, until=until) is not None
        assert social_accounts.claim_poll(account_id=row.pk, at=now, until=until) is None


class TestAnAnswer:
    def test_goes_to_the_chat_and_is_called_what_telegram_calls_it(self, ben: Agent) -> None:
        sent = {"message_id": 77, "chat": CHAT, "date": 1}
        with bot_api(sendMessage=sent, sendPhoto=sent) as server:
            row = account(server, mode="webhook")
            deliver(row, update(1, text="Hello there, is anybody at home?"))
            work()
            Delivery.objects.all().delete()
            picture = replies.File("how.png", "image/png", b"\x89PNG")
            message = social_replies.reply(
                ticket=Ticket.objects.get(),
                agent=ben,
                text="Like this:",
                seen_cursor=10**9,
                is_forced=True,
                files=[picture],
            )
            deliver_due(timezone.now() + social_polling.LEASE)

        assert methods(server) == ["sendPhoto"]
        assert b"Like this:" in server.requests[0]
        assert SocialPost.objects.get(message=message).external_id == "8123456789:77"

    @pytest.mark.parametrize(
        ("status", "error"),
        [(401, LoginRefused), (403, Permanent), (400, Permanent), (429, Temporary), (500, Temporary)],
    )
    def test_that_is_refused_says_of_which_sort(self, status: int, error: type[Exception]) -> None:
        with bot_api(sendMessage=status) as server:
            row = account(server, mode="webhook")
            with pytest.raises(error) as caught:
                connector.send(row, OutgoingPost(thread="1", text="Hello"))

        assert "It says no" in str(caught.value)
        assert TOKEN not in str(caught.value)
        assert getattr(caught.value, "retry_after", None) == (77 if status in {429, 500} else None)
        assert isinstance(caught.value, LoginRefused) == (status == 401)

    def test_that_is_half_out_is_not_said_again(self) -> None:
        files = (
            Upload(name="1.pdf", content_type="application/pdf", content=b"1"),
            Upload(name="2.pdf", content_type="application/pdf", content=b"2"),
        )
        with bot_api(sendMessage={"message_id": 1, "chat": CHAT}, sendDocument=500) as server:
            with pytest.raises(Permanent, match="part of it was sent"):
                connector.send(account(server, mode="webhook"), OutgoingPost(thread="1", text="Two files", media=files))


class TestConnecting:
    def test_checks_the_token_and_tells_telegram_the_address(self) -> None:
        with bot_api(setWebhook=True) as server:
            row = account(server, mode="webhook")
            checked = connector.check(row)
            connector.connect(row, "https://desk.example/hooks/abc/")

        assert (checked.ok, checked.name) == (True, "@harbour_bot")
        assert methods(server) == ["getMe", "getWebhookInfo", "setWebhook"]
        assert secret_of(row).encode() in server.requests[-1]

    def test_with_a_wrong_token_says_what_to_do(self) -> None:
        with bot_api(getMe=401) as server:
            checked = connector.check(account(server, mode="webhook"))

        assert not checked.ok
        assert "@BotFather" in checked.trouble

    def test_where_telegram_cannot_call_takes_the_webhook_away(self, settings: Settings) -> None:
        settings.SITE_URL = "http://127.0.0.1:8000"
        with bot_api(deleteWebhook=True) as server:
            connector.connect(account(server), "http://127.0.0.1:8000/hooks/abc/")

        assert methods(server) == ["deleteWebhook"]

    def test_what_is_no_update_is_no_delivery(self) -> None:
        row = account(mode="webhook")

        for body in (b"", b"[]", b'{"update_id": "1"}', b"\xff"):
            with pytest.raises(Unreadable):
                connector.split(row, body)
