"""Rules place tickets, and every decision can be read afterwards."""

import pytest

from helpdesk.models import Agent, Channel, RoutingDecision, Team, Ticket
from helpdesk.queries.routing import decisions_of, explanation_of
from routing_rules.engine import Outcome, Step
from routing_rules.models import Rule, take_version
from tests import make

pytestmark = pytest.mark.django_db


def rule(name: str, word: str, *effects: tuple[str, str], position: int, is_stop: bool = False) -> None:
    """A rule on a word in the subject."""
    Rule.objects.create(
        name=name,
        position=position,
        condition={"all": [{"field": "subject", "operator": "contains", "value": word}]},
        effects=[{"kind": kind, "value": value} for kind, value in effects],
        is_stop=is_stop,
    )


@pytest.fixture
def rules(billing: Team, tech: Team) -> None:
    rule("Invoices", "invoice", ("set_team", "billing"), ("set_priority", "high"), position=1, is_stop=True)
    rule("Passwords", "log in", ("set_team", "tech"), ("add_tag", "login"), position=2)
    rule("Ghosts", "ghost", ("set_team", "no-such-team"), position=3)
    take_version(author_name="Dora", reason="test")


@pytest.mark.usefixtures("rules")
class TestRouting:
    def test_places_the_ticket_by_the_rule_that_matches(self, channel: Channel, billing: Team, ben: Agent) -> None:
        ticket = make.deliver(channel, make.mail(subject="Wrong invoice")).ticket

        assert (ticket.team, ticket.owner, ticket.get_priority_display()) == (billing, ben, "High")

    def test_tags(self, channel: Channel) -> None:
        ticket = make.deliver(channel, make.mail(subject="Cannot log in")).ticket

        assert list(ticket.tags.values_list("name", flat=True)) == ["login"]

    def test_leaves_what_no_rule_places_to_the_default_team(self, channel: Channel, support: Team) -> None:
        assert make.deliver(channel, make.mail(subject="Hello")).ticket.team == support

    def test_says_when_a_rule_names_a_team_that_is_not_there(self, channel: Channel, support: Team) -> None:
        ticket = make.deliver(channel, make.mail(subject="A ghost")).ticket

        assert ticket.team == support
        assert RoutingDecision.objects.get(ticket=ticket).assignment["problems"] == [
            "There is no active team 'no-such-team'."
        ]

    def test_counts_on_through_a_batch_so_that_work_is_spread(
        self, channel: Channel, billing: Team, ben: Agent, eli: Agent
    ) -> None:
        for number in range(4):
            make.arrive(channel, make.mail(subject=f"invoice {number}"))
        make.process_all()

        assert ben.tickets.count() == eli.tickets.count() == 2


@pytest.mark.usefixtures("rules")
class TestWhyHere:
    @staticmethod
    def others(ticket: Ticket) -> dict[str, Step]:
        (decision,) = decisions_of(ticket)
        steps = explanation_of(ticket, decision.id).steps
        return {step.rule_name: step for step in steps if step.outcome is not Outcome.FIRED}

    def test_names_the_rules_that_fired_and_why_the_others_did_not(self, channel: Channel) -> None:
        ticket = make.deliver(channel, make.mail(subject="Cannot log in")).ticket

        (decision,) = decisions_of(ticket)
        assert [rule.name for rule in decision.fired] == ["Passwords"]
        others = self.others(ticket)
        failed = others["Invoices"].failed
        assert failed is not None
        assert (failed.field, failed.expected, failed.actual) == ("subject", "invoice", "Cannot log in")
        assert set(others) == {"Invoices", "Ghosts"}

    def test_tells_of_the_rules_as_they_were_then(self, channel: Channel) -> None:
        ticket = make.deliver(channel, make.mail(subject="Cannot log in")).ticket
        Rule.objects.all().delete()
        take_version(author_name="Dora", reason="all gone")

        assert set(self.others(ticket)) == {"Invoices", "Ghosts"}
