"""A chat from both sides: tickets, order, resending, coming back, several tabs, hand-over, the end."""

import uuid
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.db.models import F
from django.utils import timezone

from helpdesk.actions import presence, tickets
from helpdesk.models import (
    Agent,
    ChatLine,
    ChatSite,
    Conversation,
    Entry,
    Message,
    RoutingDecision,
    State,
    Team,
    Ticket,
    VisitorToken,
)
from helpdesk.models import Visitor as Visit
from tests.flows.chat_clients import Console, Visitor, gathered, scene, site

pytestmark = pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)


@pytest.fixture
def web(support: Team, billing: Team) -> ChatSite:
    return site(team=billing, pre_chat_fields=[{"name": "order", "kind": "text", "label": {"en": "Order number"}}])


def an_hour_passes() -> None:
    """All that is stored is an hour older."""
    hour = timedelta(hours=1)
    VisitorToken.objects.update(created_at=F("created_at") - hour, expires_at=F("expires_at") - hour)
    Visit.objects.update(created_at=F("created_at") - hour, online_until=F("online_until") - hour)
    for model in (Message, Conversation, ChatLine):
        model._default_manager.update(created_at=F("created_at") - hour)


def sequences() -> list[int]:
    return list(ChatLine.objects.order_by("conversation", "sequence").values_list("sequence", flat=True))


@pytest.mark.usefixtures("web")
class TestTheFirstMessage:
    def test_is_a_ticket_with_a_reference_at_once(self, billing: Team, ben: Agent) -> None:
        async def play() -> None:
            ann = await Visitor.come(page={"url": "https://shop.example/cart", "title": "Cart"})
            answers = {"name": "Ann", "email": "ann@customer.example", "order": "4417", "colour": "red"}
            ack = await ann.send("Where is my parcel?", fields=answers)
            line = await ann.until_line("Where is my parcel?")

            assert (line["seq"], line["from"]) == (ack["seq"], "visitor")
            assert ann.lines[1]["data"]["reference"] == ack["conversation"]
            await ann.leave()

        scene(play)
        ticket = Ticket.objects.get()
        assert (ticket.subject, ticket.team, ticket.channel.kind) == ("Where is my parcel?", billing, "chat")
        assert (ticket.contact and ticket.contact.name) == "Ann"
        visitor = ticket.conversation.visitor
        assert (visitor.claimed_address, visitor.page["title"]) == ("ann@customer.example", "Cart")
        assert visitor.fields == {"order": "4417"}, "what the site asks, and nothing else"
        assert RoutingDecision.objects.get(ticket=ticket).facts["channel_kind"] == "chat"
        assert set(ticket.entries.values_list("kind", flat=True)) == {"ticket-opened", "routed", "message-added"}

    def test_is_given_to_an_agent_who_is_online(self, billing: Team, ben: Agent) -> None:
        presence.note_seen(agent_id=ben.pk, at=timezone.now())

        async def play() -> None:
            ann = await Visitor.come()
            assert ann.welcome["presence"] == {
                "type": "presence", "is_open": True, "is_anyone_there": True, "queue": None
            }  # fmt: skip
            await ann.send("Hello?")
            conversation = [each for each in ann.frames if each["type"] == "conversation"][-1]["conversation"]
            assert (conversation["state"], conversation["agent"]["name"]) == ("open", "Ben")
            await ann.leave()

        scene(play)
        assert Ticket.objects.get().owner == ben

    def test_waits_in_the_queue_when_nobody_is_there(self) -> None:
        async def play() -> None:
            ann, bob = await Visitor.come(), await Visitor.come()
            await ann.send("First")
            await bob.send("Second")
            conversation = [each for each in bob.frames if each["type"] == "conversation"][-1]["conversation"]

            assert (conversation["state"], conversation["queue"]) == ("queued", {"position": 2, "wait_seconds": None})
            assert not bob.welcome["presence"]["is_anyone_there"]
            await gathered(ann.leave(), bob.leave())

        scene(play)

    def test_is_stored_once_however_often_it_comes(self) -> None:
        async def play() -> None:
            ann, client_id = await Visitor.come(), uuid.uuid4().hex
            first = await ann.send("Once", client_id=client_id)
            assert await ann.send("Once", client_id=client_id) == first
            again = await Visitor.come(token=ann.token)
            assert await again.send("Once", client_id=client_id) == first
            await gathered(ann.leave(), again.leave())

        scene(play)
        assert Message.objects.count() == 1

    def test_of_two_tabs_at_once_opens_one_conversation(self) -> None:
        async def play() -> None:
            ann = await Visitor.come()
            tab = await Visitor.come(token=ann.token)
            assert tab.token == ann.token
            one, two = await gathered(ann.send("One"), tab.send("Two"))
            assert one["conversation"] == two["conversation"]
            await gathered(ann.until_line("Two"), tab.until_line("One"))
            assert ann.lines.keys() == tab.lines.keys() == {1, 2, 3}
            await gathered(ann.leave(), tab.leave())

        scene(play)
        assert sequences() == [1, 2, 3]


@pytest.mark.usefixtures("web")
class TestAConversation:
    def test_goes_both_ways_in_one_order(self, ben: Agent) -> None:
        async def play() -> None:
            ann, console = await Visitor.come(), await Console.come(ben)
            await ann.send("Hello")
            about = await console.watch(ann.reference)
            assert about["visitor"]["is_online"]
            await console.send(ann.reference, "Hello Ann")
            assert (await ann.until_line("Hello Ann"))["agent"]["name"] == "Ben"
            await ann.send("Thanks")
            await console.until_line("Thanks")
            await ann.until_line("Thanks")
            for one, other in zip(ann.lines.values(), console.lines.values(), strict=True):
                assert {**one, "id": ""} == {**other, "id": ""}
            assert [line.get("event", "message") for line in ann.lines.values()] == [
                "opened", "joined", "message", "message", "message"
            ]  # fmt: skip
            await gathered(ann.leave(), console.leave())

        scene(play)
        ticket = Ticket.objects.get()
        assert (ticket.owner, ticket.state, ticket.first_reply_at is not None) == (ben, State.OPEN, True)
        assert ticket.conversation.waits_since is not None

    def test_shows_typing_and_reading(self, ben: Agent) -> None:
        async def play() -> None:
            ann, console = await Visitor.come(), await Console.come(ben)
            await ann.send("Hello")
            await console.watch(ann.reference)
            await console.until_line("Hello")
            await ann.say(type="typing", text="I would li")
            assert (await console.until("typing"))["text"] == "I would li"
            await console.say(type="typing", conversation=ann.reference, is_typing=True)
            assert (await ann.until("typing"))["agent"]["name"] == "Ben"
            await console.say(type="read", conversation=ann.reference, seq=3)
            assert (await ann.until("read", by="agent"))["seq"] == 3
            ack = await console.send(ann.reference, "Hi")
            await ann.until_line("Hi")
            await ann.say(type="read", seq=ack["seq"])
            assert (await console.until("read", by="visitor", seq=ack["seq"]))["conversation"] == ann.reference
            await gathered(ann.leave(), console.leave())

        scene(play)
        assert Conversation.objects.get().unread_since is None

    def test_is_all_there_for_who_comes_back(self, ben: Agent) -> None:
        async def play() -> None:
            ann, console = await Visitor.come(), await Console.come(ben)
            await ann.send("Hello")
            await ann.leave()
            await console.watch(ann.reference)
            for number in range(5):
                await console.send(ann.reference, f"Answer {number}")
            back = await Visitor.come(token=ann.token, conversation=ann.reference, since=3)
            await back.until_line("Answer 4")
            assert sorted(back.lines) == [4, 5, 6, 7, 8]
            await back.say(type="resume", conversation=ann.reference, since=0)
            while len(back.lines) < 8:
                await back.until("lines")
            await gathered(back.leave(), console.leave())

        scene(play)

    def test_tells_the_visitor_about_a_hand_over_but_not_the_note(self, ben: Agent, eli: Agent, tech: Team) -> None:
        @sync_to_async
        def hand_over(reference: str) -> None:
            ticket = Ticket.objects.get()
            tickets.set_owner(ticket=ticket, owner=eli, by=ben)
            tickets.set_team(ticket=ticket, team=tech, by=eli)

        async def play() -> None:
            ann, console = await Visitor.come(), await Console.come(ben)
            await ann.send("Hello")
            await console.watch(ann.reference)
            await console.send(ann.reference, "I ask a colleague")
            await hand_over(ann.reference)
            while len(events := [line for line in ann.lines.values() if line["kind"] == "event"]) < 4:
                await ann.until("lines")
            assert [(line["event"], line["data"]) for line in events[2:]] == [
                ("handed_over", {"agent": {"name": "Eli", "initials": "E", "picture": None}, "team": ""}),
                ("handed_over", {"agent": "", "team": "Tech"}),
            ]
            await gathered(ann.leave(), console.leave())

        scene(play)

    def test_finds_everything_after_an_hour_away(self, ben: Agent) -> None:
        async def play() -> None:
            ann = await Visitor.come()
            seen = (await ann.send("Where is my parcel?"))["seq"]
            await ann.leave()
            await sync_to_async(an_hour_passes)()
            console = await Console.come(ben)
            await console.watch(ann.reference)
            for number in range(3):
                await console.send(ann.reference, f"Answer {number}")

            back = await Visitor.come(token=ann.token, conversation=ann.reference, since=seen)
            assert back.token == ann.token
            await back.until_line("Answer 2")
            assert sorted(back.lines) == list(range(seen + 1, max(back.lines) + 1))
            assert [line["text"] for line in back.lines.values() if line["kind"] == "message"] == [
                "Answer 0", "Answer 1", "Answer 2"
            ]  # fmt: skip
            await gathered(back.leave(), console.leave())

        scene(play)

    def test_keeps_answers_unread_that_came_while_the_visitor_wrote_cut_off(self, ben: Agent) -> None:
        async def play() -> None:
            ann, console = await Visitor.come(), await Console.come(ben)
            ack = await ann.send("Where is my parcel?")
            await ann.leave()
            await console.watch(ann.reference)
            answered = await console.send(ann.reference, "It has arrived")

            # The outbox speaks before anything was looked at.
            back = await Visitor.come(token=ann.token, conversation=ann.reference, since=ack["seq"])
            await back.send("Hello?", conversation=ann.reference)
            await gathered(back.until_line("Hello?"), console.until_line("Hello?"))
            row = await Conversation.objects.aget()
            assert row.visitor_read < answered["seq"]
            assert row.unread_since is not None

            last = max(back.lines)
            await back.say(type="read", seq=last)
            await console.until("read", by="visitor", seq=last)
            assert (await Conversation.objects.aget()).unread_since is None
            await back.send("Thank you", conversation=ann.reference)
            assert (await Conversation.objects.aget()).visitor_read == last + 1
            await gathered(back.leave(), console.leave())

        scene(play)

    def test_that_ended_goes_on_within_a_day(self, ben: Agent) -> None:
        async def play() -> None:
            ann = await Visitor.come()
            await ann.send("Hello")
            await ann.say(type="end", conversation=ann.reference)
            assert (await ann.until_event("ended"))["data"] == {"by": "visitor"}
            first = ann.reference
            await ann.send("One more thing")
            assert ann.reference == first
            await ann.leave()

        scene(play)
        assert Conversation.objects.get().ended_by == ""
        assert Entry.objects.filter(kind="chat-changed").count() == 1

    def test_is_rated(self, ben: Agent) -> None:
        async def play() -> None:
            ann = await Visitor.come()
            await ann.send("Hello")
            await ann.say(type="rate", conversation=ann.reference, score=4, effort=6, comment="Quick")
            assert (await ann.until("rated"))["score"] == 4
            await ann.say(type="rate", conversation=ann.reference, score=5, effort=None)
            assert (await ann.until("rated"))["effort"] is None
            await ann.leave()

        scene(play)
        assert (Ticket.objects.get().rating.score, Ticket.objects.get().rating.comment) == (5, "")
