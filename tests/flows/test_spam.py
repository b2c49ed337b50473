"""Spam: out of sight, never dropped; and senders whose mail opens as such."""

import pytest

from helpdesk.actions import replies, spam, tickets
from helpdesk.models import Agent, Channel, Delivery, Entry, Identity, Message, State, Team, Ticket
from helpdesk.queries.progress import token_for
from helpdesk.queries.workload import Staff
from tests import make
from tests.flows import desk
from tests.flows.test_sorting import FRAGMENT, client_of


@pytest.fixture
def mail(channel: Channel, billing: Team, ben: Agent) -> Message:
    """Ann's mail in Ben's team."""
    channel.team = billing
    channel.save()
    return make.deliver(channel, make.mail(subject="Buy now", message_id="a@customer.example"))


@pytest.fixture
def blocked(mail: Message, ben: Agent) -> Identity:
    """Ann's address after Ben has marked her mail and blocked it."""
    identity = Identity.objects.get(value="ann@customer.example")
    spam.mark(ticket=mail.ticket, by=ben, sender=identity)
    identity.refresh_from_db()
    return identity


class TestMarkingAsSpam:
    def test_cancels_automatic_mail_that_waits_and_no_persons(self, mail: Message, ben: Agent) -> None:
        Delivery.objects.update(state=Delivery.State.HELD)
        answer = desk.delivery(ticket=mail.ticket)

        tickets.set_state(ticket=mail.ticket, state=State.SPAM, by=ben)

        states = dict(Delivery.objects.values_list("is_automatic", "state"))
        assert states == {True: Delivery.State.CANCELLED, False: Delivery.State.QUEUED}
        assert Entry.objects.filter(kind=Entry.Kind.DELIVERY_CHANGED, data__to="cancelled").count() == 1
        assert answer.pk

    def test_takes_nobodys_capacity(self, mail: Message, billing: Team, ben: Agent) -> None:
        tickets.set_owner(ticket=mail.ticket, owner=ben, by=ben)
        before = Staff().of(billing, now=make.NOON).load_of(ben.pk)

        spam.mark(ticket=mail.ticket, by=ben)

        assert (before, Staff().of(billing, now=make.NOON).load_of(ben.pk)) == (1, 0)

    def test_is_undone_to_what_the_ticket_was(self, mail: Message, ben: Agent) -> None:
        tickets.set_state(ticket=mail.ticket, state=State.WAITING, by=ben)
        client = client_of(ben)

        client.post(f"/messages/{mail.pk}/spam/", {"block": "yes"}, headers=FRAGMENT)
        marked = Ticket.objects.get().state, Identity.objects.get(value="ann@customer.example").blocked_at is not None
        client.post(f"/tickets/{mail.ticket.reference}/not-spam/", headers=FRAGMENT)

        assert marked == (State.SPAM, True)
        assert Ticket.objects.get().state == State.WAITING
        assert Identity.objects.get(value="ann@customer.example").blocked_at is None

    def test_counts_as_solving_nothing(self, mail: Message, ben: Agent) -> None:
        spam.mark(ticket=mail.ticket, by=ben)

        assert Ticket.objects.get().solved_at is None

    def test_ends_with_an_answer(self, mail: Message, ben: Agent) -> None:
        spam.mark(ticket=mail.ticket, by=ben)

        replies.reply(
            ticket=mail.ticket, agent=ben, text="Sorry!", to=["ann@customer.example"], seen_cursor=0, is_forced=True
        )

        assert Ticket.objects.get().state == State.OPEN

    def test_tells_the_sender_nothing(self, mail: Message, ben: Agent) -> None:
        spam.mark(ticket=mail.ticket, by=ben)

        page = client_of(ben).get(f"/p/{token_for(mail.ticket_id)}/").text

        assert "closed" in page
        assert "spam" not in page.lower()

    def test_does_not_block_the_one_whose_address_was_forged(self, mail: Message, ben: Agent) -> None:
        Message.objects.filter(pk=mail.pk).update(verdict=Message.Verdict.FAILED)

        answer = client_of(ben).post(f"/messages/{mail.pk}/spam/", {"block": "yes"})

        assert answer.status_code == 409
        assert Identity.objects.get(value="ann@customer.example").blocked_at is None


class TestMailOfABlockedSender:
    def test_opens_as_spam_silently_and_is_all_there(self, blocked: Identity, channel: Channel) -> None:
        before = Delivery.objects.count()

        message = make.deliver(channel, make.mail(subject="Buy more", message_id="b@customer.example"))

        assert (message.ticket.state, message.ticket.owner) == (State.SPAM, None)
        assert message.acknowledgement == "blocked"
        assert "I cannot log in" in message.text
        assert Delivery.objects.count() == before

    def test_joins_no_ticket_that_somebody_works_on(
        self, blocked: Identity, mail: Message, channel: Channel, ben: Agent
    ) -> None:
        tickets.set_state(ticket=mail.ticket, state=State.WAITING, by=ben)

        answer = make.deliver(channel, make.mail(message_id="c@customer.example", in_reply_to="a@customer.example"))

        assert answer.ticket != mail.ticket
        assert answer.ticket.state == State.SPAM
        assert Ticket.objects.get(pk=mail.ticket_id).state == State.WAITING

    def test_joins_what_is_spam_already(self, blocked: Identity, mail: Message, channel: Channel) -> None:
        answer = make.deliver(channel, make.mail(message_id="c@customer.example", in_reply_to="a@customer.example"))

        assert answer.ticket == mail.ticket
        assert Ticket.objects.get(pk=mail.ticket_id).state == State.SPAM

    def test_is_like_any_other_once_the_customers_panel_unblocks_it(
        self, blocked: Identity, mail: Message, channel: Channel, ben: Agent
    ) -> None:
        client, address = client_of(ben), f"/tickets/{mail.ticket.reference}/"
        assert "Unblock" in client.get(address).text

        client.post(f"{address}block/", {"identity": str(blocked.pk), "blocked": "no"})
        message = make.deliver(channel, make.mail(subject="Hello again", message_id="d@customer.example"))

        assert message.ticket.state == State.NEW
        assert "Unblock" not in client.get(address).text
