"""Rules at events after a ticket was opened: what they see, what they do, what is written down."""

from datetime import timedelta

import pytest
from django.test import Client

from helpdesk import routing
from helpdesk.actions import tickets
from helpdesk.models import (
    Agent,
    Channel,
    Delivery,
    Entry,
    Identity,
    Message,
    Priority,
    RoutingDecision,
    RuleTurn,
    State,
    Team,
    Ticket,
)
from routing_rules.models import Rule
from routing_rules.vocabulary import Event
from tests import make
from tests.flows import desk

pytestmark = pytest.mark.django_db

ALWAYS: dict[str, object] = {"all": []}


def effects(**wanted: str) -> list[dict[str, str]]:
    return [{"kind": kind, "value": value} for kind, value in wanted.items()]


@pytest.fixture
def ticket(channel: Channel, billing: Team, ann: Identity) -> Ticket:
    return make.ticket(channel=channel, team=billing, identity=ann)


def names(ticket: Ticket) -> list[str]:
    return list(ticket.tags.order_by("name").values_list("name", flat=True))


class TestReacting:
    def test_applies_the_rules_of_the_event_alone(self, ticket: Ticket, dora: Agent) -> None:
        wanted = effects(set_priority="urgent", add_tag="late")
        desk.rule(by=dora, name="Late", condition=ALWAYS, effects=wanted, events=["service_breach"])
        desk.rule(by=dora, name="New", condition=ALWAYS, effects=effects(add_tag="new"))

        decision = routing.react(ticket=ticket, event=Event.SERVICE_BREACH, at=make.NOON)

        assert decision is not None
        assert [step["rule_name"] for step in decision.fired] == ["Late"]
        assert (decision.event, decision.facts["event"]) == ("service_breach", "service_breach")
        assert ticket.priority == Priority.URGENT
        assert names(ticket) == ["late"]
        line = ticket.entries.get(kind=Entry.Kind.ROUTED)
        assert (line.data["rules"], line.data["event"]) == (["Late"], "service_breach")

    def test_stores_nothing_when_no_rule_listens(self, ticket: Ticket) -> None:
        assert routing.react(ticket=ticket, event=Event.STATE_CHANGED, at=make.NOON) is None
        assert not RoutingDecision.objects.exists()

    def test_does_every_kind_of_thing(self, ticket: Ticket, ben: Agent, eli: Agent, dora: Agent, tech: Team) -> None:
        tickets.set_tags(ticket=ticket, names=["old"], by=None)
        wanted = effects(
            set_agent=ben.email, set_state="waiting", remove_tag="Old", add_note="{{reference}} {{rule_name}}"
        )
        wanted += effects(notify="leads")
        desk.rule(by=dora, name="Do it all", condition=ALWAYS, effects=wanted, events=["rating_given"])

        decision = routing.react(
            ticket=ticket, event=Event.RATING_GIVEN, extra_facts={"rating": 2}, at=make.NOON + timedelta(minutes=1)
        )

        assert decision is not None
        assert (decision.assignment["problems"], decision.facts["rating"]) == ([], 2)
        ticket.refresh_from_db()
        assert (ticket.owner, ticket.state, names(ticket)) == (ben, State.WAITING, [])
        note = ticket.messages.get(kind=Message.Kind.NOTE)
        assert (note.text, note.sender_name) == (f"{ticket.reference} Do it all", "Rule “Do it all”")
        assert Delivery.objects.get(message=None).recipient == eli.email

    def test_tells_nobody_twice_within_the_hour(self, ticket: Ticket, eli: Agent, dora: Agent) -> None:
        desk.rule(by=dora, condition=ALWAYS, effects=effects(notify="leads"), events=["rating_given"])

        for minutes in (0, 30, 90):
            routing.react(ticket=ticket, event=Event.RATING_GIVEN, at=make.NOON + timedelta(minutes=minutes))

        assert Delivery.objects.count() == 2

    def test_does_the_rest_when_something_cannot_be_done(
        self, ticket: Ticket, cleo: Agent, dora: Agent, client: Client
    ) -> None:
        wanted = effects(set_team="gone", set_agent=cleo.email, add_tag="seen", notify="owner")
        desk.rule(by=dora, name="Half", condition=ALWAYS, effects=wanted, events=["assigned"])

        decision = routing.react(ticket=ticket, event=Event.ASSIGNED, at=make.NOON)

        assert decision is not None
        assert decision.assignment["problems"] == [
            "There is no active team 'gone'.",
            "Cleo isn't a member of Billing.",
            "There is nobody to tell: owner.",
        ]
        assert (names(ticket), ticket.owner) == (["seen"], None)
        client.force_login(dora)
        page = client.get(f"/tickets/{ticket.reference}/").content.decode()
        assert "A rule could not do what it should: There is no active team" in page


class TestMail:
    def test_that_joins_a_ticket_is_an_event_and_so_is_what_it_changes(
        self, channel: Channel, support: Team, dora: Agent
    ) -> None:
        first = make.deliver(channel, make.mail(message_id="one@customer.example"))
        tickets.set_state(ticket=first.ticket, state=State.SOLVED, by=None)
        again = {"all": [{"field": "customer_messages", "operator": "equals", "value": 2}]}
        desk.rule(by=dora, name="Again", condition=again, effects=effects(add_tag="a"), events=["customer_message"])
        back = {"all": [{"field": "state_before", "operator": "is_any_of", "value": ["solved"]}]}
        desk.rule(by=dora, name="Back", condition=back, effects=effects(add_tag="b"), events=["state_changed"])

        mail = make.mail(subject="Re: x", in_reply_to="one@customer.example", message_id="two@customer.example")
        second = make.deliver(channel, mail)

        assert second.ticket == first.ticket
        assert first.ticket.last_customer_message_at == first.created_at
        assert Ticket.objects.get(pk=first.ticket.pk).last_customer_message_at == second.created_at
        assert names(first.ticket) == ["a", "b"]
        later = RoutingDecision.objects.exclude(event="ticket_created").order_by("id")
        assert [(row.event, row.message, row.facts["changed_by"]) for row in later] == [
            ("customer_message", second, "customer"),
            ("state_changed", second, "customer"),
        ]

    def test_is_kept_when_a_rule_fails_and_the_ticket_says_so(
        self, channel: Channel, support: Team, dora: Agent
    ) -> None:
        wanted = effects(set_team="gone", set_agent="nobody@desk.example", set_priority="huge", add_tag="kept")
        desk.rule(by=dora, condition=ALWAYS, effects=wanted)

        ticket = make.deliver(channel, make.mail()).ticket

        assert (ticket.team, names(ticket)) == (support, ["kept"])
        line = ticket.entries.get(kind=Entry.Kind.ROUTED)
        assert len(line.data["problems"]) == 3

    def test_opens_a_ticket_in_the_state_and_with_the_note_that_a_rule_wants(
        self, channel: Channel, support: Team, dora: Agent
    ) -> None:
        desk.rule(by=dora, condition=ALWAYS, effects=effects(set_state="solved", add_note="Newsletter"))

        ticket = make.deliver(channel, make.mail()).ticket

        assert (ticket.state, ticket.owner) == (State.SOLVED, None)
        assert ticket.messages.get(kind=Message.Kind.NOTE).text == "Newsletter"


class TestAgents:
    def test_are_heard_when_they_change_a_ticket(self, ticket: Ticket, ben: Agent, dora: Agent, client: Client) -> None:
        by_agent = {"all": [{"field": "changed_by", "operator": "is_any_of", "value": ["agent"]}]}
        desk.rule(by=dora, name="State", condition=by_agent, effects=effects(add_tag="s"), events=["state_changed"])
        desk.rule(by=dora, name="Owner", condition=by_agent, effects=effects(add_tag="o"), events=["assigned"])
        client.force_login(ben)

        client.post(f"/tickets/{ticket.reference}/change/", {"state": "solved"})
        assert names(ticket) == ["s"]
        client.post(f"/tickets/{ticket.reference}/change/", {"owner": str(ben.pk)})
        assert names(ticket) == ["o", "s"]

    def test_are_heard_when_they_answer_and_once_for_the_same_answer(
        self, ticket: Ticket, ben: Agent, dora: Agent, client: Client
    ) -> None:
        make.message(ticket=ticket, sender_address="ann@customer.example")
        desk.rule(by=dora, condition=ALWAYS, effects=effects(add_note="Answered."), events=["agent_reply"])
        client.force_login(ben)
        answer = {"reply": "Here it is.", "to": "ann@customer.example", "kind": "reply", "seen": "0"}

        for _ in range(2):
            client.post(f"/tickets/{ticket.reference}/send/", answer)

        assert ticket.messages.filter(kind=Message.Kind.REPLY).count() == 1
        assert ticket.messages.filter(kind=Message.Kind.NOTE).count() == 1


class TestRulesThatMayTrigger:
    def chain(self, dora: Agent, *, may_trigger: bool) -> None:
        for state, to in (("open", "waiting"), ("waiting", "open")):
            condition = {"all": [{"field": "state", "operator": "is_any_of", "value": [state]}]}
            desk.rule(
                by=dora,
                name=f"To {to}",
                condition=condition,
                effects=effects(set_state=to),
                events=["state_changed"],
                may_trigger=may_trigger,
            )

    def test_end_at_a_depth_that_is_shown(self, ticket: Ticket, dora: Agent) -> None:
        self.chain(dora, may_trigger=True)

        routing.react(ticket=ticket, event=Event.STATE_CHANGED, at=make.NOON)

        rows = RoutingDecision.objects.order_by("depth")
        assert [row.depth for row in rows] == [0, 1, 2, 3, 4, 5]
        assert [bool(row.assignment["problems"]) for row in rows] == [False] * 5 + [True]
        assert {row.facts["changed_by"] for row in rows if row.depth} == {"rule"}

    def test_are_the_only_ones_that_set_off_others(self, ticket: Ticket, dora: Agent) -> None:
        self.chain(dora, may_trigger=False)

        routing.react(ticket=ticket, event=Event.STATE_CHANGED, at=make.NOON)

        assert RoutingDecision.objects.count() == 1
        ticket.refresh_from_db()
        assert ticket.state == State.WAITING


class TestOnce:
    def test_per_ticket_whatever_the_event(self, ticket: Ticket, channel: Channel, billing: Team, dora: Agent) -> None:
        rule = desk.rule(
            by=dora,
            condition=ALWAYS,
            effects=effects(add_note="Once."),
            events=["rating_given", "assigned"],
            once_per_ticket=True,
        )
        other = make.ticket(channel=channel, team=billing)

        for event in (Event.RATING_GIVEN, Event.ASSIGNED, Event.RATING_GIVEN):
            routing.react(ticket=ticket, event=event, at=make.NOON)
        routing.react(ticket=other, event=Event.ASSIGNED, at=make.NOON)

        assert (ticket.messages.count(), other.messages.count()) == (1, 1)
        assert RuleTurn.objects.filter(rule_uid=rule.uid).count() == 2
        assert [row.spent for row in ticket.decisions.order_by("id")] == [[], [str(rule.uid)], [str(rule.uid)]]

    def test_counts_from_the_creation_on(self, channel: Channel, support: Team, dora: Agent) -> None:
        events = ["ticket_created", "rating_given"]
        desk.rule(by=dora, condition=ALWAYS, effects=effects(add_note="x"), events=events, once_per_ticket=True)
        ticket = make.deliver(channel, make.mail()).ticket

        routing.react(ticket=ticket, event=Event.RATING_GIVEN, at=make.NOON)

        assert ticket.messages.filter(kind=Message.Kind.NOTE).count() == 1


class TestTheSpanOfARule:
    @pytest.mark.parametrize(("hours", "is_asked"), [(-2, False), (0, True), (1, True), (2, False)])
    def test_is_honoured(self, ticket: Ticket, dora: Agent, hours: int, is_asked: bool) -> None:
        Rule.objects.all().delete()
        desk.rule(
            by=dora,
            condition=ALWAYS,
            effects=effects(add_tag="now"),
            events=["rating_given"],
            active_from=make.NOON,
            active_until=make.NOON + timedelta(hours=2),
        )

        routing.react(ticket=ticket, event=Event.RATING_GIVEN, at=make.NOON + timedelta(hours=hours))

        assert names(ticket) == (["now"] if is_asked else [])
