"""What the linter proves is true for all facts, and on small sets it overlooks nothing that can be enumerated."""

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import chain, combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing_rules.conditions import ALWAYS, All, Any, Condition, NoneOf, Test, from_json
from routing_rules.domains import World
from routing_rules.engine import Decision, Effect, Outcome, Rule, compile_rules, decide
from routing_rules.facts import facts_from_json
from routing_rules.findings import Code, Finding
from routing_rules.implication import Budget, NotExamined, can_hold, example, implies
from routing_rules.linter import Known, Linter
from tests.unit import rule_strategies as drawn

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
BILLING, TECH = Effect("set_team", "billing"), Effect("set_team", "tech")


def says(word: str) -> Test:
    return Test("subject", "contains", word)


def speaks(*languages: str) -> Test:
    return Test("language", "is_any_of", languages)


def rule(number: int, condition: Condition = ALWAYS, *effects: Effect, **fields: object) -> Rule:
    return Rule(number, f"rule {number}", condition, effects, uid=f"uid-{number}", **fields)  # type: ignore[arg-type]


def lint(*rules: Rule, known: Known | None = None) -> dict[int, list[tuple[Code, tuple[int, ...]]]]:
    linter = Linter(rules, now=NOW, known=known)
    return {each.id: [(finding.code, finding.others) for finding in linter.examine(each).findings] for each in rules}


class TestUnreachable:
    def test_conditions_that_exclude_each_other(self) -> None:
        assert lint(rule(1, All((speaks("fi"), speaks("sv"))), BILLING))[1] == [(Code.IMPOSSIBLE, ())]

    def test_behind_a_stop_for_the_same_tickets_and_more(self) -> None:
        found = lint(rule(1, says("invoice"), is_stop=True), rule(2, says("Invoice 2024"), BILLING))

        assert found[2] == [(Code.UNREACHABLE, (1,))]

    def test_behind_stops_that_leave_nothing_together(self) -> None:
        rest = Test("language", "is_none_of", ("fi",))
        found = lint(
            rule(1, speaks("sv"), is_stop=True),
            rule(2, speaks("fi"), is_stop=True),
            rule(3, rest, is_stop=True),
            rule(4, says("x"), BILLING),
        )

        assert found[4] == [(Code.UNREACHABLE, (2, 3))]

    def test_not_behind_a_stop_that_listens_to_something_else(self) -> None:
        found = lint(rule(1, ALWAYS, is_stop=True, events=("agent_reply",)), rule(2, says("x"), BILLING))

        assert found[2] == []

    def test_not_behind_a_stop_that_has_one_turn_a_ticket(self) -> None:
        assert lint(rule(1, ALWAYS, is_stop=True, once_per_ticket=True), rule(2, says("x"), BILLING))[2] == []

    def test_not_behind_a_stop_that_is_switched_off(self) -> None:
        assert lint(rule(1, ALWAYS, is_stop=True, is_enabled=False), rule(2, says("x"), BILLING))[2] == []

    def test_a_stop_that_ends_earlier_leaves_the_rule_its_time(self) -> None:
        soon = NOW + dt.timedelta(days=3)
        found = lint(rule(1, ALWAYS, is_stop=True, active_until=soon), rule(2, says("x"), BILLING))

        assert found[2] == []
        found = lint(rule(1, ALWAYS, is_stop=True, active_until=soon), rule(2, says("x"), BILLING, active_until=soon))
        assert found[2] == [(Code.UNREACHABLE, (1,))]

    def test_an_event_that_the_rule_is_not_asked_at(self) -> None:
        asks = Test("event", "is_any_of", ("rating_given",))

        assert lint(rule(1, asks, BILLING))[1] == [(Code.IMPOSSIBLE, ())]

    def test_a_moment_that_is_past(self) -> None:
        past = Test("now", "before", {"at": "2026-01-01T00:00", "zone": "Europe/Helsinki"})

        assert lint(rule(1, past, BILLING))[1] == [(Code.IMPOSSIBLE, ())]

    def test_a_weekday_and_an_hour_that_never_come_together(self) -> None:
        zone = "Europe/Helsinki"
        night = Test("arrived_at", "between", {"from": "22:00", "to": "06:00", "zone": zone})
        day = Test("arrived_at", "between", {"from": "08:00", "to": "16:00", "zone": zone})

        assert lint(rule(1, All((night, day)), BILLING))[1] == [(Code.IMPOSSIBLE, ())]


class TestShadowed:
    def test_by_a_rule_above_for_more_tickets(self) -> None:
        found = lint(rule(1, says("invoice"), BILLING), rule(2, says("invoice 2024"), TECH))

        assert found[2] == [(Code.SHADOWED, (1,))]

    def test_by_several_rules_together(self) -> None:
        found = lint(
            rule(1, Test("is_automatic", "is_true"), BILLING),
            rule(2, NoneOf((Test("is_automatic", "is_true"),)), TECH),
            rule(3, says("x"), BILLING),
        )

        assert found[3] == [(Code.SHADOWED, (1, 2))]

    def test_only_in_part(self) -> None:
        found = lint(rule(1, ALWAYS, BILLING), rule(2, says("x"), TECH, Effect("add_tag", "x")))

        assert found[2] == [(Code.PARTLY_SHADOWED, (1,))]

    def test_twice_the_same_rule(self) -> None:
        assert lint(rule(1, says("a b"), BILLING), rule(2, says("A  B"), BILLING))[2] == [(Code.DUPLICATE, (1,))]

    def test_a_tag_that_another_rule_adds_in_other_letters(self) -> None:
        found = lint(rule(1, ALWAYS, Effect("add_tag", "VIP")), rule(2, says("x"), Effect("add_tag", "vip")))

        assert found[2] == [(Code.SHADOWED, (1,))]


class TestConflicts:
    def found(self, *rules: Rule) -> list[Finding]:
        linter = Linter(rules, now=NOW)
        return [each for each in linter.examine(rules[-1]).findings if each.code is Code.CONFLICT]

    def test_come_with_a_ticket_that_meets_both_and_that_the_engine_decides_so(self) -> None:
        rules = rule(1, says("invoice"), BILLING), rule(2, speaks("sv"), TECH)
        (finding,) = self.found(*rules)

        assert finding.others == (1,)
        facts = facts_from_json(finding.details["facts"])  # type: ignore[arg-type]
        decision = decide(compile_rules(rules), facts, dt.datetime.fromisoformat(str(finding.details["at"])))
        assert decision.value_of("set_team") == "billing"
        assert [step.overridden for step in decision.trace] == [(), (TECH,)]

    def test_an_exception_above_the_general_rule_is_none(self) -> None:
        assert self.found(rule(1, All((says("a"), speaks("sv"))), BILLING), rule(2, speaks("sv"), TECH)) == []

    def test_nor_are_rules_that_want_the_same(self) -> None:
        assert self.found(rule(1, says("a"), BILLING), rule(2, speaks("sv"), BILLING)) == []

    def test_nor_is_a_rule_that_says_stop(self) -> None:
        assert self.found(rule(1, says("a"), BILLING, is_stop=True), rule(2, speaks("sv"), TECH)) == []

    def test_nor_are_rules_for_different_events(self) -> None:
        assert self.found(rule(1, says("a"), BILLING, events=("agent_reply",)), rule(2, speaks("sv"), TECH)) == []

    def test_nor_are_two_that_never_meet_before_a_third_decides(self) -> None:
        third = rule(3, All((says("a"), speaks("sv"))), Effect("set_team", "third"))

        assert self.found(third, rule(1, says("a"), BILLING), rule(2, speaks("sv"), TECH)) == []

    def test_the_example_is_a_ticket_that_can_be(self) -> None:
        by_domain = Test("sender_domain", "is", "laine.example")
        by_name = Test("sender", "starts_with", "liisa")
        (finding,) = self.found(rule(1, by_domain, BILLING), rule(2, by_name, TECH))

        facts = finding.details["facts"]
        assert facts["sender"].rpartition("@")[2] == facts["sender_domain"] == "laine.example"  # type: ignore[index]


class TestLoops:
    REOPEN, WAIT = Effect("set_state", "open"), Effect("set_state", "waiting")

    def state(self, value: str) -> Test:
        return Test("state", "is_any_of", (value,))

    def test_two_rules_that_undo_each_other(self) -> None:
        found = lint(
            rule(1, self.state("open"), self.WAIT, events=("state_changed",), may_trigger=True),
            rule(2, self.state("waiting"), self.REOPEN, events=("state_changed",), may_trigger=True),
        )

        assert found == {1: [(Code.LOOP, (2,))], 2: []}

    def test_not_when_one_of_them_sets_off_nothing(self) -> None:
        found = lint(
            rule(1, self.state("open"), self.WAIT, events=("state_changed",), may_trigger=True),
            rule(2, self.state("waiting"), self.REOPEN, events=("state_changed",)),
        )

        assert found == {1: [], 2: []}

    def test_not_when_one_of_them_has_one_turn_a_ticket(self) -> None:
        found = lint(
            rule(1, self.state("open"), self.WAIT, events=("state_changed",), may_trigger=True),
            rule(
                2, self.state("waiting"), self.REOPEN, events=("state_changed",), may_trigger=True, once_per_ticket=True
            ),
        )

        assert found == {1: [], 2: []}

    def test_not_for_a_rule_that_sets_what_is_so_already(self) -> None:
        assert lint(rule(1, ALWAYS, self.WAIT, events=("state_changed",), may_trigger=True))[1] == []


class TestNumbersAndWaits:
    def has(self, operator: str, number: int) -> Test:
        return Test("replies", operator, number)

    def ago(self, operator: str, amount: int, unit: str) -> Test:
        value = {"amount": amount, "unit": unit, **({"zone": "Europe/Helsinki"} if unit == "days" else {})}
        return Test("last_reply_at", operator, value)

    def test_numbers_that_leave_each_other_no_room(self) -> None:
        world = World()
        assert not can_hold([(self.has("at_least", 3), True), (self.has("at_most", 2), True)], world=world)
        assert can_hold([(self.has("at_least", 3), False), (self.has("at_most", 2), False)], world=world)
        assert implies(self.has("equals", 3), self.has("at_least", 2), world=world)
        assert not implies(self.has("at_most", 3), self.has("at_most", 2), world=world)

    @pytest.mark.parametrize(
        ("longer", "shorter", "is_implied"),
        [
            ((3, "hours"), (120, "minutes"), True),
            ((119, "minutes"), (2, "hours"), False),
            ((3, "days"), (2, "days"), True),
            ((3, "days"), (40, "hours"), True),
            ((3, "days"), (71, "hours"), False),  # true but for the clock's change, which it can't exclude
        ],
    )
    def test_waits_that_are_longer_than_others(
        self, longer: tuple[int, str], shorter: tuple[int, str], *, is_implied: bool
    ) -> None:
        left, right = self.ago("at_least_ago", *longer), self.ago("at_least_ago", *shorter)

        assert implies(left, right, world=World()) is is_implied
        assert can_hold([(left, True), (self.ago("less_than_ago", *shorter), True)], world=World()) is not is_implied

    def test_forms_of_some_words_are_forms_of_more_words(self) -> None:
        some = Test("subject", "contains_any_form_of", ("lasku",))
        more = Test("subject", "contains_any_form_of", ("lasku", "maksu"))

        assert implies(some, more, world=World())
        assert not implies(more, some, world=World())


class TestParts:
    def test_a_part_that_changes_nothing(self) -> None:
        found = lint(rule(1, Any((says("invoice"), says("invoice 2024"))), BILLING))

        assert found[1] == [(Code.REDUNDANT, ())]

    def test_a_part_that_never_holds(self) -> None:
        found = lint(rule(1, All((speaks("fi"), Any((speaks("sv"), says("x"))))), BILLING))

        assert (Code.NEVER_HOLDS, ()) in found[1]

    def test_nothing_of_a_plain_rule(self) -> None:
        assert lint(rule(1, All((speaks("fi"), Any((says("y"), says("x"))))), BILLING))[1] == []


class TestReferences:
    def test_a_team_that_is_gone_and_an_agent_that_is_switched_off(self) -> None:
        known = Known(
            values={"teams": frozenset(("tech",)), "agents": frozenset(("ben@desk.example",))},
            disabled={"agents": frozenset(("ann@desk.example",))},
        )
        ann, ben = (Effect("set_agent", f"{name}@Desk.example") for name in ("ann", "ben"))
        found = lint(rule(1, says("x"), BILLING, ann), rule(2, says("y"), TECH, ben), known=known)

        assert [code for code, _ in found[1]] == [Code.MISSING_REFERENCE, Code.DISABLED_REFERENCE]
        assert [code for code, _ in found[2]] == [Code.CONFLICT]

    def test_a_rule_whose_time_is_over(self) -> None:
        assert lint(rule(1, says("x"), BILLING, active_until=NOW))[1] == [(Code.EXPIRED, ())]


# A world that is small enough to walk through; of each kind it has one that no rule names (en, r, c).
LANGUAGES, WORDS, TAGS = ("fi", "sv", "en", None), ("p", "q", "r"), ("a", "b", "c")


def _subsets(items: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return chain.from_iterable(combinations(items, size) for size in range(len(items) + 1))


SUBJECTS = [" ".join(words) for words in _subsets(WORDS)]
FACTS: list[dict[str, object]] = [
    {"event": "ticket_created", "language": language, "subject": subject, "tags": frozenset(tags), "is_automatic": flag}
    for language, subject, tags, flag in product(LANGUAGES, SUBJECTS, _subsets(TAGS), (None, False, True))
]
small_tests = st.one_of(
    st.builds(Test, st.just("subject"), st.sampled_from(("contains", "does_not_contain")), st.sampled_from("pq")),
    st.builds(Test, st.just("subject"), st.just("contains_any"), st.sampled_from((("p", "q"), ("q",)))),
    st.just(Test("subject", "is_empty")),
    st.builds(
        Test,
        st.just("language"),
        st.sampled_from(("is_any_of", "is_none_of")),
        st.sampled_from((("fi",), ("sv",), ("fi", "sv"))),
    ),
    st.just(Test("language", "is_empty")),
    st.builds(
        Test,
        st.just("tags"),
        st.sampled_from(("has_any", "has_all", "has_none")),
        st.sampled_from((("a",), ("b",), ("a", "b"))),
    ),
    st.just(Test("tags", "is_empty")),
    st.builds(Test, st.just("is_automatic"), st.sampled_from(("is_true", "is_false"))),
)
small_conditions = st.one_of(
    st.just(ALWAYS),
    small_tests,
    drawn.groups(small_tests),
    drawn.groups(st.one_of(small_tests, drawn.groups(small_tests))),
)
small_rules = st.lists(
    st.builds(
        Rule,
        id=st.just(0),
        name=st.just("rule"),
        condition=small_conditions,
        effects=st.lists(
            st.sampled_from((BILLING, TECH, Effect("add_tag", "x"))), max_size=2, unique_by=lambda e: e.kind
        ).map(tuple),
        is_stop=st.sampled_from((False, False, True)),
    ),
    min_size=1,
    max_size=4,
).map(lambda rules: [Rule(n, r.name, r.condition, r.effects, r.is_stop) for n, r in enumerate(rules, 1)])


def _outcomes(rules: list[Rule]) -> list[Decision]:
    compiled = compile_rules(rules)
    return [decide(compiled, facts, NOW) for facts in FACTS]


def _dead(rules: list[Rule]) -> dict[int, str]:
    """By walking through the whole world: which rules never fire, and which fire and never set anything."""
    fired: set[int] = set()
    effective: set[int] = set()
    for decision in _outcomes(rules):
        for step in decision.trace:
            assert step.outcome is Outcome.FIRED
            fired.add(step.rule_id)
            if step.effects:
                effective.add(step.rule_id)
    return {
        each.id: "never" if each.id not in fired else "idle" if each.effects and each.id not in effective else "alive"
        for each in rules
    }


_MEANS = {
    Code.IMPOSSIBLE: {"never"},
    Code.UNREACHABLE: {"never"},
    Code.SHADOWED: {"idle"},
    Code.DUPLICATE: {"idle", "never"},
}


@drawn.relaxed
@given(small_rules)
def test_dead_rules_are_those_that_enumeration_finds(rules: list[Rule]) -> None:
    linter, expected = Linter(rules, now=NOW), _dead(rules)
    for each in rules:
        report = linter.examine(each)
        said = [finding.code for finding in report.findings if finding.code in _MEANS]
        assert report.not_examined == ()
        assert bool(said) == (expected[each.id] != "alive")
        assert all(expected[each.id] in _MEANS[code] for code in said)


@drawn.relaxed
@given(small_rules)
def test_parts_that_are_said_to_change_nothing_change_nothing(rules: list[Rule]) -> None:
    linter = Linter(rules[:1], now=NOW)
    for finding in linter.examine(rules[0]).findings:
        if finding.code in (Code.REDUNDANT, Code.NEVER_HOLDS):
            part = from_json(finding.details["part"])
            without = _without(rules[0].condition, part)
            alike = [
                [bool(decide(compile_rules([Rule(1, "x", condition)]), facts, NOW).trace) for facts in FACTS]
                for condition in (rules[0].condition, *without)
            ]
            assert any(each == alike[0] for each in alike[1:])


def _without(condition: Condition, part: Condition) -> list[Condition]:
    """Every condition that comes of leaving out one occurrence of `part`."""
    if isinstance(condition, Test):
        return []
    found: list[Condition] = []
    for place, each in enumerate(condition.parts):
        rest = (*condition.parts[:place], *condition.parts[place + 1 :])
        if part in (each, All((each,))):
            found += _regroup(condition, rest)
        for changed in _without(each, part):
            found += _regroup(condition, (*condition.parts[:place], changed, *condition.parts[place + 1 :]))
    return found


def _regroup(group: Condition, parts: tuple[Condition, ...]) -> list[Condition]:
    assert not isinstance(group, Test)
    if parts or isinstance(group, All):
        return [type(group)(parts)]
    return [ALWAYS]


@drawn.relaxed
@given(drawn.all_conditions, drawn.all_conditions, st.data())
def test_what_is_implied_holds_for_facts_of_every_type(left: Condition, right: Condition, data: st.DataObject) -> None:
    facts = data.draw(drawn.facts_for([left, right]))
    rules = compile_rules([Rule(1, "left", left), Rule(2, "right", right)])
    fired = {step.rule_id for step in decide(rules, facts, drawn.NOW).trace if step.outcome is Outcome.FIRED}
    world = World()
    try:
        if implies(left, right, world=world, budget=Budget(5_000)):
            assert not (1 in fired and 2 not in fired)
        if not can_hold([(left, True), (right, True)], world=world, budget=Budget(5_000)):
            assert fired != {1, 2}
    except NotExamined:
        pass


@drawn.relaxed
@given(drawn.all_conditions, drawn.all_conditions)
def test_examples_are_what_they_say(left: Condition, right: Condition) -> None:
    try:
        found = example([(left, True), (right, False)], world=World(), near=drawn.NOW, budget=Budget(5_000))
    except NotExamined:
        return
    if found is not None:
        facts, at = found
        rules = compile_rules([Rule(1, "left", left), Rule(2, "right", right)])
        assert [step.rule_id for step in decide(rules, facts, at).trace] == [1]


@pytest.mark.parametrize(
    ("left", "right", "is_implied"),
    [
        (("contains_any_word", ("cat food",)), ("contains_any_word", ("food",)), True),
        (("contains", "cat"), ("contains_any_word", ("cat",)), False),
        (("starts_with", "re: cat"), ("contains_any_word", ("re",)), True),
        (("starts_with", "re: cat"), ("contains_any_word", ("cat",)), False),
        (("ends_with", "order 7"), ("contains_any_word", ("7",)), True),
        (("is", "Order 7"), ("ends_with", "R 7"), True),
        (("contains", "Straße"), ("contains", "STRASSE"), True),
        (("contains_any", ("invoice", "invoices")), ("contains", "invoice"), True),
        (("contains_any", ("invoice", "receipt")), ("contains", "invoice"), False),
        (("matches", "^a"), ("is_not", ""), False),
        (("matches", "a+"), ("matches", "a+"), True),
    ],
)
def test_texts_that_bring_others_with_them(
    left: tuple[str, object], right: tuple[str, object], is_implied: bool
) -> None:
    if right == ("is_not", ""):
        right = ("is_not", "b")
    found = implies(Test("subject", *left), Test("subject", *right), world=World())

    assert found is is_implied


def test_a_question_that_is_too_big_gets_no_answer() -> None:
    """Pigeons and holes: no short proof exists."""
    holes, pigeons = range(6), range(7)
    housed = [Any(tuple(says(f"<{pigeon}-{hole}>") for hole in holes)) for pigeon in pigeons]
    alone = [
        NoneOf((All((says(f"<{one}-{hole}>"), says(f"<{two}-{hole}>"))),))
        for hole in holes
        for one, two in combinations(pigeons, 2)
    ]

    with pytest.raises(NotExamined):
        can_hold([(All((*housed, *alone)), True)], world=World(), budget=Budget(5_000))
