"""Agents answer: what goes out, what stays in, and what stops them."""

from email import message_from_bytes
from email.message import Message as Mail

import pytest
from pytest_django import Settings

from helpdesk import keys
from helpdesk.actions import replies
from helpdesk.models import Agent, Channel, Delivery, Draft, Entry, Identity, Message, State, Team, Ticket
from mail_gateway import ids
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(channel: Channel, billing: Team, ann: Identity) -> Ticket:
    """Ann's ticket in billing, with her one mail."""
    ticket = make.ticket(channel=channel, team=billing, identity=ann)
    make.message(
        ticket=ticket,
        text="Where is my invoice?",
        sender_name="Ann Archer",
        sender_address="ann@customer.example",
        message_id="question@customer.example",
        contact=ann.contact,
    )
    return ticket


def answer(ticket: Ticket, agent: Agent, **how: object) -> Message:
    values: dict[str, object] = {"text": "Here it is.", "to": ["ann@customer.example"], "seen_cursor": 10**9, **how}
    return replies.reply(ticket=ticket, agent=agent, **values)  # type: ignore[arg-type]


def mail_of(message: Message) -> Mail:
    return message_from_bytes(bytes(message.delivery.mime))


class TestReply:
    def test_goes_out_in_the_customers_thread(self, ticket: Ticket, ben: Agent) -> None:
        mail = mail_of(answer(ticket, ben))

        assert mail["To"] == "Ann Archer <ann@customer.example>"
        assert mail["In-Reply-To"] == "<question@customer.example>"
        assert mail["References"] == "<question@customer.example>"
        assert ticket.reference in mail["Subject"]
        assert mail["Auto-Submitted"] is None

    def test_carries_a_message_id_that_leads_back_to_the_ticket(self, ticket: Ticket, ben: Agent) -> None:
        token = ids.read_message_id(keys.mail_keys(), answer(ticket, ben).message_id)

        assert token is not None
        assert token.ticket_id == ticket.pk
        assert ids.matches(token, "ann@customer.example")

    def test_waits_for_the_undo_time_before_it_leaves(self, ticket: Ticket, ben: Agent, settings: Settings) -> None:
        settings.UNDO_SECONDS = 10

        delivery = answer(ticket, ben).delivery

        assert (delivery.next_attempt_at - delivery.created_at).total_seconds() == 10

    def test_takes_a_ticket_that_nobody_had(self, ticket: Ticket, ben: Agent) -> None:
        answer(ticket, ben, state=State.WAITING)

        ticket.refresh_from_db()
        assert ticket.owner == ben
        assert ticket.state == State.WAITING
        assert ticket.first_reply_at is not None

    def test_opens_a_new_ticket_and_leaves_others_as_they_are(self, ticket: Ticket, ben: Agent) -> None:
        Ticket.objects.update(state=State.NEW)
        answer(ticket, ben)
        assert Ticket.objects.get(pk=ticket.pk).state == State.OPEN

        Ticket.objects.update(state=State.SOLVED)
        answer(ticket, ben)
        assert Ticket.objects.get(pk=ticket.pk).state == State.SOLVED

    def test_lets_those_it_was_sent_to_take_part(self, ticket: Ticket, ben: Agent) -> None:
        answer(ticket, ben, cc=["bo@customer.example"])

        people = set(ticket.participants.values_list("identity__value", flat=True))
        assert people == {"ann@customer.example", "bo@customer.example"}

    def test_ends_the_draft(self, ticket: Ticket, ben: Agent) -> None:
        replies.save_draft(ticket=ticket, agent=ben, kind="reply", text="Here")

        answer(ticket, ben)

        assert not Draft.objects.exists()

    def test_carries_files_unchanged(self, ticket: Ticket, ben: Agent) -> None:
        content = bytes(range(256)) * 40

        message = answer(ticket, ben, files=[replies.File("Lasku ä.pdf", "application/pdf", content)])

        attached = [part for part in mail_of(message).walk() if part.get_filename()]
        assert [part.get_payload(decode=True) for part in attached] == [content]
        assert message.attachments.get().size == len(content)

    def test_quotes_the_customer_below_and_never_a_note(self, ticket: Ticket, ben: Agent) -> None:
        replies.note(ticket=ticket, agent=ben, text="She is difficult")

        message = answer(ticket, ben)

        text = bytes(message.delivery.mime).decode()
        assert "> Where is my invoice?" in text
        assert "difficult" not in text

    @pytest.mark.parametrize(
        ("how", "sentence"),
        [
            ({"text": "  \n"}, "empty"),
            ({"to": []}, "nobody"),
            ({"to": ["not an address"]}, "isn't a mail address"),
            ({"to": ["a@b.example\nBcc: c@d.example"]}, "isn't a mail address"),
            ({"files": [replies.File("x", "", b"x" * (15 * 1024 * 1024 + 1))]}, "15 MB"),
        ],
    )
    def test_that_cannot_be_sent_says_why_and_leaves_nothing(
        self, ticket: Ticket, ben: Agent, how: dict[str, object], sentence: str
    ) -> None:
        with pytest.raises(replies.NotSendable, match=sentence):
            answer(ticket, ben, **how)
        assert not Delivery.objects.exists()

    def test_that_is_sent_twice_by_a_second_press_of_the_button_goes_out_once(self, ticket: Ticket, ben: Agent) -> None:
        seen = Ticket.objects.get(pk=ticket.pk).message_cursor
        first = answer(ticket, ben, seen_cursor=seen)

        assert answer(ticket, ben, seen_cursor=seen) == first
        assert Delivery.objects.count() == 1

    @pytest.mark.parametrize("how", [{"text": "Once more"}, {"to": ["bo@customer.example"]}, {"seen_cursor": 10**9}])
    def test_that_differs_or_is_meant_goes_out_too(self, ticket: Ticket, ben: Agent, how: dict[str, object]) -> None:
        answer(ticket, ben, seen_cursor=0)

        answer(ticket, ben, **{"seen_cursor": 0, **how})

        assert Delivery.objects.count() == 2

    def test_stops_when_a_colleague_was_faster(self, ticket: Ticket, ben: Agent, eli: Agent) -> None:
        seen = Ticket.objects.get(pk=ticket.pk).message_cursor
        faster = answer(ticket, eli)

        with pytest.raises(replies.NewerMessages) as stopped:
            answer(ticket, ben, seen_cursor=seen)

        assert list(stopped.value.messages) == [faster]
        assert Delivery.objects.count() == 1

    def test_goes_out_all_the_same_when_forced(self, ticket: Ticket, ben: Agent, eli: Agent) -> None:
        answer(ticket, eli)

        answer(ticket, ben, seen_cursor=0, is_forced=True)

        assert Delivery.objects.count() == 2


class TestUndo:
    def test_takes_the_reply_back_into_the_draft(self, ticket: Ticket, ben: Agent) -> None:
        message = answer(ticket, ben)

        text = replies.undo(message=message, agent=ben)

        assert text == "Here it is."
        assert Draft.objects.get().text == "Here it is."
        assert not Delivery.objects.exists()
        assert not Message.objects.filter(kind=Message.Kind.REPLY).exists()

    def test_comes_too_late_once_the_outbox_has_it(self, ticket: Ticket, ben: Agent) -> None:
        message = answer(ticket, ben)
        Delivery.objects.update(state=Delivery.State.SENDING)

        with pytest.raises(replies.TooLate):
            replies.undo(message=message, agent=ben)
        assert Message.objects.filter(pk=message.pk).exists()

    def test_is_for_the_writer_alone(self, ticket: Ticket, ben: Agent, eli: Agent) -> None:
        message = answer(ticket, ben)

        with pytest.raises(replies.TooLate):
            replies.undo(message=message, agent=eli)


class TestNote:
    def test_stays_inside(self, ticket: Ticket, ben: Agent) -> None:
        note = replies.note(ticket=ticket, agent=ben, text="Ask Dora first")

        entry = Entry.objects.get(message=note)
        assert entry.kind == Entry.Kind.NOTE_ADDED
        assert entry.is_internal
        assert not Delivery.objects.exists()

    def test_changes_neither_order_nor_preview_of_the_inbox(self, ticket: Ticket, ben: Agent) -> None:
        before = ticket.last_activity_at, ticket.preview

        replies.note(ticket=ticket, agent=ben, text="Ask Dora first")

        ticket.refresh_from_db()
        assert (ticket.last_activity_at, ticket.preview) == before
