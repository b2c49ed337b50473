"""Why a ticket is where it is: answers in a line, and every rule at every event."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from helpdesk.actions import tickets
from helpdesk.models import Agent, Channel, Team, Ticket
from routing_rules.vocabulary import Event
from tests import make
from tests.flows import desk

NOBODY = [{"kind": "set_acknowledgement", "value": "none"}]


@pytest.fixture
def reader(client: Client, dora: Agent) -> Client:
    client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")
    return client


def panel(reader: Client, ticket: Ticket) -> str:
    return reader.get(f"/tickets/{ticket.reference}/why/", headers={"HX-Request": "true"}).content.decode()


def came(channel: Channel) -> Ticket:
    return make.deliver(channel, make.mail(subject="Invoice 7")).ticket


class TestTheAnswers:
    def test_name_the_rule_that_put_it_there_and_who_had_least_to_do(
        self, reader: Client, eli: Agent, channel: Channel
    ) -> None:
        desk.rule(by=eli)

        shown = panel(reader, came(channel))

        assert "Why is it in Billing?" in shown
        assert "Rule “Invoices to billing” put it here." in shown
        assert "Why is it with Eli?" in shown
        assert "Why no acknowledgement?" not in shown

    def test_name_the_rule_that_said_no_acknowledgement(self, reader: Client, eli: Agent, channel: Channel) -> None:
        desk.rule(by=eli, name="Silence", effects=NOBODY)

        assert "No: rule “Silence” said so." in panel(reader, came(channel))

    def test_tell_of_a_team_without_members(self, reader: Client, channel: Channel, support: Team) -> None:
        shown = panel(reader, came(channel))

        assert "No rule set a team, so it went to the team of its channel." in shown
        assert "Why is it unassigned?" in shown

    def test_tell_of_the_hand_that_moved_it(
        self, reader: Client, eli: Agent, cleo: Agent, channel: Channel, tech: Team
    ) -> None:
        desk.rule(by=eli)
        ticket = came(channel)

        tickets.set_team(ticket=ticket, team=tech, by=eli)
        moved = panel(reader, ticket)
        tickets.set_owner(ticket=ticket, owner=cleo, by=eli)
        given = panel(reader, ticket)

        assert "Eli moved it here from Billing" in moved
        assert "Eli gave it to Cleo" in given

    def test_are_for_those_who_see_the_ticket(self, client: Client, ben: Agent, channel: Channel) -> None:
        ticket = came(channel)
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")

        assert client.get(f"/tickets/{ticket.reference}/why/").status_code == 404


class TestEveryEvent:
    @pytest.fixture
    def ticket(self, eli: Agent, ben: Agent, channel: Channel) -> Ticket:
        desk.rule(by=eli)
        again = [Event.CUSTOMER_MESSAGE.value]
        tag = [{"kind": "add_tag", "value": "again"}]
        desk.rule(by=eli, name="Wrote again", condition={"all": []}, effects=tag, events=again)
        ticket = make.deliver(channel, make.mail(subject="Invoice 7", message_id="a@customer.example")).ticket
        make.deliver(channel, make.mail(subject="Re: Invoice 7", in_reply_to="a@customer.example"))
        return ticket

    def test_stands_in_a_row_with_what_rules_did_at_it(self, reader: Client, ticket: Ticket) -> None:
        page = reader.get(f"/tickets/{ticket.reference}/why/").content.decode()

        assert page.index("Ticket created") < page.index("Customer wrote again")
        assert "tag again" in page

    def test_opens_to_every_rule_and_why_not(self, reader: Client, ticket: Ticket) -> None:
        created, again = ticket.decisions.order_by("id")

        first = reader.get(f"/tickets/{ticket.reference}/why/{created.pk}/").content.decode()
        second = reader.get(f"/tickets/{ticket.reference}/why/{again.pk}/").content.decode()

        assert "1 rule was not asked" in first
        assert "For other events" in first
        assert "Wrote again" in second
        assert reader.get(f"/tickets/{ticket.reference}/why/{again.pk + 1}/").status_code == 404


class TestTheTicketPage:
    def test_leaves_rules_and_ledger_to_the_panel(self, reader: Client, eli: Agent, channel: Channel) -> None:
        desk.rule(by=eli)
        ticket = came(channel)

        with CaptureQueriesContext(connection) as captured:
            reader.get(f"/tickets/{ticket.reference}/", headers={"HX-Request": "true"})

        statements = [each["sql"] for each in captured]
        assert not [each for each in statements if "routingdecision" in each or "_assignment" in each]
        # Session, agent, ticket, what was said, its files, its lines, how far it was read, teams and agents, tags,
        # reminders, drafts, who takes part, the customer's addresses, what is noted of them, what was promised to them.
        assert len(statements) <= 15

    def test_suggests_tags_to_whoever_adds_one(self, reader: Client, eli: Agent, channel: Channel) -> None:
        desk.rule(by=eli, effects=[{"kind": "add_tag", "value": "payment"}])
        came(channel)

        assert 'value="payment"' in reader.get("/tags/").content.decode()
