"""The engine against tests/unit/rule_reference.py, over random rules and facts."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from routing_rules import conditions as c
from routing_rules.engine import Decision, Outcome, Rule, compile_rules, decide, explain
from routing_rules.facts import Reader, facts_from_json, facts_to_json
from routing_rules.folding import fold, fold_words
from routing_rules.index import Index
from tests.unit.rule_reference import holds, holds_test, run
from tests.unit.rule_strategies import (
    FILLERS,
    NOW,
    USED,
    all_conditions,
    broken_facts,
    findable_and_facts,
    good_facts,
    in_order,
    numbered,
    relaxed,
    rules_and_facts,
    spent_turns,
    thorough,
    unknown_facts,
)

TRACED = (Outcome.FIRED, Outcome.INVALID, Outcome.UNKNOWN)


def told(decision: Decision) -> list[tuple[int, str, str]]:
    return [(effect.rule_id, effect.kind, effect.value) for effect in decision.effects]


class TestDeciding:
    @relaxed
    @given(case=rules_and_facts())
    def test_does_what_asking_every_rule_in_order_would_do(self, case: tuple[list[Rule], dict[str, object]]) -> None:
        rules, facts = case
        outcomes, effects_ = run(rules, facts, NOW)

        decision = decide(compile_rules(rules), facts, NOW)

        assert told(decision) == effects_
        assert [(step.rule_id, step.outcome) for step in decision.trace] == [
            (rule, outcome) for rule, outcome in outcomes if outcome in TRACED
        ]

    @relaxed
    @given(rules=st.lists(numbered, max_size=6), facts=broken_facts)
    def test_calls_a_rule_invalid_when_a_broken_fact_leaves_it_open(
        self, rules: list[Rule], facts: dict[str, object]
    ) -> None:
        ordered = in_order(rules)
        outcomes, effects_ = run(ordered, facts, NOW)

        decision = decide(compile_rules(ordered), facts, NOW)

        assert told(decision) == effects_
        assert [(step.rule_id, step.outcome) for step in decision.trace] == [
            (rule, outcome) for rule, outcome in outcomes if outcome in TRACED
        ]

    @relaxed
    @given(rules=st.lists(numbered, max_size=6), facts=unknown_facts, spent=spent_turns)
    def test_leaves_open_what_hangs_on_a_fact_that_was_not_recorded_and_asks_no_rule_twice(
        self, rules: list[Rule], facts: dict[str, object], spent: frozenset[str]
    ) -> None:
        ordered = in_order(rules)
        outcomes, effects_ = run(ordered, facts, NOW, spent)

        decision = decide(compile_rules(ordered), facts, NOW, spent=spent)

        assert told(decision) == effects_
        assert [(step.rule_id, step.outcome) for step in decision.trace] == [
            (rule, outcome) for rule, outcome in outcomes if outcome in TRACED
        ]

    @relaxed
    @given(rules=st.lists(numbered, max_size=8), facts=good_facts)
    def test_comes_to_the_same_when_words_were_met_before(self, rules: list[Rule], facts: dict[str, object]) -> None:
        ruleset = compile_rules(in_order(rules))

        assert decide(ruleset, facts, NOW) == decide(ruleset, facts, NOW)


class TestTheIndex:
    @thorough
    @given(case=findable_and_facts())
    def test_finds_every_rule_that_matches_once_and_in_order(self, case: tuple[c.Condition, dict[str, object]]) -> None:
        condition, facts = case
        others = [rule.condition for rule in FILLERS]
        conditions = [*others, condition, *others, condition]
        reader = Reader.of(test for each in conditions for test in c.tests_of(each))

        found = list(Index(conditions).candidates(reader.read(facts=facts, now=NOW).view))

        assert found == sorted(set(found))
        assert not set(found) & set(range(len(others)))
        if holds(condition, facts, NOW) is True:
            assert {len(others), len(conditions) - 1} <= set(found)


class TestExplaining:
    @relaxed
    @given(
        rules=st.lists(numbered, max_size=6),
        facts=st.one_of(good_facts, broken_facts, unknown_facts),
        spent=spent_turns,
    )
    def test_gives_every_rule_the_outcome_of_the_reference(
        self, rules: list[Rule], facts: dict[str, object], spent: frozenset[str]
    ) -> None:
        ordered = in_order(rules)

        steps = explain(compile_rules(ordered), facts, NOW, spent=spent)

        assert [(step.rule_id, step.outcome) for step in steps] == run(ordered, facts, NOW, spent)[0]

    @relaxed
    @given(rules=st.lists(numbered, max_size=6), facts=good_facts)
    def test_agrees_with_the_decision(self, rules: list[Rule], facts: dict[str, object]) -> None:
        ruleset = compile_rules(in_order(rules))

        steps = explain(ruleset, facts, NOW)

        kept = tuple(step for step in steps if step.outcome in TRACED)
        assert kept == decide(ruleset, facts, NOW).trace

    @relaxed
    @given(condition=all_conditions, facts=good_facts)
    def test_names_a_test_that_really_failed(self, condition: c.Condition, facts: dict[str, object]) -> None:
        step = explain(compile_rules([Rule(1, "rule", condition)]), facts, NOW)[0]

        if step.failed is not None:
            failed = c.Test(step.failed.field, step.failed.operator, step.failed.expected)
            assert holds_test(failed, facts, NOW) is step.failed.is_unwanted
            assert failed in c.tests_of(condition)

    @relaxed
    @given(rules=st.lists(numbered, max_size=6), facts=good_facts)
    def test_is_the_same_from_stored_facts(self, rules: list[Rule], facts: dict[str, object]) -> None:
        ruleset = compile_rules(in_order(rules))

        stored = facts_from_json(facts_to_json(dict.fromkeys(USED) | facts))

        assert [step.outcome for step in explain(ruleset, stored, NOW)] == [
            step.outcome for step in explain(ruleset, facts, NOW)
        ]


class TestReadingAndWriting:
    @relaxed
    @given(condition=all_conditions)
    def test_loses_nothing_of_a_condition(self, condition: c.Condition) -> None:
        whole = condition if not isinstance(condition, c.Test) else c.All((condition,))

        assert c.from_json(c.to_json(condition)) == whole


class TestFolding:
    @relaxed
    @given(text=st.text(max_size=60))
    def test_done_twice_changes_nothing(self, text: str) -> None:
        assert fold(fold(text)) == fold(text)

    @relaxed
    @given(text=st.text(max_size=60))
    def test_is_the_same_for_both_ways_to_write_an_accent(self, text: str) -> None:
        assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))

    @relaxed
    @given(text=st.text(max_size=60))
    def test_gives_words_that_hold_no_space(self, text: str) -> None:
        assert " ".join(fold_words(text)).split() == fold_words(text)
