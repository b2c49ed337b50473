"""Detach, move, spam, third parties: where a message belongs is an agent's to say, and can be taken back."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from helpdesk import routing
from helpdesk.actions import moves, replies, tickets
from helpdesk.models import Agent, Channel, Entry, Identity, Message, Participant, State, Team, Ticket
from helpdesk.queries import ledger
from helpdesk.queries.inbox import View, page
from helpdesk.queries.invariants.proof import prove
from helpdesk.queries.search import search
from tests import make
from tests.flows import desk

FRAGMENT = {"HX-Request": "true"}


def client_of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def first(channel: Channel, billing: Team, ben: Agent) -> Message:
    """Ann's mail in Ben's team, acknowledged."""
    channel.team = billing
    channel.save()
    return make.deliver(channel, make.mail(subject="Charged twice", message_id="a@customer.example"))


@pytest.fixture
def second(first: Message, channel: Channel) -> Message:
    """Ann's answer to our acknowledgement, which is about something else."""
    ours = Message.objects.get(ticket=first.ticket, kind=Message.Kind.AUTOMATIC).message_id
    raw = make.mail(
        subject=f"Broken kettle [{first.ticket.reference}]",
        text="My kettle doesn't boil any more.",
        message_id="b@customer.example",
        in_reply_to=ours,
        references=["a@customer.example", ours],
    )
    return make.deliver(channel, raw)


class TestDetaching:
    def test_makes_a_ticket_that_the_rules_place_like_new_mail(
        self, second: Message, ben: Agent, tech: Team, dora: Agent
    ) -> None:
        about_kettles = {"all": [{"field": "subject", "operator": "contains", "value": "kettle"}]}
        desk.rule(by=dora, name="Kettles", condition=about_kettles, effects=[{"kind": "set_team", "value": "tech"}])
        source = second.ticket

        ticket = routing.detach(message=second, by=ben)

        assert (ticket.team, ticket.subject, ticket.contact) == (tech, "Broken kettle", source.contact)
        assert ticket.created_at == second.created_at
        assert list(ticket.messages.all()) == [second]
        assert ticket.participants.get().identity.value == "ann@customer.example"
        assert ticket.decisions.get().fired[0]["rule_name"] == "Kettles"
        for each, kind in ((source, "to"), (ticket, "from")):
            assert each.entries.get(kind=Entry.Kind.MESSAGE_MOVED).data[kind]

    def test_acknowledges_nothing_again(self, second: Message, ben: Agent) -> None:
        ticket = routing.detach(message=second, by=ben)

        assert not ticket.messages.filter(kind=Message.Kind.AUTOMATIC).exists()

    def test_counts_anew_what_the_old_ticket_shows(self, first: Message, second: Message, ben: Agent) -> None:
        routing.detach(message=second, by=ben)

        source = Ticket.objects.get(pk=first.ticket_id)
        newest = source.messages.order_by("-created_at", "-id")[0]
        assert source.last_activity_at == newest.created_at
        assert "kettle" not in source.preview
        assert source.message_cursor == source.entries.get(kind=Entry.Kind.MESSAGE_ADDED, message=first).pk

    def test_leads_answers_to_the_message_after_it(self, second: Message, ben: Agent, channel: Channel) -> None:
        ours = Message.objects.get(kind=Message.Kind.AUTOMATIC).message_id
        ticket = routing.detach(message=second, by=ben)

        # It names our acknowledgement too, which is signed for the old ticket.
        answer = make.deliver(
            channel,
            make.mail(
                subject="Re: Broken kettle",
                message_id="c@customer.example",
                in_reply_to="b@customer.example",
                references=["a@customer.example", ours, "b@customer.example"],
            ),
        )

        assert answer.ticket == ticket

    def test_leaves_answers_to_our_own_mail_where_that_was_sent(
        self, first: Message, second: Message, ben: Agent, channel: Channel
    ) -> None:
        ours = Message.objects.get(kind=Message.Kind.AUTOMATIC).message_id
        routing.detach(message=second, by=ben)

        answer = make.deliver(channel, make.mail(subject="Re: x", message_id="d@customer.example", in_reply_to=ours))

        assert answer.ticket == first.ticket

    def test_is_not_for_the_only_message_of_a_ticket(self, first: Message, ben: Agent) -> None:
        with pytest.raises(moves.CannotMove):
            routing.detach(message=first, by=ben)

        assert Ticket.objects.count() == 1

    def test_gives_the_reference_and_can_be_taken_back(self, second: Message, ben: Agent) -> None:
        source = second.ticket
        client = client_of(ben)

        answer = client.post(f"/messages/{second.pk}/detach/", headers=FRAGMENT).text
        ticket = Ticket.objects.latest("id")
        back = {"reference": source.reference, "shown": source.reference}
        client.post(f"/messages/{second.pk}/move/", back, headers=FRAGMENT)

        second.refresh_from_db()
        ticket.refresh_from_db()
        assert ticket.reference in answer
        assert (second.ticket, second.is_third_party) == (source, False)
        assert (ticket.state, ticket.merged_into) == (State.CLOSED, source)


class TestMoving:
    @pytest.fixture
    def other(self, first: Message, channel: Channel, billing: Team) -> Ticket:
        ann = Identity.objects.get(value="ann@customer.example")
        row = make.ticket(channel=channel, team=billing, identity=ann, subject="Kettles", state=State.SOLVED)
        make.message(ticket=row, text="Do you sell kettles?", sender_address=ann.value)
        return row

    def test_goes_by_reference_to_a_ticket_that_the_agent_sees(
        self, second: Message, other: Ticket, ben: Agent
    ) -> None:
        client_of(ben).post(f"/messages/{second.pk}/move/", {"reference": other.reference})

        second.refresh_from_db()
        assert second.ticket == other
        (hit,) = search(agent=ben, query="kettle boil").hits
        assert hit.ticket == other

    def test_opens_a_settled_ticket_for_news_and_settles_it_again_when_taken_back(
        self, second: Message, other: Ticket, ben: Agent
    ) -> None:
        source = second.ticket

        moves.move(message=second, into=other, by=ben)
        other.refresh_from_db()
        opened = other.state
        moves.move(message=second, into=source, by=ben)

        other.refresh_from_db()
        assert (opened, other.state) == (State.OPEN, State.SOLVED)

    def test_takes_the_reference_of_an_emptied_ticket_along_until_it_is_moved_back(
        self, first: Message, other: Ticket, ben: Agent, channel: Channel
    ) -> None:
        source = first.ticket
        ours = Message.objects.get(kind=Message.Kind.AUTOMATIC).message_id
        replies.note(ticket=source, agent=ben, text="She has called, too.")

        moves.move(message=first, into=other, by=ben)
        source.refresh_from_db()
        emptied = (source.state, source.merged_into, source.messages.count())
        answer = make.deliver(channel, make.mail(subject="Re: x", message_id="e@customer.example", in_reply_to=ours))
        moves.move(message=first, into=source, by=ben)

        source.refresh_from_db()
        assert emptied == (State.CLOSED, other, 0)
        assert answer.ticket == other
        assert (source.state, source.merged_into, source.messages.count()) == (State.NEW, None, 3)

    def test_leaves_nothing_that_nobody_can_explain(
        self, first: Message, second: Message, other: Ticket, ben: Agent
    ) -> None:
        def unexplained() -> list[str]:
            proofs = prove(ledger.invariants(is_deep=True), now=datetime.now(UTC))
            return [finding.sentence for proof in proofs for finding in proof.findings]

        source, before = first.ticket, unexplained()

        ticket = routing.detach(message=second, by=ben)
        moves.move(message=first, into=ticket, by=ben)
        gone = unexplained()
        moves.move(message=first, into=source, by=ben)
        moves.move(message=second, into=source, by=ben)

        assert gone == before
        assert unexplained() == before

    def test_lets_nobody_take_part_by_it(self, second: Message, channel: Channel, billing: Team, ben: Agent) -> None:
        strangers = make.ticket(channel=channel, team=billing, identity=make.identity("zoe@elsewhere.example"))
        make.message(ticket=strangers)

        moves.move(message=second, into=strangers, by=ben)

        assert second.is_third_party
        assert [each.identity.value for each in strangers.participants.all()] == ["zoe@elsewhere.example"]

    def test_ends_the_part_of_somebody_whose_only_message_leaves_and_restores_it_with_the_message(
        self, first: Message, other: Ticket, ben: Agent, channel: Channel
    ) -> None:
        raw = make.mail(
            sender="zoe@elsewhere.example", message_id="z@elsewhere.example", in_reply_to="a@customer.example"
        )
        zoes = make.deliver(channel, raw, mail_from="zoe@elsewhere.example")
        tickets.add_participant(
            ticket=zoes.ticket, identity=Identity.objects.get(value="zoe@elsewhere.example"), by=ben
        )
        source = zoes.ticket
        hers = Participant.objects.filter(ticket=source, identity__value="zoe@elsewhere.example")

        moves.move(message=zoes, into=other, by=ben)
        gone = not hers.exists()
        moves.move(message=zoes, into=source, by=ben)

        assert gone
        assert hers.exists()
        assert not Message.objects.get(pk=zoes.pk).is_third_party

    def test_stops_a_reply_of_somebody_who_has_not_seen_the_message_that_came(
        self, second: Message, other: Ticket, ben: Agent, eli: Agent
    ) -> None:
        seen = Entry.objects.latest("id").pk
        moves.move(message=second, into=other, by=eli)

        with pytest.raises(replies.NewerMessages):
            replies.reply(ticket=other, agent=ben, text="Yes.", to=["ann@customer.example"], seen_cursor=seen)

    @pytest.mark.parametrize("reference", ["", "nonsense", "LU-999999-9"])
    def test_says_when_there_is_no_such_ticket(self, second: Message, ben: Agent, reference: str) -> None:
        answer = client_of(ben).post(f"/messages/{second.pk}/move/", {"reference": reference}, headers=FRAGMENT)

        assert answer.status_code == 409
        assert "There is no such ticket" in answer.text

    def test_does_not_go_where_the_agent_sees_nothing(
        self, second: Message, channel: Channel, tech: Team, ben: Agent
    ) -> None:
        hidden = make.ticket(channel=channel, team=tech)

        answer = client_of(ben).post(f"/messages/{second.pk}/move/", {"reference": hidden.reference})

        assert answer.status_code == 409
        assert Message.objects.get(pk=second.pk).ticket == second.ticket

    def test_leaves_our_answers_where_they_were_sent(self, first: Message, other: Ticket, ben: Agent) -> None:
        answer = make.message(ticket=first.ticket, kind=Message.Kind.REPLY, agent=ben)

        with pytest.raises(moves.CannotMove):
            moves.move(message=answer, into=other, by=ben)

    def test_does_not_go_into_a_ticket_that_leads_elsewhere(
        self, second: Message, other: Ticket, channel: Channel, billing: Team, ben: Agent
    ) -> None:
        tickets.join(ticket=other, into=make.ticket(channel=channel, team=billing), by=ben)

        with pytest.raises(moves.CannotMove):
            moves.move(message=second, into=other, by=ben)


class TestPermission:
    """Cleo is in another team."""

    @pytest.mark.parametrize("what", ["detach", "move", "spam", "admit"])
    def test_lets_other_teams_do_nothing_with_a_message(
        self, second: Message, cleo: Agent, channel: Channel, tech: Team, what: str
    ) -> None:
        own = make.ticket(channel=channel, team=tech)
        before = Entry.objects.count()

        answer = client_of(cleo).post(f"/messages/{second.pk}/{what}/", {"reference": own.reference, "block": "yes"})

        assert answer.status_code == 404
        assert Entry.objects.count() == before
        assert not Identity.objects.filter(blocked_at__isnull=False).exists()

    @pytest.mark.parametrize("what", ["not-spam", "block"])
    def test_lets_other_teams_do_nothing_with_a_ticket(self, first: Message, cleo: Agent, what: str) -> None:
        identity = Identity.objects.get(value="ann@customer.example")
        data = {"identity": str(identity.pk), "blocked": "yes"}

        assert client_of(cleo).post(f"/tickets/{first.ticket.reference}/{what}/", data).status_code == 404
        identity.refresh_from_db()
        assert identity.blocked_at is None

    @pytest.mark.parametrize("what", ["about", "source", "raw"])
    def test_shows_other_teams_nothing(self, first: Message, cleo: Agent, ben: Agent, what: str) -> None:
        assert client_of(cleo).get(f"/messages/{first.pk}/{what}/").status_code == 404
        assert client_of(ben).get(f"/messages/{first.pk}/{what}/").status_code == 200

    def test_blocks_no_address_of_somebody_elses_customer(self, first: Message, ben: Agent) -> None:
        other = make.identity("zoe@elsewhere.example")

        answer = client_of(ben).post(
            f"/tickets/{first.ticket.reference}/block/", {"identity": str(other.pk), "blocked": "yes"}
        )

        assert answer.status_code == 404


class TestAThirdParty:
    @pytest.fixture
    def zoes(self, first: Message, channel: Channel) -> Message:
        raw = make.mail(
            sender="zoe@elsewhere.example", message_id="z@elsewhere.example", in_reply_to="a@customer.example"
        )
        return make.deliver(channel, raw, mail_from="zoe@elsewhere.example")

    def test_takes_part_by_a_click_that_can_be_taken_back(self, zoes: Message, ben: Agent) -> None:
        client = client_of(ben)
        hers = Participant.objects.filter(ticket=zoes.ticket, identity__value="zoe@elsewhere.example")
        assert zoes.is_third_party

        client.post(f"/messages/{zoes.pk}/admit/", headers=FRAGMENT)
        taken_in = hers.exists()
        client.post(f"/messages/{zoes.pk}/admit/", {"takes_part": "no"}, headers=FRAGMENT)

        zoes.refresh_from_db()
        assert (taken_in, hers.exists(), zoes.is_third_party) == (True, False, True)

    def test_is_not_taken_in_on_a_forged_mail(self, zoes: Message, ben: Agent) -> None:
        Message.objects.filter(pk=zoes.pk).update(verdict=Message.Verdict.FAILED)

        answer = client_of(ben).post(f"/messages/{zoes.pk}/admit/")

        assert answer.status_code == 409
        assert not Participant.objects.filter(identity__value="zoe@elsewhere.example").exists()


class TestANewSubjectOnAnOldThread:
    OFFER = "A new subject on an old thread"

    def test_is_flagged_until_somebody_answers_it_here(self, second: Message, ben: Agent) -> None:
        client, address = client_of(ben), f"/tickets/{second.ticket.reference}/"

        before = client.get(address).text
        make.message(ticket=second.ticket, kind=Message.Kind.REPLY, agent=ben)
        after = client.get(address).text

        assert (self.OFFER in before, self.OFFER in after) == (True, False)

    def test_is_no_news_for_an_answer(self, first: Message, ben: Agent, channel: Channel) -> None:
        make.deliver(channel, make.mail(subject="VS: Charged twice!", in_reply_to="a@customer.example"))

        assert self.OFFER not in client_of(ben).get(f"/tickets/{first.ticket.reference}/").text

    def test_is_not_flagged_again_where_an_agent_has_put_the_message(
        self, second: Message, channel: Channel, billing: Team, ben: Agent
    ) -> None:
        other = make.ticket(channel=channel, team=billing, subject="Toasters")
        make.message(ticket=other, created_at=second.created_at - timedelta(days=1))
        moves.move(message=second, into=other, by=ben)

        assert self.OFFER not in client_of(ben).get(f"/tickets/{other.reference}/").text


class TestWhereItMayBelong:
    def test_offers_the_customers_tickets_and_related_ones_that_the_agent_sees(
        self, first: Message, channel: Channel, billing: Team, tech: Team, ben: Agent
    ) -> None:
        ann = Identity.objects.get(value="ann@customer.example")
        make.ticket(channel=channel, team=billing, identity=ann, subject="Her other one")
        make.ticket(channel=channel, team=tech, identity=ann, subject="Secret of tech")
        related = make.ticket(channel=channel, team=billing, subject="Possibly related")
        data = {"ticket": related.reference, "subject": related.subject}
        Entry.objects.create(
            kind=Entry.Kind.JOIN_SUGGESTED, ticket=first.ticket, data=data, created_at=first.created_at
        )

        about = client_of(ben).get(f"/messages/{first.pk}/about/", headers=FRAGMENT).text

        assert "Her other one" in about
        assert "Possibly related" in about
        assert "Secret of tech" not in about


class TestTheListOfSpam:
    def test_is_apart_from_everything_active(self, first: Message, ben: Agent) -> None:
        client_of(ben).post(f"/messages/{first.pk}/spam/")

        assert page(agent=ben, view=View.TEAMS).rows == ()
        (row,) = page(agent=ben, view=View.TEAMS, state="spam").rows
        assert row.reference == first.ticket.reference
        assert [hit.ticket for hit in search(agent=ben, query="is:spam charged").hits] == [first.ticket]
