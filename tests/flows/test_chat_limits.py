"""What a chat takes from strangers: foreign origins, made-up tokens, floods, silence, rubbish, script in names."""

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.utils import timezone
from pytest_django import Settings

from helpdesk import chats
from helpdesk.actions import visitors
from helpdesk.models import Agent, ChatLine, ChatSite, Conversation, Message, Team, Ticket
from helpdesk.queries.chats import site_for
from helpdesk.widget import consumers, hub, identity, limits, sessions
from tests.flows.chat_clients import Console, Visitor, gathered, scene, site

pytestmark = pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)


@pytest.fixture
def web(support: Team, billing: Team) -> ChatSite:
    return site(team=billing)


async def is_refused(**how: str) -> bool:
    try:
        await Visitor.knock(**how)
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.usefixtures("web")
class TestADoor:
    def test_is_shut_for_foreign_origins_and_unknown_channels(self) -> None:
        async def play() -> None:
            assert await is_refused(origin="https://evil.example")
            assert await is_refused(origin="https://shop.example.evil.example")
            assert await is_refused(origin="null")
            assert await is_refused(slug="no-such-channel")
            own = await Visitor.come(origin="https://desk.example")
            await own.leave()

        scene(play)

    def test_lets_so_many_in_from_one_address(self, settings: Settings) -> None:
        settings.CHAT_CONNECTIONS = 2

        async def play() -> None:
            one, two = await gathered(Visitor.come(), Visitor.come())
            three = await Visitor.knock()
            assert await three.until_closed() == 4429
            other = await Visitor.come(address="192.0.2.8")
            await one.leave()
            four = await Visitor.come()
            await gathered(two.leave(), three.leave(), four.leave(), other.leave())

        scene(play)

    def test_lets_one_visitor_open_so_many_tabs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "CONNECTIONS_OF_A_VISITOR", 2)

        async def play() -> None:
            ann = await Visitor.come()
            tab = await Visitor.come(token=ann.token)
            third = await Visitor.knock()
            await third.say(type="hello", v=1, token=ann.token)
            assert await third.until_closed() == 4429
            await gathered(ann.leave(), tab.leave(), third.leave())

        scene(play)

    def test_shuts_behind_who_never_says_hello(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(consumers, "HELLO_SECONDS", 0.05)

        async def play() -> None:
            mute = await Visitor.knock()
            assert await mute.until_closed() == 4408
            await mute.leave()

        scene(play)

    def test_shuts_behind_who_falls_silent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(consumers, "SILENT_SECONDS", 0.1)

        async def play() -> None:
            ann = await Visitor.come()
            assert await ann.until_closed() == 4408
            await ann.leave()

        scene(play)

    @pytest.mark.parametrize(
        ("first", "code"),
        [
            ('{"type": "send", "id": "12345678", "text": "no hello"}', 4400),
            ('{"type": "hello", "v": 2}', 4426),
            ('{"type": "hello", "v": 1, "token": {"a": 1}}', 4400),
            ('{"type": "hello", "v": 1, "since": -1}', 4400),
            ("not json", 4400),
            ("[" * 60_000, 4400),
        ],
    )
    def test_shuts_at_a_first_frame_that_is_no_hello(self, first: str, code: int) -> None:
        async def play() -> None:
            odd = await Visitor.knock()
            await odd.socket.send_to(text_data=first)
            assert await odd.until_closed() == code
            await odd.leave()

        scene(play)


@pytest.mark.usefixtures("web")
class TestAToken:
    def test_of_another_channel_or_made_up_opens_nothing(self) -> None:
        site(slug="other")

        async def play() -> None:
            ann = await Visitor.come()
            await ann.send("Mine")
            for token in (
                ann.token[:-1] + ("A" if ann.token[-1] != "A" else "B"),
                "1." + "a" * 43 + "." + "b" * 22,
                "x",
            ):
                stranger = await Visitor.come(token=token)
                assert stranger.token != token
                assert stranger.welcome["conversation"] is None
                await stranger.leave()
            elsewhere = await Visitor.come("other", token=ann.token)
            assert elsewhere.welcome["conversation"] is None
            await gathered(ann.leave(), elsewhere.leave())

        scene(play)

    def test_is_stored_as_a_hash_alone(self) -> None:
        async def play() -> None:
            ann = await Visitor.come()
            await ann.send("Hello")
            rows = [json.dumps(row, default=str) for row in await stored()]
            assert not any(ann.token.split(".")[1] in row for row in rows)
            await ann.leave()

        async def stored() -> Sequence[object]:
            from helpdesk.models import Visitor as Row
            from helpdesk.models import VisitorToken

            return await sync_to_async(lambda: [*VisitorToken.objects.values(), *Row.objects.values()])()

        scene(play)

    def test_cannot_speak_into_or_look_at_anybody_elses_conversation(self) -> None:
        async def play() -> None:
            ann, eve = await Visitor.come(), await Visitor.come()
            await ann.send("Secret")
            await eve.send("Hello")
            assert await eve.refused("Boo", conversation=ann.reference) == "unknown_conversation"
            for kind in ("open", "resume", "end", "rate", "transcript"):
                await eve.say(type=kind, conversation=ann.reference, since=0, score=1)
                assert (await eve.until("error"))["code"] == "unknown_conversation"
            await eve.say(type="open", conversation="LU-999999-9", since=0)
            assert (await eve.until("error"))["code"] == "unknown_conversation"
            assert "Secret" not in json.dumps(eve.frames)
            await gathered(ann.leave(), eve.leave())

        scene(play)


@pytest.mark.usefixtures("web")
class TestAFrame:
    def test_cannot_forge_author_number_or_time(self, ben: Agent) -> None:
        async def play() -> None:
            ann = await Visitor.come()
            ack = await ann.send(
                "Hello", seq=99, at="1999-01-01T00:00:00Z", agent={"name": "Ben"}, author=f"a{ben.pk}", kind="note"
            )
            assert ack["seq"] == 2
            await ann.leave()

        scene(play)
        message = Message.objects.get()
        assert (message.kind, message.agent, message.created_at.year) == ("customer", None, timezone.now().year)

    def test_that_is_rubbish_is_told_and_the_third_ends_it(self) -> None:
        async def play() -> None:
            ann = await Visitor.come()
            for frame in ({"type": "nonsense"}, {"type": "read", "seq": "all"}):
                await ann.say(**frame)
                assert (await ann.until("error"))["code"] == "bad_frame"
            await ann.socket.send_to(text_data="[]")
            assert await ann.until_closed() == 4400
            await ann.leave()

        scene(play)

    def test_is_refused_for_what_it_says(self) -> None:
        async def play() -> None:
            ann = await Visitor.come()
            assert await ann.refused("x" * 8_001) == "too_long"
            assert await ann.refused("  \x00 ") == "empty"
            assert await ann.refused(files=["no-such-file"]) == "unknown_file"
            assert await ann.refused(files=["a"] * 6) == "too_many_files"
            assert await ann.refused(client_id="?") == "bad_id"
            await ann.leave()

        scene(play)
        assert not Ticket.objects.exists()

    def test_with_script_in_it_stays_text(self, ben: Agent) -> None:
        nasty = "<script>alert(1)</script><img src=x onerror=alert(1)>"

        async def play() -> None:
            ann = await Visitor.come(page={"url": "javascript:alert(1)", "title": nasty})
            await ann.send(nasty, fields={"name": nasty, "colour": "red"})
            assert (await ann.until_line(nasty))["text"] == nasty
            await ann.leave()

        scene(play)
        visitor = Conversation.objects.get().visitor
        assert (visitor.claimed_name, visitor.page) == (nasty, {})

    def test_one_of_a_thousand_in_a_second_is_told_to_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Nothing is added to the buckets while the test runs, however slow the machine.
        monkeypatch.setattr(limits, "messages", limits.Rates(rate=0.001, size=10))
        monkeypatch.setattr(limits, "FRAMES_A_SECOND", 0.001)

        async def play() -> None:
            ann = await Visitor.come()
            for number in range(40):
                await ann.say(type="send", id=f"message-{number:04}", text=f"{number}")
            while len(answers := [each for each in ann.frames if each["type"] in {"ack", "nack"}]) < 40:
                await ann.next()
            nacks = [each for each in answers if each["type"] == "nack"]
            assert (len(nacks), {each["code"] for each in nacks}) == (30, {"slow_down"})
            assert all(each["retry_after"] > 0 for each in nacks)
            for number in range(1_000):
                await ann.say(type="ping", n=number)
            assert await ann.until_closed() == 4429
            await ann.leave()

        scene(play)
        assert sorted(ChatLine.objects.values_list("sequence", flat=True)) == list(range(1, 12))


@pytest.mark.usefixtures("web")
class TestASlowReader:
    def test_is_sent_so_much_and_no_more_until_it_has_read(self, ben: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hub, "WINDOW_BYTES", 2_000)
        monkeypatch.setattr(hub, "SLOW_SECONDS", 0.3)

        @sync_to_async
        def answer(number: int) -> int:
            words = chats.Words(
                client_id=f"answer-{number}",
                text=f"{number}" * 500,
                at=timezone.now(),
                agent_id=ben.pk,
                conversation_id=Conversation.objects.get().pk,
            )
            outcome = chats.say(words=words)
            assert isinstance(outcome, chats.Stored)
            return outcome.sequence

        async def play() -> None:
            ann = await Visitor.come()
            await ann.send("Hello")
            last = [await answer(number) for number in range(8)][-1]
            assert await ann.until_closed() == 4413
            assert len(ann.lines) < last
            monkeypatch.setattr(hub, "SLOW_SECONDS", 60.0)
            back = await Visitor.come(token=ann.token, conversation=ann.reference, since=max(ann.lines))
            while max({**ann.lines, **back.lines}) < last:
                frame = await back.until("lines")
                await back.say(type="got", seq=frame["lines"][-1]["seq"])
            assert sorted({**ann.lines, **back.lines}) == list(range(1, last + 1))
            await gathered(ann.leave(), back.leave())

        scene(play)


async def elsewhere(agent: Agent, text: str) -> None:
    """An answer by way of another process: this one's hub hears of it by a bell, or not at all."""

    def answer() -> None:
        number = Conversation.objects.values_list("pk", flat=True).get()
        words = chats.Words(
            client_id=uuid.uuid4().hex, text=text, at=timezone.now(), agent_id=agent.pk, conversation_id=number
        )
        assert isinstance(chats.say(words=words), chats.Stored)

    await sync_to_async(answer)()


async def settled() -> None:
    """Nobody of the hub's watches still catches up."""
    watches = [watch for found in hub.hub()._watches.values() for watch in found]
    await asyncio.gather(*(watch.task for watch in watches if watch.task is not None))
    while hub.hub()._rung:  # noqa: ASYNC110  # the hub tells nobody
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("web")
class TestTheHub:
    def test_heals_what_no_bell_told(self, ben: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hub, "TICK_SECONDS", 0.2)
        monkeypatch.setattr(hub.Hub, "hear", lambda self, message: None)  # every bell is lost

        async def play() -> None:
            ann = await Visitor.come()
            await ann.send("One")
            await elsewhere(ben, "Two")
            await ann.until_line("Two")
            await ann.leave()

        scene(play)

    def test_reads_nothing_again_that_was_said_through_it(self, ben: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
        looks, real = [], hub._news

        def noted(since: Mapping[int, int]) -> object:
            looks.append(since)
            return real(since)

        async def play() -> None:
            ann, console = await Visitor.come(), await Console.come(ben)
            await ann.send("One")
            tab = await Visitor.come(token=ann.token)
            await console.watch(ann.reference)
            await gathered(tab.until_line("One"), console.until_line("One"))
            await settled()
            monkeypatch.setattr(hub, "_news", noted)
            await ann.send("Two")
            await gathered(ann.until_line("Two"), tab.until_line("Two"), console.until_line("Two"))
            await console.send(ann.reference, "Three")
            await gathered(ann.until_line("Three"), tab.until_line("Three"), console.until_line("Three"))
            assert looks == []
            await elsewhere(ben, "Four")
            await gathered(ann.until_line("Four"), tab.until_line("Four"), console.until_line("Four"))
            await gathered(ann.leave(), tab.leave(), console.leave())

        scene(play)
        assert looks

    def test_spreads_in_threads_of_its_own_what_another_thread_reads(self, ben: Agent) -> None:
        """As in a real process; elsewhere in these tests the database is one thread's."""
        begun: list[hub.Hub] = []

        async def play() -> None:
            await hub.hub().close()
            hub._hubs.clear()
            begun.append(hub.hub())
            ann, console = await Visitor.come(), await Console.come(ben)
            for number in range(5):
                await ann.send(f"Word {number}")
            await console.watch(ann.reference)
            await elsewhere(ben, "Answer")
            await gathered(ann.until_line("Answer"), console.until_line("Answer"), console.until_line("Word 4"))
            assert sorted(console.lines) == list(range(1, max(console.lines) + 1))
            await gathered(ann.leave(), console.leave())

        scene(play)
        assert begun[0]._writer is not None

    def test_lets_an_agent_of_another_team_see_nothing(self, cleo: Agent, ben: Agent) -> None:
        async def play() -> None:
            ann, console = await Visitor.come(), await Console.come(cleo)
            await ann.send("Secret")
            await console.say(type="watch", conversation=ann.reference, since=0)
            assert (await console.until("error"))["code"] == "unknown_conversation"
            await console.say(type="send", id=uuid.uuid4().hex, conversation=ann.reference, text="Boo")
            assert (await console.until("error"))["code"] == "bad_frame"
            await gathered(ann.leave(), console.leave())

        scene(play)
        assert Message.objects.count() == 1

    def test_says_when_something_was_not_stored_and_takes_it_the_second_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from django.db import OperationalError

        real, failures = chats.exchange, [1]

        def failing(**words: object) -> object:
            if failures:
                failures.pop()
                raise OperationalError("the disk is full")
            return real(**words)  # type: ignore[arg-type]

        monkeypatch.setattr(hub, "exchange", failing)

        async def play() -> None:
            ann, client_id = await Visitor.come(), uuid.uuid4().hex
            await ann.say(type="send", id=client_id, text="Hello")
            nack = await ann.until("nack")
            assert (nack["code"], nack["retry_after"]) == ("try_again", sessions.TRY_AGAIN_SECONDS)
            assert (await ann.send("Hello", client_id=client_id))["seq"] == 2
            await ann.leave()

        scene(play)


class TestASocketOfAReplacedToken:
    def test_is_told_to_come_back_with_the_new_one(self, web: ChatSite) -> None:
        async def play() -> None:
            ann = await Visitor.come()
            await ann.send("Hello")
            found = await sync_to_async(site_for)("web")
            assert found is not None
            guest = visitors.Guest(channel_id=found.channel_id, token=ann.token, visitor_id=1)
            guest.visitor_id = (await sync_to_async(Conversation.objects.get)()).visitor_id
            token = identity.new_token(found.channel_id)
            person = visitors.Person(subject="u-1", name="Ann", address="ann@customer.example")
            await sync_to_async(visitors.vouch)(guest=guest, person=person, token=token, at=timezone.now())
            assert await ann.refused("Still me?") == "bad_token"
            stolen = await Visitor.come(token=ann.token)
            assert stolen.welcome["conversation"] is None
            back = await Visitor.come(token=token)
            assert back.reference == ann.reference
            await gathered(ann.leave(), stolen.leave(), back.leave())

        scene(play)
