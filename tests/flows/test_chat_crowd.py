"""Many at once: who comes and goes, what is said meanwhile, and a Redis that is gone."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.db.models import QuerySet
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk import chats, live
from helpdesk.actions import presence, visitors
from helpdesk.models import Agent, ChatLine, ChatSite, Conversation, Message, Team, Visitor, VisitorToken
from helpdesk.queries.chats import site_for
from helpdesk.widget import lookups
from helpdesk.widget.hub import hub
from tests.flows.chat_clients import PATIENCE, Console, gathered, scene, site
from tests.flows.chat_clients import Visitor as Widget
from tests.servers.desk_process import free_port

pytestmark = pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)


@pytest.fixture(autouse=True)
def web(support: Team, billing: Team) -> ChatSite:
    return site(team=billing)


async def _until(rows: Callable[[], QuerySet[Any]], *, some: bool) -> None:
    """Return once there are such rows, or none; the scene's patience bounds it."""
    while await rows().aexists() != some:  # noqa: ASYNC110  # what is written down soon, nobody tells
        await asyncio.sleep(0.01)


async def _is_online(*, wanted: bool) -> None:
    await _until(lambda: Visitor.objects.filter(online_until__gt=timezone.now()), some=wanted)


class TestWhoComesBack:
    def test_is_greeted_without_a_write(self, web: ChatSite) -> None:
        found: list[Widget] = []

        async def play() -> None:
            found.append(await Widget.come())
            await found[0].send("Hello")
            await found[0].leave()

        scene(play)
        opened = site_for("web")
        assert opened is not None
        hello = {"type": "hello", "v": 1, "token": found[0].token, "conversation": found[0].reference}
        with CaptureQueriesContext(
            connection,
        ) as queries:
            welcome = lookups.greet(opened, lookups.Greeting.of(hello), now=timezone.now())
        assert welcome.reference == found[0].reference
        verbs = {query["sql"].split()[0] for query in queries}
        assert verbs == {"SELECT"}

    def test_keeps_the_token_alive_but_is_written_down_once_an_hour(self, web: ChatSite) -> None:
        guest = visitors.Guest(channel_id=web.channel_id, token="t" * 20)
        at = timezone.now()
        visitors.visitor_of(guest, at=at)
        for later, expected in ((timedelta(minutes=59), timedelta()), (timedelta(minutes=61), timedelta(minutes=61))):
            visitors.use_token(token_hash=guest.token_hash, at=at + later)
            assert VisitorToken.objects.get().expires_at == at + visitors.TOKEN_LIFE + expected

    def test_is_online_until_the_last_of_their_connections_ends(self) -> None:
        async def play() -> None:
            ann = await Widget.come()
            await ann.send("Hello")
            await Visitor.objects.aupdate(online_until=None)
            tab = await Widget.come(token=ann.token)
            await _is_online(wanted=True)
            await ann.leave()
            await tab.send("Still here")
            before = (await Visitor.objects.aget()).online_until
            assert before is not None
            assert before > timezone.now()
            await tab.leave()
            await _is_online(wanted=False)

        scene(play)

    def test_to_another_process_is_not_gone_from_there(self, web: ChatSite) -> None:
        at = timezone.now()
        guest = visitors.Guest(channel_id=web.channel_id, token="t" * 20)
        number = visitors.visitor_of(guest, at=at - timedelta(minutes=1)).pk
        late = at + timedelta(seconds=1)
        visitors.note_moves(came=[number], gone=[], since=at, at=late)
        visitors.note_moves(came=[], gone=[number], since=at, at=at + timedelta(seconds=2))
        assert Visitor.objects.get().online_until == late + visitors.ONLINE_LIFE
        visitors.note_moves(came=[], gone=[number], since=late, at=late)
        assert Visitor.objects.get().online_until == late

    def test_as_an_agent_is_seen_with_all_who_come_then(self, ben: Agent, cleo: Agent) -> None:
        at = timezone.now()
        presence.note_all_seen(agent_ids={ben.pk, cleo.pk}, at=at)
        presence.note_all_seen(agent_ids={ben.pk}, at=at + timedelta(seconds=1))
        assert set(Agent.objects.filter(seen_at__isnull=False).values_list("pk", "seen_at")) == {
            (ben.pk, at), (cleo.pk, at)
        }  # fmt: skip

        async def play() -> None:
            await Agent.objects.filter(pk=ben.pk).aupdate(seen_at=None)
            console = await Console.come(ben)
            await _until(lambda: Agent.objects.filter(pk=ben.pk, seen_at__isnull=False), some=True)
            await console.leave()

        scene(play)


class TestWhoOnlyLooksAround:
    def test_shares_one_look_at_who_is_there(self, web: ChatSite) -> None:
        opened, asked = site_for("web"), timezone.now()
        assert opened is not None
        lookups._presences.clear()
        assert lookups.fresh_presence(opened) is None
        shown = lookups.presence(opened, 0, 0)
        with CaptureQueriesContext(connection) as queries:
            assert lookups.fresh_presence(opened) == shown
        assert not queries.captured_queries
        name, (_at, found) = next(iter(lookups._presences.items()))
        lookups._presences[name] = (asked - timedelta(seconds=6), found)
        assert lookups.fresh_presence(opened) is None

    def test_still_hears_that_somebody_came(self, ben: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
        async def play() -> None:
            ann = await Widget.come()
            assert not ann.welcome["presence"]["is_anyone_there"]
            await Agent.objects.filter(pk=ben.pk).aupdate(seen_at=timezone.now())
            lookups._presences.clear()
            monkeypatch.setattr("helpdesk.widget.sessions.PRESENCE_SECONDS", 0.0)
            (session,) = hub().peers
            await session.tick()
            assert (await ann.until("presence"))["is_anyone_there"]
            await ann.leave()

        scene(play)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nothing is stored until it is set; then everything is, as ever."""
    gate = threading.Event()

    def wait_and_store(**words: Any) -> Any:
        assert gate.wait(PATIENCE)
        return chats.exchange(**words)

    monkeypatch.setattr("helpdesk.widget.hub.exchange", wait_and_store)
    gate.set()
    yield gate
    gate.set()


class TestWordsThatAreBeingStored:
    def test_are_no_obstacle_to_what_else_is_asked(self, ben: Agent, gate: threading.Event) -> None:
        async def play() -> None:
            ann, console = await Widget.come(), await Console.come(ben)
            await ann.send("Hello")
            await console.watch(ann.reference)
            gate.clear()
            for client, names in ((ann, ("ann-0001", "ann-0002")), (console, ("ben-0001", "ben-0002"))):
                for name in names:
                    await client.say(type="send", id=name, conversation=ann.reference, text=name)
                await client.say(type="ping")
                await client.until("pong")
                assert not [frame for frame in client.frames if frame["type"] == "ack" and frame["id"] in names]
            gate.set()
            await gathered(ann.until("ack", id="ann-0002"), console.until("ack", id="ben-0002"))
            for client in (ann, console):
                acks = [frame["id"][-4:] for frame in client.frames if frame["type"] == "ack"]
                assert acks[-2:] == ["0001", "0002"]
            await gathered(ann.leave(), console.leave())

        scene(play)
        said = ChatLine.objects.exclude(client_id="").order_by("sequence").values_list("client_id", flat=True)
        assert list(said)[1:] == ["ann-0001", "ann-0002", "ben-0001", "ben-0002"]

    def test_come_before_the_end_that_was_said_after_them(self, gate: threading.Event) -> None:
        async def play() -> None:
            ann = await Widget.come()
            await ann.send("Hello")
            gate.clear()
            await ann.say(type="send", id="last-word-1", conversation=ann.reference, text="Bye")
            await ann.say(type="end", conversation=ann.reference)
            gate.set()
            await ann.until_event("ended")
            await ann.leave()

        scene(play)
        assert Conversation.objects.get().ended_by == "visitor"
        last = ChatLine.objects.order_by("sequence").filter(sequence__gt=2)
        assert list(last.values_list("message__text", "event")) == [("Bye", ""), (None, "ended")]

    def test_are_stored_also_if_their_speaker_leaves(self, gate: threading.Event) -> None:
        async def play() -> None:
            ann, eve = await Widget.come(), await Widget.come()
            await ann.send("Hello")
            gate.clear()
            for name in ("first-word", "other-word"):
                await ann.say(type="send", id=name, conversation=ann.reference, text=name)
            await ann.say(type="ping")
            await ann.until("pong")
            await ann.leave()
            gate.set()
            await eve.send("What is said later is stored later")
            await eve.leave()

        scene(play)
        assert Message.objects.filter(text__endswith="-word").count() == 2


class TestARedisThatIsGone:
    @pytest.fixture(autouse=True)
    def _redis(self) -> Iterator[None]:
        hosts = [f"redis://127.0.0.1:{free_port()}/0"]
        layer = {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": hosts}}
        with override_settings(CHANNEL_LAYERS={"default": layer}):
            yield

    def test_hinders_no_action(self, caplog: pytest.LogCaptureFixture) -> None:
        live.ring(1)
        live.publish(groups=["team.1"], cursor=1)
        assert caplog.text.count("hints not sent") == 2

    def test_hinders_no_chat(self, ben: Agent) -> None:
        async def play() -> None:
            ann, console = await Widget.come(), await Console.come(ben)
            await ann.send("Hello")
            await console.watch(ann.reference)
            await console.send(ann.reference, "Hello Ann")
            await ann.until_line("Hello Ann")
            await ann.say(type="typing", text="Well")
            await ann.send("Well")
            await console.until_line("Well")
            await gathered(ann.leave(), console.leave())

        scene(play)
        assert Message.objects.count() == 3
