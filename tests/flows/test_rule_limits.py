"""Rules under bad conditions: too many, at the same moment, on old mail, in storms, and what a decision may take up."""

import json
import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connections, transaction
from django.forms import model_to_dict

from helpdesk import routing
from helpdesk.actions import replies, rule_effects, tickets
from helpdesk.models import Agent, Channel, Delivery, Identity, Message, RoutingDecision, RuleTurn, State, Team, Ticket
from helpdesk.queries.routing import facts_of_decision
from routing_rules.engine import Outcome, explain
from routing_rules.facts import UNKNOWN
from routing_rules.models import Rule, load_ruleset, take_version
from routing_rules.vocabulary import Event
from tests import make
from tests.flows import desk

ALWAYS: dict[str, object] = {"all": []}


@pytest.fixture
def ticket(channel: Channel, billing: Team, support: Team, ann: Identity) -> Ticket:
    return make.ticket(channel=channel, team=billing, identity=ann)


@pytest.mark.django_db
class TestADecision:
    def test_takes_up_less_than_two_kilobytes_an_event(self, ticket: Ticket, dora: Agent) -> None:
        make.message(ticket=ticket, text="word " * 4_000, sender_address="ann.archer@customer.example")
        tickets.set_subject(ticket=ticket, subject="About " + "a long matter " * 8, by=dora)
        for number in range(4):
            wanted = [{"kind": "add_tag", "value": f"tag-{number}"}, {"kind": "set_priority", "value": "high"}]
            desk.rule(by=dora, name=f"Rule {number}", condition=ALWAYS, effects=wanted, events=["customer_message"])

        row = routing.react(ticket=ticket, event=Event.CUSTOMER_MESSAGE, at=make.NOON)

        assert row is not None
        assert len(row.fired) == 4
        assert len(json.dumps(model_to_dict(row), default=str).encode()) <= 2_000

    def test_of_an_older_desk_leaves_open_what_it_did_not_know(self, ticket: Ticket, dora: Agent) -> None:
        nobodys = {"all": [{"field": "owner", "operator": "is_empty"}]}
        desk.rule(by=dora, condition=nobodys, effects=[{"kind": "add_tag", "value": "x"}])
        facts = {"event": "ticket_created", "subject": "Old", "language": "fi"}
        old = RoutingDecision(ticket=ticket, rules_version=1, facts=facts, facts_version=1, fired=[])

        then = facts_of_decision(old)

        assert (then["owner"], then["body"], then["customer_class"]) == (UNKNOWN, UNKNOWN, None)
        steps = explain(load_ruleset(), then, make.NOON)
        assert [(step.outcome, step.reason) for step in steps] == [(Outcome.UNKNOWN, "owner")]


@pytest.mark.django_db
class TestTenThousandRules:
    def test_place_a_mail(self, channel: Channel, support: Team, billing: Team) -> None:
        word = {"field": "subject", "operator": "contains"}
        Rule.objects.bulk_create(
            Rule(
                name=f"Rule {number}",
                position=number,
                condition={"all": [{**word, "value": f"word{number}x"}]},
                effects=[{"kind": "set_team", "value": "billing"}],
            )
            for number in range(10_000)
        )
        take_version(author_name="Dora")

        ticket = make.deliver(channel, make.mail(subject="About word9999x")).ticket

        assert ticket.team == billing
        assert [step["rule_name"] for step in ticket.decisions.get().fired] == ["Rule 9999"]


@pytest.mark.django_db
class TestQuietMail:
    WANTED = (
        {"kind": "set_state", "value": "open"},
        {"kind": "add_note", "value": "Look!"},
        {"kind": "notify", "value": "team"},
        {"kind": "add_tag", "value": "seen"},
    )

    def test_that_is_imported_calls_nobody(self, channel: Channel, support: Team, dora: Agent) -> None:
        support.agents.add(dora)
        desk.rule(by=dora, condition=ALWAYS, effects=list(self.WANTED))

        ticket = make.deliver(channel, make.mail(), is_silent=True).ticket

        assert (ticket.state, list(ticket.tags.values_list("name", flat=True))) == (State.CLOSED, ["seen"])
        assert not ticket.messages.filter(kind=Message.Kind.NOTE).exists()
        assert not Delivery.objects.exists()


@pytest.mark.django_db
class TestNotices:
    def test_of_a_storm_are_a_few(
        self, channel: Channel, billing: Team, support: Team, eli: Agent, dora: Agent, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rule_effects, "NOTICES_MAX", 2)
        wanted = [{"kind": "notify", "value": "leads"}]
        desk.rule(by=dora, name="Call", condition=ALWAYS, effects=wanted, events=["rating_given"])

        rows = [
            routing.react(ticket=make.ticket(channel=channel, team=billing), event=Event.RATING_GIVEN, at=make.NOON)
            for _ in range(3)
        ]

        assert Delivery.objects.count() == 2
        assert [row.assignment["problems"] for row in rows if row] == [
            [],
            [],
            ["Call has mailed about 2 tickets within this hour; it waits for the next one."],
        ]


@pytest.mark.django_db
class TestAnAnswerTakenBack:
    def test_was_never_given(self, ticket: Ticket, ben: Agent) -> None:
        answer = replies.reply(ticket=ticket, agent=ben, text="Here.", to=["ann@customer.example"], seen_cursor=0)
        ticket.refresh_from_db()
        assert ticket.last_reply_at == answer.created_at

        replies.undo(message=answer, agent=ben)

        ticket.refresh_from_db()
        assert ticket.last_reply_at is None


@pytest.mark.django_db(transaction=True, available_apps=settings.INSTALLED_APPS)
class TestTwoWorkers:
    def test_give_a_rule_its_only_turn_once(self, ticket: Ticket, dora: Agent) -> None:
        wanted = [{"kind": "add_note", "value": "Once."}]
        desk.rule(by=dora, condition=ALWAYS, effects=wanted, events=["rating_given"], once_per_ticket=True)
        start, errors = threading.Barrier(2), list[Exception]()

        def work(number: int) -> None:
            try:
                own = Ticket.objects.get(pk=ticket.pk)
                at = make.NOON + timedelta(minutes=number)
                start.wait(timeout=60)
                with transaction.atomic():
                    routing.react(ticket=own, event=Event.RATING_GIVEN, at=at)
            except Exception as error:  # noqa: BLE001 - told below
                errors.append(error)
            finally:
                connections.close_all()

        workers = [threading.Thread(target=work, args=(number,)) for number in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(timeout=120)

        assert errors == []
        assert (ticket.messages.count(), RuleTurn.objects.count(), RoutingDecision.objects.count()) == (1, 1, 2)
