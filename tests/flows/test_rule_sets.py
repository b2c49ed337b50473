"""The whole rule set at once: back to a version, and plans that come true exactly once."""

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connections

from helpdesk.actions import rule_plans, rule_sets, rules
from helpdesk.models import Agent, Channel, Entry, RoutingDecision, Team, Ticket
from routing_rules.models import Rule, RulePlan, RuleVersion, StaleRules, current_number
from routing_rules.rule_sets import DEFAULTS, Snapshot, compare
from tests import make
from tests.flows import desk

pytestmark = pytest.mark.django_db

MONDAY = make.NOON + timedelta(days=2)
State = RulePlan.State


def names() -> list[str]:
    return list(Rule.objects.values_list("name", flat=True))


def renamed(rule: Rule, name: str) -> list[Snapshot]:
    return [
        each | {"name": name} if each["uid"] == str(rule.uid) else each
        for each in map(Rule.snapshot, Rule.objects.all())
    ]


def plan(draft: list[Snapshot], by: Agent) -> RulePlan:
    return rule_plans.plan_rules(
        rules=draft, base_version=current_number(), activate_at=MONDAY, reason="Summer", by=by, at=make.NOON
    )


class TestSnapshots:
    def test_have_the_parts_that_comparing_and_files_know(self, eli: Agent) -> None:
        assert set(desk.rule(by=eli).snapshot()) == {"id", "uid", *DEFAULTS}


class TestGoingBack:
    def test_makes_a_new_version_with_the_old_content(self, eli: Agent) -> None:
        first, second = desk.rule(by=eli, name="A"), desk.rule(by=eli, name="B")
        rules.move_rule(rule=second, to=0, by=eli)
        rules.delete_rule(rule=first, by=eli)
        wanted = RuleVersion.objects.get(number=2)

        rule_sets.restore_version(number=2, expected_version=4, by=eli)

        newest = RuleVersion.objects.get(number=5)
        assert (newest.rules, newest.author_name) == (wanted.rules, "Eli")
        assert names() == ["A", "B"]
        assert RuleVersion.objects.get(number=4).rules != wanted.rules

    def test_gives_a_rule_that_comes_back_its_number(self, eli: Agent, channel: Channel, billing: Team) -> None:
        rule = desk.rule(by=eli)
        make.deliver(channel, make.mail(subject="Invoice"))
        rules.delete_rule(rule=Rule.objects.get(), by=eli)
        desk.rule(by=eli, name="Other")

        rule_sets.restore_version(number=1, expected_version=3, by=eli)

        assert RoutingDecision.objects.get().fired[0]["rule_id"] == Rule.objects.get().pk == rule.pk

    def test_is_followed_by_the_next_ticket(self, eli: Agent, channel: Channel, billing: Team) -> None:
        rules.delete_rule(rule=desk.rule(by=eli), by=eli)

        rule_sets.restore_version(number=1, expected_version=2, by=eli)
        make.deliver(channel, make.mail(subject="Invoice"))

        assert Ticket.objects.get().team == billing

    def test_to_what_stands_makes_no_version(self, eli: Agent) -> None:
        desk.rule(by=eli)

        assert rule_sets.restore_version(number=1, expected_version=1, by=eli) is None
        assert current_number() == 1

    def test_is_refused_when_somebody_was_faster(self, eli: Agent) -> None:
        desk.rule(by=eli)
        desk.rule(by=eli, name="Meanwhile")

        with pytest.raises(StaleRules):
            rule_sets.restore_version(number=1, expected_version=1, by=eli)
        assert len(names()) == 2

    def test_leads_from_any_version_to_any_other(self, eli: Agent) -> None:
        made = [desk.rule(by=eli, name=name) for name in "ABC"]
        rules.move_rule(rule=made[2], to=0, by=eli)
        rules.set_enabled(rule=made[1], is_enabled=False, by=eli)
        rules.delete_rule(rule=made[0], by=eli)

        for number in (1, 6, 3, 5, 2, 4):
            rule_sets.restore_version(number=number, expected_version=current_number(), by=eli)
            there = RuleVersion.objects.first()
            assert there is not None
            assert compare(RuleVersion.objects.get(number=number).rules, there.rules) == ()


class TestStaleActions:
    def test_refuse_to_move_switch_or_delete_what_others_have_changed(self, eli: Agent) -> None:
        rule = desk.rule(by=eli)
        desk.rule(by=eli, name="Meanwhile")

        with pytest.raises(StaleRules):
            rules.move_rule(rule=rule, to=1, expected_version=1, by=eli)
        with pytest.raises(StaleRules):
            rules.set_enabled(rule=rule, is_enabled=False, expected_version=1, by=eli)
        with pytest.raises(StaleRules):
            rules.delete_rule(rule=rule, expected_version=1, by=eli)
        assert names() == ["Invoices to billing", "Meanwhile"]
        assert Rule.objects.filter(is_enabled=False).count() == 0


class TestPlans:
    def test_wait_for_their_time_and_come_true_once(self, eli: Agent) -> None:
        rule = desk.rule(by=eli, name="A")
        made = plan(renamed(rule, "B"), eli)

        assert rule_plans.activate_due(now=MONDAY - timedelta(seconds=1)) == []
        assert names() == ["A"]
        assert rule_plans.activate_due(now=MONDAY) == [made]
        assert rule_plans.activate_due(now=MONDAY) == []
        assert (names(), current_number()) == (["B"], 2)
        made.refresh_from_db()
        version = RuleVersion.objects.get(number=2)
        assert (made.state, made.version, version.author_name, version.reason) == (State.ACTIVE, 2, "Eli", "Summer")
        assert version.created_at == MONDAY

    def test_keep_what_others_changed_meanwhile_in_other_rules(self, eli: Agent) -> None:
        first, second = desk.rule(by=eli, name="A"), desk.rule(by=eli, name="B")
        plan(renamed(first, "A from Monday"), eli)
        rules.set_enabled(rule=second, is_enabled=False, by=eli)
        desk.rule(by=eli, name="C")

        rule_plans.activate_due(now=MONDAY)

        assert names() == ["A from Monday", "B", "C"]
        assert Rule.objects.get(name="B").is_enabled is False

    def test_that_others_have_crossed_change_nothing_and_say_so(self, eli: Agent) -> None:
        rule = desk.rule(by=eli, name="A")
        made = plan(renamed(rule, "A from Monday"), eli)
        rules.set_enabled(rule=rule, is_enabled=False, by=eli)

        rule_plans.activate_due(now=MONDAY)

        made.refresh_from_db()
        assert (made.state, made.crossed, names(), current_number()) == (State.CROSSED, ["A from Monday"], ["A"], 2)
        assert Entry.objects.latest("id").data["change"] == "crossed"

    def test_that_were_cancelled_never_come_true(self, eli: Agent) -> None:
        made = plan(renamed(desk.rule(by=eli, name="A"), "B"), eli)
        rule_plans.cancel_plan(plan=made, by=eli)

        assert rule_plans.activate_due(now=MONDAY) == []
        with pytest.raises(rule_plans.PlanSettled):
            rule_plans.cancel_plan(plan=made, by=eli)

    def test_cannot_be_cancelled_when_they_have_come_true(self, eli: Agent) -> None:
        made = plan(renamed(desk.rule(by=eli, name="A"), "B"), eli)
        rule_plans.activate_due(now=MONDAY)

        with pytest.raises(rule_plans.PlanSettled):
            rule_plans.cancel_plan(plan=made, by=eli)

    def test_of_nothing_are_refused(self, eli: Agent) -> None:
        rule = desk.rule(by=eli, name="A")

        with pytest.raises(rule_plans.NothingToPlan):
            plan(renamed(rule, "A"), eli)

    def test_take_one_rule_more(self, eli: Agent) -> None:
        first, second = desk.rule(by=eli, name="A"), desk.rule(by=eli, name="B")
        made = plan(renamed(first, "A from Monday"), eli)
        rules.set_enabled(rule=second, is_enabled=False, by=eli)
        wanted = Rule.objects.get(name="B").snapshot() | {"name": "B from Monday"}

        rule_plans.extend_plan(plan=made, snapshot=wanted, expected_version=3, by=eli)
        rule_plans.activate_due(now=MONDAY)

        assert names() == ["A from Monday", "B from Monday"]
        assert Rule.objects.get(name="B from Monday").is_enabled is False


@pytest.mark.django_db(transaction=True, available_apps=settings.INSTALLED_APPS)
class TestSeveralWorkers:
    def test_carry_a_plan_out_once(self, eli: Agent) -> None:
        plan(renamed(desk.rule(by=eli, name="A"), "B"), eli)
        gate, settled = threading.Barrier(4), []

        def work() -> None:
            gate.wait()
            try:
                settled.extend(rule_plans.activate_due(now=MONDAY))
            finally:
                connections.close_all()

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

        assert len(settled) == 1
        assert (current_number(), RulePlan.objects.get().state) == (2, State.ACTIVE)
        assert Entry.objects.filter(data__change="activated").count() == 1
