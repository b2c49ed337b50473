"""Comparing two rule sets: against two plain decisions, and against every value that an unrecorded fact can have."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from routing_rules import conditions as c
from routing_rules.engine import Decision, Effect, Rule, compile_rules, decide
from routing_rules.facts import UNKNOWN
from routing_rules.folding import fold
from routing_rules.rehearsal import Change, Comparison, Turns
from routing_rules.vocabulary import EFFECTS, EffectKind
from tests.unit.rule_strategies import NOW, broken_facts, effects, good_facts, numbered, relaxed

searching = settings(relaxed, max_examples=120)
CREATED = {"event": "ticket_created"}
INVOICE = c.Test("subject", "contains", "invoice")
FINNISH = c.Test("language", "is_any_of", ["fi"])


def team(slug: str) -> tuple[Effect, ...]:
    return (Effect("set_team", slug),)


def told(decision: Decision) -> dict[tuple[str, str], str]:
    """What a decision came to by slot, as simply as it can be said."""
    return {
        (each.kind, "" if EFFECTS[EffectKind(each.kind)].is_single else fold(each.value)): fold(each.value)
        for each in decision.effects
    }


def renumbered(rules: list[Rule]) -> list[Rule]:
    return [replace(rule, id=number, uid=f"u{number}") for number, rule in enumerate(rules)]


@st.composite
def edits(draw: st.DrawFn) -> tuple[list[Rule], list[Rule]]:
    """A rule set, and the same with some rules changed, moved, left out or put in."""
    old = renumbered(draw(st.lists(numbered, max_size=7)))
    new = list(old)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(new)))
        act = draw(st.sampled_from(("put", "drop", "move")))
        if act == "put":
            new.insert(place, draw(numbered))
        elif new:
            taken = new.pop(min(place, len(new) - 1))
            if act == "move":
                new.insert(draw(st.integers(0, len(new))), taken)
    return old, renumbered(new)


class TestUnchangedRules:
    @relaxed
    @given(rules=st.lists(numbered, max_size=8), facts=st.one_of(good_facts, broken_facts))
    def test_never_differ(self, rules: list[Rule], facts: dict[str, object]) -> None:
        comparison = Comparison(old=renumbered(rules), new=renumbered(rules))

        assert comparison.changes(facts=facts, now=NOW) == ()
        assert comparison.changes(facts=facts | {"language": UNKNOWN, "subject": UNKNOWN}, now=NOW) == ()
        assert comparison.is_empty

    def test_never_differ_for_another_name_folder_or_comment(self) -> None:
        comparison = Comparison(old=[Rule(1, "A", INVOICE, team("x"))], new=[Rule(1, "B", INVOICE, team("x"))])

        assert comparison.is_empty


class TestChangedRules:
    @searching
    @given(rules=edits(), facts=good_facts)
    def test_differ_exactly_where_two_decisions_differ(
        self, rules: tuple[list[Rule], list[Rule]], facts: dict[str, object]
    ) -> None:
        old, new = rules
        before = told(decide(compile_rules(old), facts, NOW))
        after = told(decide(compile_rules(new), facts, NOW))

        changes = Comparison(old=old, new=new).changes(facts=facts, now=NOW)

        wanted = {slot for slot in before.keys() | after.keys() if before.get(slot) != after.get(slot)}
        assert len(changes) == len(wanted)
        assert {(each.kind, fold(each.before), fold(each.after)) for each in changes} == {
            (slot[0], before.get(slot, ""), after.get(slot, "")) for slot in wanted
        }
        assert not any(each.is_unknown for each in changes)

    def test_say_what_was_and_what_would_be(self) -> None:
        comparison = Comparison(
            old=[Rule(1, "A", INVOICE, team("billing"))],
            new=[Rule(1, "A", INVOICE, (*team("payments"), Effect("set_acknowledgement", "none")))],
        )

        changes = comparison.changes(facts=CREATED | {"subject": "Invoice 7"}, now=NOW)

        assert changes == (Change("set_acknowledgement", "", "none"), Change("set_team", "billing", "payments"))
        assert comparison.changes(facts=CREATED | {"subject": "Printer"}, now=NOW) == ()


class TestFactsThatWereNotRecorded:
    @searching
    @given(rules=edits(), facts=good_facts)
    def test_count_as_unknown_and_never_as_a_guess(
        self, rules: tuple[list[Rule], list[Rule]], facts: dict[str, object]
    ) -> None:
        """Whatever the language was: what is called a change is one, and what is called none is none."""
        old, new = rules
        changes = Comparison(old=old, new=new).changes(facts=facts | {"language": UNKNOWN}, now=NOW)

        open_slots = {(each.kind, fold(each.before or each.after)) for each in changes if each.is_unknown}
        certain = {(each.kind, fold(each.before), fold(each.after)) for each in changes if not each.is_unknown}
        for language in (None, "fi", "sv", "en", "xx"):
            possible = facts | {"language": language}
            before = told(decide(compile_rules(old), possible, NOW))
            after = told(decide(compile_rules(new), possible, NOW))
            found = {
                (slot[0], before.get(slot, ""), after.get(slot, ""))
                for slot in before.keys() | after.keys()
                if before.get(slot) != after.get(slot)
            }
            singles = {kind for kind, _ in open_slots if EFFECTS[EffectKind(kind)].is_single}
            unexplained = {
                each
                for each in found - certain
                if each[0] not in singles and (each[0], each[1] or each[2]) not in open_slots
            }
            assert unexplained == set()
            assert certain <= found

    def test_do_not_matter_where_another_fact_decides(self) -> None:
        rule = Rule(1, "A", c.All((INVOICE, FINNISH)), team("billing"))
        comparison = Comparison(old=[], new=[rule])

        assert comparison.changes(facts=CREATED | {"subject": "Printer", "language": UNKNOWN}, now=NOW) == ()
        (change,) = comparison.changes(facts=CREATED | {"subject": "Invoice", "language": UNKNOWN}, now=NOW)
        assert change.is_unknown


class TestRulesOfOneTurn:
    RULE = Rule(1, "Once", INVOICE, (Effect("add_tag", "seen"),), once_per_ticket=True, uid="once")
    FACTS = {**CREATED, "subject": "Invoice"}

    def test_fire_once_a_ticket_by_either_rule_set(self) -> None:
        comparison, turns = Comparison(old=[], new=[self.RULE]), Turns()

        first = comparison.changes(facts=self.FACTS, now=NOW, turns=turns)
        second = comparison.changes(facts=self.FACTS, now=NOW, turns=turns)

        assert comparison.has_turns
        assert first == (Change("add_tag", "", "seen"),)
        assert second == ()

    def test_fire_not_at_all_when_their_turn_was_before(self) -> None:
        comparison = Comparison(old=[], new=[self.RULE])

        assert comparison.changes(facts=self.FACTS, now=NOW, turns=Turns({"once"}, {"once"})) == ()

    def test_have_their_turn_later_when_the_new_rules_stop_before_them(self) -> None:
        stop = Rule(2, "Stop", FINNISH, is_stop=True)
        comparison, turns = Comparison(old=[self.RULE], new=[stop, self.RULE]), Turns()

        first = comparison.changes(facts={**self.FACTS, "language": "fi"}, now=NOW, turns=turns)
        second = comparison.changes(facts=self.FACTS, now=NOW, turns=turns)

        assert first == (Change("add_tag", "seen", ""),)
        assert second == (Change("add_tag", "", "seen"),)


class TestAReordering:
    @relaxed
    @given(one=effects, other=effects)
    def test_changes_only_who_wins(self, one: Effect, other: Effect) -> None:
        first, second = Rule(1, "1", c.ALWAYS, (one,)), Rule(2, "2", c.ALWAYS, (other,))

        changes = Comparison(old=[first, second], new=[second, first]).changes(facts=CREATED, now=NOW)

        is_clash = one.kind == other.kind and fold(one.value) != fold(other.value)
        assert bool(changes) == (is_clash and EFFECTS[EffectKind(one.kind)].is_single)
