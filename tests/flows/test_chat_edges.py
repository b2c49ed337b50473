"""Where a chat meets the rest: long polls, files, mail to who has left, who vouches for whom, time that passes."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from helpdesk import blobs, chats, timers
from helpdesk.actions import chat_letters, presence, visitors
from helpdesk.models import (
    Agent,
    Attachment,
    Channel,
    ChatKey,
    ChatLine,
    ChatSite,
    ChatUpload,
    Conversation,
    Delivery,
    Mailbox,
    Message,
    Team,
    Ticket,
    VisitorToken,
)
from helpdesk.queries.chats import usual_wait
from helpdesk.widget import identity, polling
from helpdesk.widget.hub import hub
from tests import make
from tests.flows.chat_clients import SHOP, Visitor, gathered, scene, site
from tests.unit.test_chat_identity import HEADER, SECRET, signed
from tests.unit.test_pictures import GPS, SAMPLES

pytestmark = pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)


@pytest.fixture
def web(support: Team, billing: Team) -> ChatSite:
    return site(team=billing)


def guest_of(web: ChatSite, **fields: Any) -> visitors.Guest:
    token = identity.new_token(web.channel_id)
    return visitors.Guest(channel_id=web.channel_id, token=token, language="en", **fields)


def said(text: str, *, guest: visitors.Guest | None = None, agent: Agent | None = None, **how: Any) -> chats.Stored:
    """A message of a visitor or, in the one conversation that there is, of an agent."""
    number = Conversation.objects.get().pk if agent else 0
    words = chats.Words(
        client_id=f"{text}-{timezone.now():%H%M%S%f}".replace(" ", "-")[:60],
        text=text,
        at=how.pop("at", timezone.now()),
        guest=guest,
        agent_id=agent.pk if agent else 0,
        conversation_id=number,
        **how,
    )
    outcome = chats.say(words=words)
    assert isinstance(outcome, chats.Stored)
    return outcome


async def polled(slug: str = "web", *, origin: str = SHOP, **asked: Any) -> tuple[int, dict[str, Any]]:
    """One long poll, as the desk's ASGI application hands it over."""
    body, sent = json.dumps(asked).encode(), []
    messages = [{"type": "http.request", "body": body}]
    headers = [(b"origin", origin.encode()), (b"host", b"desk.example")]
    scope = {"path": f"/chat/{slug}/poll/", "method": "POST", "headers": headers, "client": ("192.0.2.9", 1)}

    async def receive() -> dict[str, Any]:
        import asyncio

        return messages.pop() if messages else await asyncio.Event().wait()  # type: ignore[return-value]

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await polling.poll(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


HELLO = {"type": "hello", "v": 1, "language": "en"}


@pytest.mark.usefixtures("web")
class TestALongPoll:
    def test_says_and_hears_the_same_as_a_socket(self, ben: Agent) -> None:
        async def play() -> None:
            frame = {"type": "send", "id": "poll-0001", "text": "By poll"}
            status, answer = await polled(hello=HELLO, frames=[frame], wait=0)
            kinds = [each["type"] for each in answer["frames"]]
            assert (status, kinds[0], "ack" in kinds) == (200, "welcome", True)
            token, reference = answer["frames"][0]["token"], answer["frames"][1]["conversation"]["reference"]

            hello = {**HELLO, "token": token, "conversation": reference, "since": 0}
            _status, again = await polled(hello=hello, frames=[frame], wait=0)
            acks = [[each for each in got["frames"] if each["type"] == "ack"] for got in (answer, again)]
            assert acks[0] == acks[1]

            tab = await Visitor.come(token=token)
            waiting = polled(hello={**hello, "since": 2}, wait=25)
            _ack, (_status, news) = await gathered(tab.send("By socket"), waiting)
            lines = [line for each in news["frames"] for line in each.get("lines", ())]
            assert [(line["seq"], line["text"]) for line in lines] == [(3, "By socket")]
            await tab.leave()

        scene(play)
        assert Message.objects.count() == 2

    def test_is_refused_like_a_socket(self) -> None:
        async def play() -> None:
            assert (await polled(origin="https://evil.example", hello=HELLO))[0] == 403
            assert (await polled("no-such-channel", hello=HELLO))[0] == 404
            assert (await polled(frames=[]))[0] == 400
            assert (await polled(hello={"v": 9}))[0] == 400
            assert (await polled(hello=HELLO, frames=["x" * 70_000]))[0] == 413

        scene(play)


class TestTheHub:
    def test_ends_while_it_still_connects(self) -> None:
        async def play() -> None:
            begun = hub()
            await begun.close()
            assert [task.done() for task in begun._tasks] == [True] * 6

        scene(play)


class TestAFile:
    def upload(self, token: str, name: str, content: bytes, *, origin: str = SHOP) -> tuple[int, dict[str, Any]]:
        response = Client(headers={"Authorization": f"Bearer {token}", "Origin": origin}).post(
            "/chat/web/upload/", {"file": SimpleUploadedFile(name, content)}
        )
        return response.status_code, response.json() if response.content else {}

    def test_goes_with_its_message_without_its_metadata(self, web: ChatSite, ben: Agent) -> None:
        ann, eve = guest_of(web), guest_of(web)
        name = "<img src=x onerror=alert(1)>.jpg"
        status, kept = self.upload(ann.token, name, SAMPLES["image/jpeg"])
        assert (status, kept["type"], kept["width"]) == (201, "image/jpeg", 640)

        stolen = chats.Words(client_id="12345678", text="", at=timezone.now(), guest=eve, files=(kept["key"],))
        assert chats.say(words=stolen) == chats.Refused("unknown_file")
        said("Look", guest=ann, files=(kept["key"],))
        file = Attachment.objects.get()
        assert GPS not in blobs.get(file.blob)
        assert file.filename == name

        found: list[str] = []

        async def play() -> None:
            back = await Visitor.come(token=ann.token)
            line = await back.until_line("Look")
            found.append(line["files"][0]["url"])
            assert (line["files"][0]["width"], line["files"][0]["height"]) == (640, 480)
            await back.leave()

        scene(play)
        shown = Client().get(found[0])
        assert (shown.status_code, shown["Content-Type"]) == (200, "image/jpeg")
        assert "sandbox" in shown["Content-Security-Policy"]
        assert Client().get(found[0][:-3] + "AA/").status_code == 404
        assert Client().get("/chat/file/1-1:x/").status_code == 404

    def test_is_refused_by_size_kind_sender_and_place(self, web: ChatSite) -> None:
        ann = guest_of(web)
        other = site(slug="other")

        assert self.upload(ann.token, "a.exe", b"MZ")[0] == 415
        assert self.upload(ann.token, "a.png", b"\x89PNG\r\n\x1a\nbroken")[0] == 422
        assert self.upload(ann.token, "a.txt", b"x" * (10 * 1024 * 1024 + 1))[0] == 413
        assert self.upload("made up", "a.txt", b"x")[0] == 401
        assert self.upload(guest_of(other).token, "a.txt", b"x")[0] == 401
        assert self.upload(ann.token, "a.txt", b"x", origin="https://evil.example")[0] == 403
        assert not ChatUpload.objects.exists()

    def test_that_no_message_names_is_forgotten(self, web: ChatSite) -> None:
        self.upload(guest_of(web).token, "a.txt", b"x")

        visitors.sweep(at=timezone.now() + timedelta(hours=23))
        assert ChatUpload.objects.exists()
        visitors.sweep(at=timezone.now() + timedelta(hours=25))
        assert not ChatUpload.objects.exists()


class TestSomebodyWhoHasLeft:
    def test_gets_the_answers_by_one_mail_and_answers_into_the_ticket(
        self, web: ChatSite, mailbox: Mailbox, channel: Channel, ben: Agent
    ) -> None:
        said("Hello", guest=guest_of(web, address="ann@customer.example"))
        said("One", agent=ben)
        said("Two", agent=ben)
        gone = timezone.now() + timedelta(minutes=5)

        assert [chat_letters.mail_unread(now=gone), chat_letters.mail_unread(now=gone)] == [1, 0]
        delivery = Delivery.objects.get()
        text = bytes(delivery.mime).decode()
        assert (delivery.recipient, "One" in text, "Two" in text) == ("ann@customer.example", True, True)
        assert delivery.message is not None
        reply = make.mail(text="By mail", in_reply_to=delivery.message.message_id, message_id="a@customer.example")
        make.deliver(channel, reply)

        row = Conversation.objects.get()
        assert Ticket.objects.get().messages.filter(text__contains="By mail").exists()
        # Anybody can claim any address: what comes from it is not for the chat's eyes.
        assert row.ended_by == "mail"
        assert not ChatLine.objects.filter(message__text__contains="By mail").exists()

    def test_gets_no_mail_while_they_are_there_or_have_read_it(
        self, web: ChatSite, mailbox: Mailbox, ben: Agent
    ) -> None:
        said("Hello", guest=guest_of(web, address="ann@customer.example"))
        answer = said("One", agent=ben)
        row = Conversation.objects.get()
        soon = timezone.now() + timedelta(minutes=5)
        visitors.note_moves(came=[row.visitor_id], gone=[], since=soon, at=soon)
        assert chat_letters.mail_unread(now=soon) == 0

        from helpdesk.actions import chats as marks

        marks.read_by_visitor(conversation_id=row.pk, visitor_id=row.visitor_id, sequence=answer.sequence)
        assert chat_letters.mail_unread(now=soon + timedelta(hours=1)) == 0

    def test_gets_a_transcript_without_notes_and_only_after_an_answer(
        self, web: ChatSite, mailbox: Mailbox, ben: Agent
    ) -> None:
        from helpdesk.actions import replies

        said("Hello", guest=guest_of(web, name="Ann"))
        row = Conversation.objects.get()
        replies.note(ticket=row.ticket, agent=ben, text="She is difficult")
        with pytest.raises(chat_letters.CannotSend) as refusal:
            chat_letters.send_transcript(conversation=row, address="victim@other.example", at=timezone.now())
        assert refusal.value.code == "not_yet"

        said("Hi Ann", agent=ben)
        for _ in range(3):
            chat_letters.send_transcript(conversation=row, address="ann@customer.example", at=timezone.now())
        with pytest.raises(chat_letters.CannotSend):
            chat_letters.send_transcript(conversation=row, address="ann@customer.example", at=timezone.now())
        text = bytes(Delivery.objects.order_by("pk")[0].mime).decode()
        assert "Hi Ann" in text
        assert "difficult" not in text


class TestAPersonWhomTheSiteVouchesFor:
    @pytest.fixture(autouse=True)
    def _key(self, web: ChatSite) -> None:
        ChatKey.objects.create(site=web, kid="k1", secret=SECRET, created_at=timezone.now())

    def token(self, **others: Any) -> str:
        now = int(timezone.now().timestamp())
        claims = {"sub": "u-1", "iat": now, "exp": now + 600, "name": "Ann", "email": "ann@customer.example"}
        return signed(HEADER, {**claims, **others})

    def test_is_the_same_on_another_device_with_a_new_token(self) -> None:
        async def play() -> None:
            ann = await Visitor.come()
            await ann.send("Anonymous yet")
            former = ann.token
            await ann.say(type="identify", identity=self.token())
            welcome = await ann.until("welcome")
            assert welcome["token"] != former
            assert welcome["identity"] == {"is_verified": True, "name": "Ann", "address": "ann@customer.example"}
            phone = await Visitor.come(identity=self.token())
            assert phone.reference == ann.reference
            fixed = await Visitor.come(token=former)
            assert fixed.welcome["conversation"] is None
            await ann.say(type="identify", identity=self.token(exp=1))
            assert (await ann.until("error"))["code"] == "bad_identity"
            await gathered(ann.leave(), phone.leave(), fixed.leave())

        scene(play)
        assert Ticket.objects.get().contact == Conversation.objects.get().visitor.contact
        assert VisitorToken.objects.filter(revoked_at=None).count() == 2  # one a device

    def test_is_asked_for_where_the_site_says_so(self, web: ChatSite) -> None:
        ChatSite.objects.update(requires_identity=True)

        async def play() -> None:
            for hello in ({}, {"identity": self.token(exp=1)}, {"identity": "none"}):
                ann = await Visitor.knock()
                await ann.say(type="hello", v=1, **hello)
                assert (await ann.until("error"))["code"] == "identity_required"
                assert await ann.until_closed() == 4403
                await ann.leave()
            ann = await Visitor.come(identity=self.token())
            await ann.send("Hello")
            eve = await Visitor.come(token=ann.token, identity=self.token(sub="u-2", email="eve@customer.example"))
            assert eve.welcome["conversation"] is None
            assert eve.token != ann.token
            await gathered(ann.leave(), eve.leave())

        scene(play)


class TestTime:
    def test_gives_a_chat_that_its_agent_left_alone_back_once(self, web: ChatSite, ben: Agent) -> None:
        presence.note_seen(agent_id=ben.pk, at=timezone.now())
        said("Hello", guest=guest_of(web), at=timezone.now() - timedelta(minutes=10))
        assert Ticket.objects.get().owner == ben

        timers.look_after_chats()
        timers.look_after_chats()

        assert Ticket.objects.get().owner is None
        assert list(ChatLine.objects.exclude(event="").values_list("event", flat=True)) == [
            "opened",
            "joined",
            "returned",
        ]
        assert Ticket.objects.get().entries.filter(kind="chat-changed").count() == 1

    def test_tells_the_usual_wait_once_there_is_one(self, web: ChatSite, billing: Team, ben: Agent) -> None:
        now = timezone.now()
        for wait in (30, 60, 600):
            said("Hello", guest=guest_of(web), at=now - timedelta(hours=1))
            assert usual_wait(team_id=billing.pk, now=now) is None
            Ticket.objects.filter(pk=Ticket.objects.latest("pk").pk).update(
                first_reply_at=now - timedelta(hours=1) + timedelta(seconds=wait)
            )

        assert usual_wait(team_id=billing.pk, now=now) == 60
        assert usual_wait(team_id=billing.pk, now=now + timedelta(days=2)) is None
