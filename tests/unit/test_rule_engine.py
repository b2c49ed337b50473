"""What a run of rules leads to: order, stop, who set what, and what became of each rule."""

import threading

from routing_rules.conditions import Any, Condition, NoneOf, Test
from routing_rules.engine import AppliedEffect, Effect, Outcome, Rule, RuleSet, compile_rules, decide, explain
from routing_rules.examination import EXCERPT, FailedTest
from tests.unit.rule_strategies import FILLERS, NOW

INVOICE = Test("subject", "contains", "invoice")
FACTS = {"subject": "Invoice 17", "language": "fi"}
BILLING = Effect("set_team", "billing")
SALES = Effect("set_team", "sales")


def rule(number: int, condition: Condition = INVOICE, *effects: Effect, is_stop: bool = False) -> Rule:
    return Rule(number, f"Rule {number}", condition, effects, is_stop)


def compiled(*rules: Rule) -> RuleSet:
    return compile_rules(rules, version=3)


class TestEffects:
    def test_of_the_first_rule_that_sets_something_win(self) -> None:
        ruleset = compiled(rule(1, INVOICE, BILLING), rule(2, INVOICE, SALES, Effect("set_priority", "high")))

        decision = decide(ruleset, FACTS, NOW)

        assert decision.effects == (
            AppliedEffect("set_team", "billing", 1, "Rule 1"),
            AppliedEffect("set_priority", "high", 2, "Rule 2"),
        )
        assert decision.trace[1].overridden == (SALES,)
        assert decision.trace[1].effects == (Effect("set_priority", "high"),)

    def test_that_add_tags_add_up_and_count_each_tag_once(self) -> None:
        tags = [Effect("add_tag", tag) for tag in ("vip", "fi", "VIP")]

        decision = decide(compiled(rule(1, INVOICE, *tags[:2]), rule(2, INVOICE, tags[2])), FACTS, NOW)

        assert decision.tags == ("vip", "fi")

    def test_are_not_seen_by_later_rules_of_the_same_run(self) -> None:
        ruleset = compiled(rule(1, INVOICE, Effect("add_tag", "vip")), rule(2, Test("tags", "has_any", ["vip"]), SALES))

        assert decide(ruleset, FACTS, NOW).value_of("set_team") is None

    def test_set_twice_by_one_rule_count_once(self) -> None:
        decision = decide(compiled(rule(1, INVOICE, BILLING, SALES)), FACTS, NOW)

        assert [effect.value for effect in decision.effects] == ["billing"]
        assert decision.trace[0].overridden == (SALES,)


class TestStopping:
    def test_ends_the_run_after_the_rule_that_says_so(self) -> None:
        ruleset = compiled(rule(1, INVOICE, BILLING, is_stop=True), rule(2, INVOICE, Effect("add_tag", "late")))

        decision = decide(ruleset, FACTS, NOW)

        assert (decision.stopped_by, decision.tags) == (1, ())
        assert [step.outcome for step in explain(ruleset, FACTS, NOW)] == [Outcome.FIRED, Outcome.SKIPPED_AFTER_STOP]

    def test_does_not_happen_when_the_rule_does_not_match(self) -> None:
        ruleset = compiled(rule(1, Test("subject", "is", "x"), is_stop=True), rule(2, INVOICE, BILLING))

        assert decide(ruleset, FACTS, NOW).value_of("set_team") == "billing"


class TestRulesThatCannotRun:
    def test_are_named_as_invalid_and_change_nothing(self) -> None:
        broken = Rule(1, "Broken", problem="There is no field called “mood”.", effects=(SALES,), is_stop=True)
        ruleset = compiled(broken, rule(2, INVOICE, BILLING))

        decision = decide(ruleset, FACTS, NOW)

        assert [(step.rule_id, step.outcome) for step in decision.trace] == [(1, Outcome.INVALID), (2, Outcome.FIRED)]
        assert decision.trace[0].reason == "There is no field called “mood”."
        assert decision.value_of("set_team") == "billing"

    def test_are_those_with_an_effect_that_does_not_exist(self) -> None:
        decision = decide(compiled(rule(1, INVOICE, Effect("make_coffee", "black"))), FACTS, NOW)

        assert decision.trace[0].outcome == Outcome.INVALID
        assert "make_coffee" in decision.trace[0].reason

    def test_are_not_named_after_a_stop(self) -> None:
        broken = Rule(2, "Broken", problem="unreadable")
        ruleset = compiled(rule(1, INVOICE, is_stop=True), broken)

        assert [step.rule_id for step in decide(ruleset, FACTS, NOW).trace] == [1]

    def test_are_not_named_when_disabled(self) -> None:
        ruleset = compiled(Rule(1, "Off", INVOICE, (BILLING,), is_enabled=False, problem="unreadable"))

        assert decide(ruleset, FACTS, NOW).trace == ()
        assert explain(ruleset, FACTS, NOW)[0].outcome == Outcome.DISABLED


class TestBrokenFacts:
    def test_make_the_rules_that_hang_on_them_invalid_and_no_others(self) -> None:
        ruleset = compiled(rule(1, INVOICE, BILLING), rule(2, Test("language", "is_any_of", ["fi"]), SALES))

        decision = decide(ruleset, {"subject": 17, "language": "fi"}, NOW)

        assert [(step.rule_id, step.outcome) for step in decision.trace] == [(1, Outcome.INVALID), (2, Outcome.FIRED)]
        assert decision.trace[0].reason == "subject should be a text and is int"

    def test_do_not_matter_where_another_part_decides(self) -> None:
        ruleset = compiled(rule(1, Any((INVOICE, Test("language", "is_any_of", ["fi"]))), BILLING))

        assert decide(ruleset, {"subject": 17, "language": "fi"}, NOW).value_of("set_team") == "billing"

    def test_are_never_asked_for_a_time_without_its_zone(self) -> None:
        ruleset = compiled(rule(1, Test("arrived_at", "after", {"at": "2026-01-01T00:00", "zone": "UTC"})))

        step = decide(ruleset, {"arrived_at": NOW.replace(tzinfo=None)}, NOW).trace[0]

        assert step.reason == "arrived_at should be a time with its zone and is datetime"


class TestExplaining:
    def test_names_the_first_test_that_failed_with_what_was_there(self) -> None:
        step = explain(compiled(rule(1, INVOICE)), {"subject": "Printer offline"}, NOW)[0]

        assert step.failed == FailedTest("subject", "contains", "invoice", "Printer offline")

    def test_names_the_test_that_held_but_was_unwanted(self) -> None:
        step = explain(compiled(rule(1, NoneOf((Test("language", "is_any_of", ["sv"]), INVOICE)))), FACTS, NOW)[0]

        assert step.failed == FailedTest("subject", "contains", "invoice", "Invoice 17", is_unwanted=True)

    def test_shows_a_missing_fact_as_missing(self) -> None:
        step = explain(compiled(rule(1, INVOICE)), {}, NOW)[0]

        assert step.failed == FailedTest("subject", "contains", "invoice", None)

    def test_shows_only_the_beginning_of_a_long_text(self) -> None:
        step = explain(compiled(rule(1, Test("body", "contains", "invoice"))), {"body": "x" * 10_000}, NOW)[0]

        assert step.failed is not None
        assert step.failed.actual == "x" * EXCERPT + "…"

    def test_shows_a_time_on_the_clock_of_the_test(self) -> None:
        span = {"from": "12:00", "to": "13:00", "zone": "Europe/Helsinki"}
        step = explain(compiled(rule(1, Test("now", "between", span))), {}, NOW)[0]

        assert step.failed is not None
        assert step.failed.actual == "2026-03-29T04:30+03:00"
        assert step.failed.expected == span


class TestManyRules:
    def test_are_decided_by_threads_as_by_one(self) -> None:
        wanted = [rule(number, Test("body", "contains", f"word{number:04d}")) for number in range(300)]
        ruleset = compile_rules([*FILLERS, *wanted])
        seen: list[list[int]] = []

        def work(start: int) -> None:
            for number in range(start, 300, 4):
                facts = {"body": f"some text with word{number:04d} and new{number}"}
                seen.append([number, *(step.rule_id for step in decide(ruleset, facts, NOW).trace)])

        threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(seen) == [[number, number] for number in range(300)]

    def test_without_rules_decides_nothing(self) -> None:
        decision = decide(compile_rules([]), FACTS, NOW)

        assert (decision.effects, decision.trace, decision.version) == ((), (), 0)

    def test_carries_the_version_of_its_rules(self) -> None:
        assert decide(compiled(rule(1)), FACTS, NOW).version == 3
