"""What a visitor sends in order to harm others: text that no database takes, faults on purpose, borrowed numbers."""

import base64
import json
import uuid
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from helpdesk import chats
from helpdesk.actions import visitors
from helpdesk.chats.moment import Moment
from helpdesk.models import Agent, ChatKey, ChatSite, Message, Team, Ticket
from helpdesk.models import Visitor as Visit
from helpdesk.widget import hub, identity, limits
from tests.flows.chat_clients import SHOP, Console, Visitor, gathered, scene, site
from tests.flows.test_chat_edges import polled
from tests.unit.test_chat_identity import HEADER, SECRET, signed

pytestmark = pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)

#: As JSON.stringify writes a text that was cut in the middle of an emoji.
HALF = "cut \ud83d"


@pytest.fixture
def web(support: Team, billing: Team) -> ChatSite:
    return site(team=billing)


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The desk has a fault that the word "fault" brings out."""
    real = Moment._uploads

    def failing(self: Moment, words: chats.Words, guest: visitors.Guest) -> Any:
        if words.text == "fault":
            raise ZeroDivisionError("a fault of the desk")
        return real(self, words, guest)

    monkeypatch.setattr(Moment, "_uploads", failing)


@pytest.mark.usefixtures("web")
class TestHalfACharacter:
    @pytest.mark.parametrize("more", [{}, {"fields": {"name": HALF}}])
    def test_is_stored_as_a_sign_that_it_is_missing(self, more: dict[str, Any]) -> None:
        async def play() -> None:
            ann = await Visitor.come()
            await ann.send(HALF, **more)
            await ann.until_line("cut \ufffd")
            assert await ann.refused("With a file", files=["\ud83d"]) == "unknown_file"
            await ann.leave()

        scene(play)

    def test_in_what_is_typed_or_visited_reaches_the_agent_all_the_same(self, ben: Agent) -> None:
        page = {"url": f"https://shop.example/{HALF}", "title": f"{HALF}\0\u202e"}

        async def play() -> None:
            ann = await Visitor.come(page=page, pages=[{**page, "at": HALF}])
            await ann.send("Hello")
            console = await Console.come(ben)
            shown = await console.watch(ann.reference)
            assert shown["visitor"]["page"] == {"url": "https://shop.example/cut \ufffd", "title": "cut \ufffd"}
            await ann.say(type="typing", text=HALF)
            await console.until("typing", text="cut \ufffd")
            await gathered(ann.leave(), console.leave())

        scene(play)
        browser = Client()
        browser.force_login(ben)
        assert browser.get(reverse("ticket", args=[Ticket.objects.get().reference])).status_code == 200

    def test_in_a_token_of_the_site_proves_nothing(self) -> None:
        header, claims = (json.dumps(each).encode() for each in ({"alg": "HS256", "kid": HALF}, {"sub": HALF}))
        token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (header, claims, b""))

        async def play() -> None:
            ann = await Visitor.knock()
            await ann.say(type="hello", v=1, identity=token)
            assert (await ann.until("error"))["code"] == "bad_identity"
            await ann.until("welcome")
            await ann.leave()

        scene(play)


@pytest.mark.usefixtures("web")
class TestWhoComesAsSomebodyNewEachTime:
    def test_opens_so_many_tickets_and_no_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "openings", limits.Rates(rate=0.01, size=2))

        async def play() -> None:
            crowd = [await Visitor.come(address="192.0.2.9") for _ in range(3)]
            await gathered(crowd[0].send("One"), crowd[1].send("Two"))
            await crowd[2].say(type="send", id="12345678", text="Three")
            nack = await crowd[2].until("nack")
            assert (nack["code"], nack["retry_after"] > 90) == ("slow_down", True)
            await crowd[0].send("Still One")
            elsewhere = await Visitor.come(address="192.0.2.99")
            await elsewhere.send("Four")
            five = {"type": "send", "id": "12345678", "text": "Five"}
            _status, answer = await polled(hello={"type": "hello", "v": 1}, frames=[five], wait=0)
            assert [each["code"] for each in answer["frames"] if each["type"] == "nack"] == ["slow_down"]
            await gathered(*(each.leave() for each in (*crowd, elsewhere)))

        scene(play)

    def test_sends_so_many_files_and_no_more(self, web: ChatSite, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "uploads_from", limits.Rates(rate=0.01, size=2))

        def status() -> int:
            token = identity.new_token(web.channel_id)
            file = SimpleUploadedFile("a.txt", b"words", content_type="text/plain")
            client = Client(headers={"Authorization": f"Bearer {token}", "Origin": SHOP})
            return client.post(reverse("chat-upload", args=["web"]), {"file": file}).status_code

        assert [status() for _ in range(3)] == [201, 201, 429]


class TestWhoPlantedAToken:
    """Session fixation: they know a visitor's token, and listen when the visitor logs in to the site."""

    def test_hears_nothing_from_the_login_on(self, web: ChatSite) -> None:
        ChatKey.objects.create(site=web, kid="k1", secret=SECRET, created_at=timezone.now())
        now = int(timezone.now().timestamp())
        proof = signed(HEADER, {"sub": "u-1", "iat": now, "exp": now + 600})

        async def play() -> None:
            ann = await Visitor.come()
            planted = ann.token
            await ann.send("Hello")
            mallory = await Visitor.come(token=planted)
            await ann.say(type="identify", identity=proof)
            await ann.until("welcome")
            assert await mallory.until_closed() == 1001
            await ann.send("My card is 4711")
            again = await Visitor.come(token=planted)
            assert again.welcome["conversation"] is None
            await gathered(ann.leave(), mallory.leave(), again.leave())

        scene(play)

    def test_hears_nothing_when_the_login_went_through_another_process(
        self, web: ChatSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub, "TICK_SECONDS", 0.05)

        async def play() -> None:
            ann = await Visitor.come()
            await ann.send("Hello")
            mallory = await Visitor.come(token=ann.token)
            number = (await sync_to_async(Visit.objects.get)()).pk
            guest = visitors.Guest(channel_id=web.channel_id, token=ann.token, visitor_id=number)
            person, token = visitors.Person(subject="u-1"), identity.new_token(web.channel_id)
            await sync_to_async(visitors.vouch)(guest=guest, person=person, token=token, at=timezone.now())
            assert await gathered(ann.until_closed(), mallory.until_closed()) == [1001, 1001]
            await gathered(ann.leave(), mallory.leave())

        scene(play)


@pytest.mark.usefixtures("web", "fault")
class TestWordsThatTheDeskFailsAt:
    def test_hold_up_nobody_else(self, web: ChatSite) -> None:
        def words(text: str) -> chats.Words:
            guest = visitors.Guest(channel_id=web.channel_id, token=identity.new_token(web.channel_id))
            return chats.Words(client_id=uuid.uuid4().hex, text=text, at=timezone.now(), guest=guest)

        outcomes = chats.say_all(words=[words("before"), words("fault"), words("after")])

        assert [type(each) for each in outcomes] == [chats.Stored, chats.Refused, chats.Stored]
        assert outcomes[1] == chats.Refused(chats.TRY_AGAIN)
        assert sorted(Message.objects.values_list("text", flat=True)) == ["after", "before"]

    def test_do_not_make_their_author_the_next_visitor(self) -> None:
        """A row that was rolled back leaves its number to the next one."""

        async def play() -> None:
            mallory, ann = await gathered(Visitor.come(), Visitor.come())
            assert await mallory.refused("fault") == "try_again"
            await ann.send("My card is 4711")
            await mallory.say(type="open", conversation=ann.reference, since=0)
            assert (await mallory.until("error"))["code"] == "unknown_conversation"
            await mallory.say(type="contact", name="Mallory", address="mallory@elsewhere.example")
            await mallory.until("contact")
            visit = await sync_to_async(Visit.objects.get)()
            assert (visit.claimed_name, visit.claimed_address) == ("", "")
            await gathered(mallory.leave(), ann.leave())

        scene(play)
