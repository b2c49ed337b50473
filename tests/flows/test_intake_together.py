"""Mails that go through one transaction together, and the lanes that they wait in."""

import signal
from datetime import UTC, datetime

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from helpdesk.intake import process, queue
from helpdesk.intake.queue import work_once
from helpdesk.intake.reader import Reader
from helpdesk.intake.standing import Outlook
from helpdesk.models import Channel, Contact, Entry, InboundEvent, Message, Participant, Ticket
from helpdesk.queries import ledger
from helpdesk.queries.invariants.proof import prove
from tests import make

pytestmark = pytest.mark.django_db

State = InboundEvent.State


def from_customer(number: int, *, subject: str = "Where is it?") -> bytes:
    sender = f"Customer {number} <c{number}@customer.example>"
    return make.mail(sender=sender, subject=subject, message_id=f"{number}@customer.example")


def work(*, is_slow: bool = False) -> int:
    return work_once(make.reader(), Outlook(seconds=0), is_slow=is_slow)


class TestMailsTogether:
    def test_cost_few_statements_more_than_one(self, channel: Channel) -> None:
        make.arrive(channel, from_customer(0))
        with CaptureQueriesContext(connection) as alone:
            work()
        for number in range(1, 11):
            make.arrive(channel, from_customer(number))
        with CaptureQueriesContext(connection) as together:
            work()

        assert Ticket.objects.count() == 11
        # What an acknowledgement costs is paid for each.
        assert len(together) < 4 * len(alone)

    def test_become_what_they_would_alone(self, channel: Channel) -> None:
        for number in range(5):
            make.arrive(channel, from_customer(number, subject=f"Matter {number}"))
        work()

        for number, ticket in enumerate(Ticket.objects.order_by("id")):
            [message] = ticket.messages.filter(kind=Message.Kind.CUSTOMER)
            assert (ticket.subject, message.sender_address) == (f"Matter {number}", f"c{number}@customer.example")
            assert message.acknowledgement == "full"
            kinds = list(ticket.entries.order_by("id").values_list("kind", flat=True))
            assert kinds == [
                Entry.Kind.TICKET_OPENED,
                Entry.Kind.ROUTED,
                Entry.Kind.MESSAGE_ADDED,
                Entry.Kind.ACKNOWLEDGED,
            ]
            assert ticket.message_cursor == ticket.entries.get(kind=Entry.Kind.MESSAGE_ADDED).pk
            assert ticket.participants.get(role=Participant.Role.REQUESTER).identity.value == message.sender_address
        assert [
            proof for proof in prove(ledger.invariants(has_files=True), now=datetime.now(UTC)) if proof.findings
        ] == []

    def test_of_one_new_customer_make_one_contact_and_one_acknowledgement(self, channel: Channel) -> None:
        for number in range(3):
            make.arrive(channel, make.mail(subject=f"Matter {number}", message_id=f"{number}@customer.example"))
        work()

        assert Ticket.objects.count() == 3
        assert Contact.objects.count() == 1
        verdicts = (
            Message.objects.filter(kind=Message.Kind.CUSTOMER).order_by("id").values_list("acknowledgement", flat=True)
        )
        assert list(verdicts) == ["full", "sender-pause", "sender-pause"]

    def test_find_each_other_in_any_order(self, channel: Channel) -> None:
        question, answer = "question@customer.example", "answer@customer.example"
        make.arrive(channel, make.mail(subject="Re: Matter", message_id=answer, in_reply_to=question))
        make.arrive(channel, from_customer(7))
        make.arrive(channel, make.mail(subject="Matter", message_id=question))
        make.arrive(channel, make.mail(subject="Re: Matter", message_id="third@customer.example", in_reply_to=answer))
        work()

        tickets = {message.message_id: message.ticket for message in Message.objects.exclude(event=None)}
        assert tickets[question] == tickets[answer] == tickets["third@customer.example"]
        assert tickets[question] != tickets["7@customer.example"]

    def test_do_not_suffer_from_one_that_fails(self, channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(4):
            make.arrive(channel, from_customer(number, subject="poison" if number == 2 else "fine"))
        meet = process._meet

        def stumbling(read: object, *rest: object) -> object:
            if getattr(read, "mail").subject == "poison":  # noqa: B009
                raise ValueError("a fault of ours")
            return meet(read, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(process, "_meet", stumbling)
        work()

        states = list(InboundEvent.objects.order_by("id").values_list("state", "attempts"))
        assert states == [(State.DONE, 1), (State.DONE, 1), (State.WAITING, 1), (State.DONE, 1)]
        assert Ticket.objects.count() == 3

    def test_wait_without_blame_while_the_database_does_not_answer(
        self, channel: Channel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(3):
            make.arrive(channel, from_customer(number))

        def locked(**_: object) -> None:
            raise OperationalError("database is locked")

        monkeypatch.setattr(queue, "process_all", locked)
        work()

        assert list(InboundEvent.objects.values_list("state", "attempts")) == [(State.WAITING, 0)] * 3


class TestTheLanes:
    def test_let_a_person_pass_a_storm_of_bounces(self, channel: Channel) -> None:
        for number in range(100):
            make.arrive(channel, from_customer(number), mail_from="")
        person = make.arrive(channel, from_customer(200))
        work()

        person.refresh_from_db()
        assert person.state == State.DONE
        assert InboundEvent.objects.filter(state=State.WAITING, is_slow=True).count() == 100

    def test_let_a_person_pass_an_import(self, channel: Channel) -> None:
        make.arrive(channel, from_customer(1), is_silent=True)

        assert work() == 0
        assert work(is_slow=True) == 1

    def test_send_a_mail_that_keeps_the_reader_to_the_slow_one(self, channel: Channel) -> None:
        event = make.arrive(channel, from_customer(1))
        reader = Reader(wall_seconds=0.0)
        reader.warm_up()
        assert reader.process is not None
        reader.process.send_signal(signal.SIGSTOP)  # it would be done with this mail in a moment
        work_once(reader, Outlook(seconds=0))
        reader.close()

        event.refresh_from_db()
        assert (event.state, event.is_slow, event.attempts) == (State.WAITING, True, 0)
        InboundEvent.objects.update(next_attempt_at=datetime.now(UTC))
        assert work(is_slow=True) == 1
        assert Ticket.objects.count() == 1
