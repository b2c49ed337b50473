"""Social channels from the customer's first word to the tick that says it was read."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from helpdesk.actions import replies, social_replies, tickets
from helpdesk.models import (
    Agent,
    Article,
    Channel,
    Delivery,
    Entry,
    InboundEvent,
    Membership,
    Message,
    SocialAccount,
    SocialPost,
    SocialThread,
    State,
    Team,
    Ticket,
)
from helpdesk.outbox import deliver_due
from helpdesk.queries import ledger
from helpdesk.queries.invariants.proof import prove
from helpdesk.queries.tickets import visible_to
from tests import make
from tests.flows.social_platforms import account, deliver, event, partner, said_to, work

pytestmark = pytest.mark.django_db
SOON = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _desk(support: Team, ben: Agent, settings: Settings) -> None:
    """Ben answers in support."""
    settings.HTTP_INNER_HOSTS = frozenset({"127.0.0.1"})
    Membership.objects.create(team=support, agent=ben)


def arrive(row: SocialAccount, *events: dict[str, Any]) -> None:
    deliver(row, *events)
    work()


def send(now: Any = None) -> None:
    deliver_due((now or timezone.now()) + SOON)


def answer(ticket: Ticket, agent: Agent, text: str = "Please try again now.", **values: Any) -> Message:
    return social_replies.reply(
        ticket=ticket, agent=agent, text=text, **({"seen_cursor": 10**9, "is_forced": True} | values)
    )


class TestTheFirstMessage:
    def test_opens_a_ticket_of_the_customer(self, ben: Agent, cleo: Agent) -> None:
        arrive(account(), event())

        ticket = Ticket.objects.get()
        message = ticket.messages.get(kind="customer")
        assert ticket.subject == "Hello, I cannot log in since the update this morning."
        assert (ticket.channel.kind, ticket.team.slug, ticket.language) == ("generic", "support", "en")
        assert ticket.contact is not None
        assert (ticket.contact.name, message.verdict) == ("Ann Archer", "verified")
        assert visible_to(ben).filter(pk=ticket.pk).exists()
        assert not visible_to(cleo).filter(pk=ticket.pk).exists()

    def test_is_acknowledged_there_once_with_number_and_faq_links_in_the_customers_language(
        self, support: Team
    ) -> None:
        Article.objects.create(
            slug="salasana",
            language="fi",
            title="Salasanan vaihtaminen",
            body="Näin vaihdat salasanan, jos kirjautuminen ei onnistu.",
            keywords="salasana kirjautuminen",
            is_published=True,
        )
        text = "Hei, en pysty kirjautumaan sisään. Miten vaihdan salasanan, kun kirjautuminen ei onnistu?"
        with partner() as shop:
            row = account(url=f"http://127.0.0.1:{shop.port}/in")

            arrive(row, event("m1", text=text), event("m2", text="Olisi kiire, kiitos."))
            send()
            send()

        ticket = Ticket.objects.get()
        said = said_to(shop)
        assert len(said) == 1
        assert ticket.reference in said[0]["text"]
        assert "Kiitos, viestisi on saapunut." in said[0]["text"]
        assert "/faq/fi/salasana/" in said[0]["text"]
        assert said[0]["thread"] == "t1"
        assert Entry.objects.filter(ticket=ticket, kind=Entry.Kind.ACKNOWLEDGED).count() == 1

    @pytest.mark.parametrize(
        ("change", "verdict"),
        [
            ({"public": True}, "public"),
            ({"sender": {"id": "17", "is_bot": True}}, "bot"),
            ({"at": time.time() - 90_000}, "too-old"),
        ],
    )
    def test_that_nobody_waits_for_is_not_acknowledged(self, change: dict[str, Any], verdict: str) -> None:
        arrive(account(), event(**change))

        assert Message.objects.exclude(event=None).get().acknowledgement == verdict
        assert not Delivery.objects.exists()

    def test_in_a_channel_without_a_way_back_is_not_acknowledged(self) -> None:
        arrive(account(url=""), event())

        assert Message.objects.exclude(event=None).get().acknowledgement == "one-way"
        assert not Delivery.objects.exists()

    def test_of_a_blocked_customer_is_spam_and_says_nothing(self) -> None:
        row = account()
        arrive(row, event())
        Ticket.objects.get().participants.get().identity.contact.identities.update(blocked_at=timezone.now())
        Delivery.objects.all().delete()

        arrive(row, event("m2"))

        assert Ticket.objects.order_by("id").last().state == State.SPAM  # type: ignore[union-attr]
        assert not Delivery.objects.exists()


class TestTheConversation:
    def test_goes_on_in_the_same_ticket_and_opens_it_again(self, ben: Agent) -> None:
        row = account()
        arrive(row, event())
        ticket = Ticket.objects.get()
        tickets.set_state(ticket=ticket, state=State.SOLVED, by=ben)

        arrive(row, event("m2", text="It happens again."))

        ticket.refresh_from_db()
        assert ticket.state == State.OPEN
        assert ticket.messages.filter(kind="customer", threading="conversation").count() == 1

    def test_begins_anew_after_the_ticket_was_closed(self, ben: Agent) -> None:
        row = account()
        arrive(row, event())
        tickets.set_state(ticket=Ticket.objects.get(), state=State.CLOSED, by=ben)

        arrive(row, event("m2"))

        assert Ticket.objects.count() == 2

    def test_follows_a_merged_ticket(self, ben: Agent) -> None:
        row = account()
        arrive(row, event(), event("m2", thread="t2"))
        first, second = Ticket.objects.order_by("id")
        tickets.join(ticket=second, into=first, by=ben)

        arrive(row, event("m3", thread="t2", text="And this."))

        assert first.messages.filter(text="And this.").exists()

    def test_shows_an_edit_and_keeps_the_former_words(self) -> None:
        row = account()
        arrive(row, event())

        arrive(row, event("e1", type="edit", refers_to="m1", text="I can log in again."))

        ticket = Ticket.objects.get()
        assert ticket.messages.get(kind="customer").text == "I can log in again."
        line = Entry.objects.get(kind=Entry.Kind.MESSAGE_EDITED)
        assert line.is_internal
        assert line.data["from"].startswith("Hello")

    def test_hides_what_was_taken_back(self) -> None:
        row = account()
        arrive(row, event())

        arrive(row, event("d1", type="deletion", refers_to="m1"))

        assert Message.objects.get(kind="customer").text == ""
        assert SocialPost.objects.get(external_id="m1").deleted_at is not None

    def test_takes_up_what_we_wrote_in_the_platforms_own_app(self) -> None:
        row = account()
        arrive(row, event())

        arrive(row, event("x1", type="echo", text="I have reset it for you."))
        arrive(row, event("x1", type="echo", text="I have reset it for you."))

        echo = Message.objects.get(kind="reply")
        assert (echo.text, echo.sender_name, echo.agent) == ("I have reset it for you.", "Shop app", None)
        assert Ticket.objects.get().first_reply_at is not None

    def test_brings_files_along_through_the_guarded_door(self) -> None:
        with partner(body=b"a picture") as shop:
            good = {"url": f"http://127.0.0.1:{shop.port}/1.png", "name": "1.png", "content_type": "image/png"}
            inner = {"url": "https://169.254.169.254/latest/meta-data/", "name": "keys.txt"}

            arrive(account(), event(attachments=[good, inner]))

        message = Message.objects.get(kind="customer")
        file = message.attachments.get()
        assert (file.filename, file.size) == ("1.png", 9)
        assert any("not public" in problem for problem in message.problems)

    def test_waits_for_a_file_that_is_away_and_goes_on_without_it_at_last(self) -> None:
        with partner("503 Service Unavailable") as shop:
            arrive(account(), event(attachments=[{"url": f"http://127.0.0.1:{shop.port}/1.png"}]))
            assert not Message.objects.exists()
            for _ in range(2):
                InboundEvent.objects.filter(state="waiting").update(next_attempt_at=timezone.now())
                work()

        message = Message.objects.get(kind="customer")
        assert message.problems
        assert not message.attachments.exists()


class TestAnAnswer:
    def test_leaves_by_the_outbox_and_is_delivered_and_read(self, ben: Agent) -> None:
        with partner(body=b'{"id": "r1", "url": "https://shop.example/r1"}') as shop:
            row = account(url=f"http://127.0.0.1:{shop.port}/in")
            arrive(row, event())
            Delivery.objects.all().delete()
            message = answer(
                Ticket.objects.get(), ben, files=[replies.File("how.txt", "text/plain", b"Turn it off and on.")]
            )
            assert Delivery.objects.get(message=message).state == "queued"
            send()
        arrive(row, event("d1", type="receipt", receipt="delivered", refers_to="r1"))
        arrive(row, event("d2", type="receipt", receipt="read", refers_to="r1"))

        said = said_to(shop)[-1]
        post = SocialPost.objects.get(message=message)
        assert (said["thread"], said["text"]) == ("t1", "Please try again now.")
        assert said["attachments"][0]["name"] == "how.txt"
        assert Delivery.objects.get(message=message).state == "sent"
        assert (post.external_id, post.url) == ("r1", "https://shop.example/r1")
        assert post.delivered_at is not None
        assert post.read_at is not None
        assert Ticket.objects.get().owner == ben

    def test_is_sent_once_though_the_platform_calls_two_messages_the_same(self, ben: Agent) -> None:
        with partner(body=b'{"id": "r1"}') as shop:
            arrive(account(url=f"http://127.0.0.1:{shop.port}/in"), event())
            answer(Ticket.objects.get(), ben)
            send()
            send(timezone.now() + timedelta(hours=1))

        assert len(shop.requests) == 2
        assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}

    def test_that_is_refused_shows_why_at_the_message(self, ben: Agent) -> None:
        with partner("410 Gone", body=b"This conversation is over.") as shop:
            arrive(account(url=f"http://127.0.0.1:{shop.port}/in"), event())
            message = answer(Ticket.objects.get(), ben, state=State.WAITING)
            send()

        delivery = Delivery.objects.get(message=message)
        assert delivery.state == "failed"
        assert "This conversation is over." in delivery.error
        assert Ticket.objects.get().state == State.OPEN

    def test_waits_as_long_as_the_platform_wants(self, ben: Agent) -> None:
        now = timezone.now()
        with partner("429 Too Many Requests", "Retry-After: 1800") as shop:
            arrive(account(url=f"http://127.0.0.1:{shop.port}/in"), event())
            message = answer(Ticket.objects.get(), ben)
            send(now)

        delivery = Delivery.objects.get(message=message)
        assert delivery.state == "retry"
        assert delivery.next_attempt_at >= now + timedelta(minutes=30)

    def test_to_an_account_whose_login_is_refused_pauses_the_channel(self, ben: Agent) -> None:
        with partner("401 Unauthorized", body=b"wrong signature") as shop:
            arrive(account(url=f"http://127.0.0.1:{shop.port}/in"), event())
            message = answer(Ticket.objects.get(), ben)
            send()

        assert "wrong signature" in Channel.objects.get().paused_reason
        assert Delivery.objects.get(message=message).state == "queued"

    def test_can_be_undone_while_it_waits(self, ben: Agent) -> None:
        arrive(account(), event())
        message = answer(Ticket.objects.get(), ben)

        assert replies.undo(message=message, agent=ben) == "Please try again now."
        assert not Message.objects.filter(kind="reply").exists()

    def test_is_stopped_by_something_newer(self, ben: Agent) -> None:
        row = account()
        arrive(row, event())
        seen = Ticket.objects.get().message_cursor
        arrive(row, event("m2", text="Never mind."))

        with pytest.raises(replies.NewerMessages):
            answer(Ticket.objects.get(), ben, seen_cursor=seen, is_forced=False)

    def test_in_public_asks_whether_it_is_meant(self, ben: Agent) -> None:
        arrive(account(), event(public=True))
        ticket = Ticket.objects.get()

        with pytest.raises(replies.NotSendable, match="Everybody"):
            answer(ticket, ben)
        message = answer(ticket, ben, is_public_meant=True)

        queued = json.loads(bytes(Delivery.objects.get(message=message).mime))
        assert (queued["is_public"], queued["reply_to"]) == (True, "m1")

    @pytest.mark.parametrize("text", ["", "x" * 20_001], ids=["empty", "too long"])
    def test_that_the_platform_cannot_take_is_refused_with_a_sentence(self, ben: Agent, text: str) -> None:
        arrive(account(), event())

        with pytest.raises(replies.NotSendable):
            answer(Ticket.objects.get(), ben, text=text)

    def test_that_failed_on_its_way_says_so_later_too(self, ben: Agent) -> None:
        with partner(body=b'{"id": "r1"}') as shop:
            row = account(url=f"http://127.0.0.1:{shop.port}/in")
            arrive(row, event())
            Delivery.objects.all().delete()
            message = answer(Ticket.objects.get(), ben)
            send()
        arrive(row, event("f1", type="receipt", receipt="failed", refers_to="r1", error="The app was removed."))

        delivery = Delivery.objects.get(message=message)
        assert (delivery.state, delivery.error) == ("failed", "The app was removed.")


class TestAPrivateAnswerToAPublicPost:
    @pytest.fixture
    def ticket(self) -> Ticket:
        """Of a customer whom Mastodon knows as 7, under a post of theirs."""
        row = account(provider="mastodon", server="https://social.example")
        arrive(account(name="Beside"), event(public=True))
        thread = SocialThread.objects.get()
        SocialThread.objects.filter(pk=thread.pk).update(account=row, external_id="31:7")
        Ticket.objects.update(channel=row.channel)
        return Ticket.objects.get()

    def test_is_a_choice_of_the_composer(self, ticket: Ticket, ben: Agent, client: Client) -> None:
        client.force_login(ben)

        page = client.get(reverse("ticket", args=[ticket.reference])).content.decode()

        assert 'name="via" value="private"' in page
        assert 'name="is_public"' in page

    def test_goes_to_the_writer_alone_without_a_word_about_publicity(
        self, ticket: Ticket, ben: Agent, client: Client
    ) -> None:
        client.force_login(ben)
        values = {"kind": "reply", "reply": "Your address?", "via": "private", "is_forced": "yes", "seen": "0"}

        client.post(reverse("ticket-send", args=[ticket.reference]), values)

        message = Message.objects.get(kind=Message.Kind.REPLY)
        queued = json.loads(bytes(Delivery.objects.get(message=message).mime))
        assert (queued["thread"], queued["is_public"], queued["reply_to"]) == ("direct:7", False, "m1")
        assert not SocialPost.objects.get(message=message).is_public
        assert SocialThread.objects.get(external_id="direct:7").ticket == ticket

    def test_leaves_another_private_conversation_where_it_is(self, ticket: Ticket, ben: Agent, support: Team) -> None:
        other = make.ticket(channel=ticket.channel, team=support)
        row = SocialAccount.objects.get(provider="mastodon")
        SocialThread.objects.create(account=row, external_id="direct:7", ticket=other, created_at=make.NOON)

        answer(ticket, ben, is_private=True)

        assert SocialThread.objects.get(external_id="direct:7").ticket == other

    def test_is_refused_where_the_platform_has_no_way(self, ben: Agent) -> None:
        arrive(account(), event(public=True))

        with pytest.raises(replies.NotSendable, match="privately"):
            answer(Ticket.objects.get(), ben, is_private=True)


class TestTheInvariants:
    def test_hold_for_all_of_it(self, ben: Agent) -> None:
        with partner(body=b'{"id": "r1"}') as shop:
            row = account(url=f"http://127.0.0.1:{shop.port}/in")
            arrive(row, event(), event("e1", type="edit", refers_to="m1", text="Hello again"))
            answer(Ticket.objects.get(), ben)
            send()
            arrive(row, event("x1", type="echo", text="By the app."), {"id": "bad"})

        proofs = prove(ledger.invariants(has_files=True, is_deep=True), now=timezone.now())
        assert [finding.sentence for proof in proofs for finding in proof.findings] == []
