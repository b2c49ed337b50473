"""One mail tried on the rules: the same outcome as if it had come, and nothing stored."""

import pytest
from django.test import Client

from helpdesk.models import Agent, Channel, Contact, Delivery, Entry, Identity, InboundEvent, Message, Team, Ticket
from helpdesk.models.people import Organisation
from tests import make
from tests.flows import desk

STORED = (Ticket, Message, Contact, Identity, InboundEvent, Delivery, Entry)

ALWAYS: dict[str, object] = {"all": []}


@pytest.fixture
def lead(client: Client, eli: Agent) -> Client:
    client.force_login(eli, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def rules(eli: Agent, billing: Team, tech: Team) -> None:
    desk.rule(by=eli, name="Invoices", is_stop=True)
    desk.rule(by=eli, name="Rest", condition=ALWAYS, effects=[{"kind": "set_acknowledgement", "value": "none"}])


def counted() -> list[int]:
    return [model.objects.count() for model in STORED]


@pytest.mark.usefixtures("rules")
class TestAMail:
    def written(self, channel: Channel, **values: str) -> dict[str, str]:
        return {"kind": "written", "channel": str(channel.pk), "sender": "new@customer.example", **values}

    def test_goes_where_it_would_go_and_is_not_stored(self, lead: Client, channel: Channel, ben: Agent) -> None:
        before = counted()

        page = lead.post("/rules/try/", self.written(channel, subject="Invoice 7", text="Hello")).content.decode()

        assert "It would go to Billing, to " in page
        assert "Not reached: an earlier rule stopped" in page
        assert "Would have:" in page
        assert counted() == before

    def test_comes_to_the_same_as_when_it_really_comes(self, lead: Client, channel: Channel, ben: Agent) -> None:
        raw = make.mail(subject="Printer", sender="Ann <ann@customer.example>")
        tried = lead.post("/rules/try/", {"kind": "pasted", "channel": str(channel.pk), "raw": raw.decode()})

        message = make.deliver(channel, raw)

        assert message.acknowledgement == "rule"
        assert "No: a rule said so." in tried.content.decode()
        assert f"It would go to {message.ticket.team.name} and wait there" in tried.content.decode()

    def test_knows_who_is_a_customer_already(self, lead: Client, eli: Agent, channel: Channel, ann: Identity) -> None:
        Contact.objects.update(organisation=Organisation.objects.create(name="Archer Ltd"))
        condition = {"all": [{"field": "organisation", "operator": "is", "value": "archer ltd"}]}
        desk.rule(by=eli, name="Archers", condition=condition, effects=[{"kind": "add_tag", "value": "archer"}])

        page = lead.post("/rules/try/", self.written(channel, sender=ann.value, subject="Printer")).content.decode()

        assert "archer</span>" in page

    def test_that_answers_a_ticket_would_join_it(self, lead: Client, channel: Channel, tech: Team) -> None:
        ticket = make.deliver(channel, make.mail(subject="Printer", message_id="p@customer.example")).ticket
        answer = make.mail(subject="Re: Printer", in_reply_to="p@customer.example").decode()
        asked = {"kind": "pasted", "channel": str(channel.pk), "raw": answer}

        hidden = lead.post("/rules/try/", asked).content.decode()
        Ticket.objects.update(team=Team.objects.get(slug="billing"))
        shown = lead.post("/rules/try/", asked).content.decode()

        assert "It would join a ticket that is there" in hidden
        assert ticket.reference not in hidden
        assert ticket.reference in shown

    def test_needs_a_sender(self, lead: Client, channel: Channel) -> None:
        assert "Who writes?" in lead.post("/rules/try/", self.written(channel, sender="")).content.decode()


@pytest.mark.usefixtures("rules")
class TestATicket:
    def test_is_tried_on_what_was_recorded_of_it(self, lead: Client, channel: Channel, billing: Team) -> None:
        ticket = make.deliver(channel, make.mail(subject="Invoice 7")).ticket
        Ticket.objects.update(subject="Renamed since")
        before = counted()

        page = lead.get(f"/rules/try/?ticket={ticket.reference}").content.decode()

        assert "It would go to Billing" in page
        assert "Invoice 7" in page
        assert counted() == before

    def test_of_another_team_is_not_there(self, lead: Client, channel: Channel, tech: Team) -> None:
        ticket = make.ticket(channel=channel, team=tech)

        page = lead.get(f"/rules/try/?ticket={ticket.reference}").content.decode()

        assert "There is no such ticket" in page


def test_is_for_leads(client: Client, ben: Agent) -> None:
    client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")

    assert client.get("/rules/try/").status_code == 403
