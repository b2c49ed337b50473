"""Rules decide from facts: `decide(ruleset, facts, now) -> Decision`. Pure: no Django, nothing is looked up or changed.

The first rule that sets something wins; later rules that would set it too are reported as overridden. Tags add up. A
rule with `is_stop` that matches ends the run. Effects don't change the facts of the run they come from. docs/rules.md
describes the language.

A rule is asked at the events that it names (facts["event"]; a ticket's creation when there is none), while it is
enabled and between its two moments, and not when it is spent: the caller tells which rules had their one turn.

`decide` is what runs for each ticket: its trace names the rules that fired and the ones that could not run. Why each
other rule did not match is worked out by `explain` when somebody asks: same rules, facts and moment, same outcome.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import compress
from operator import itemgetter

from routing_rules.conditions import ALWAYS, Condition, tests_of
from routing_rules.examination import FailedTest, Verdict, examine, failed_test
from routing_rules.facts import Reader, Reading
from routing_rules.folding import fold
from routing_rules.index import Index
from routing_rules.operators import Holds, function_of
from routing_rules.vocabulary import EFFECTS, EffectKind, Event
from routing_rules.waiting import problem_of_waiting


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that a rule does. `kind` is one of vocabulary.EffectKind, `value` a slug, an address or a tag."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, as the engine takes it. `problem`: why it can't run (it couldn't be read), empty for a good one.

    `active_from` is the first moment at which it is asked, `active_until` the first at which it no longer is; None: no
    such moment. `may_trigger`: what it does counts as an event for other rules. `uid` stays when a rule is restored.
    """

    id: int
    name: str
    condition: Condition = ALWAYS
    effects: tuple[Effect, ...] = ()
    is_stop: bool = False
    is_enabled: bool = True
    problem: str = ""
    events: tuple[str, ...] = (Event.TICKET_CREATED,)
    folder: str = ""
    once_per_ticket: bool = False
    active_from: dt.datetime | None = None
    active_until: dt.datetime | None = None
    may_trigger: bool = False
    uid: str = ""

    def is_active(self, *, at: dt.datetime) -> bool:
        """Tell whether `at` lies between the rule's two moments."""
        has_begun = self.active_from is None or self.active_from <= at
        return has_begun and (self.active_until is None or at < self.active_until)


@dataclass(frozen=True, slots=True)
class AppliedEffect:
    """An effect of the decision, and the rule that it comes from."""

    kind: str
    value: str
    rule_id: int
    rule_name: str


class Outcome(StrEnum):
    """What became of one rule in one run."""

    FIRED = "fired"
    NOT_MATCHED = "not_matched"
    SKIPPED_AFTER_STOP = "skipped_after_stop"
    INVALID = "invalid"
    UNKNOWN = "unknown"
    """It hangs on a fact that was not recorded then."""
    SPENT = "spent"
    """It has had its turn with this ticket."""
    INACTIVE = "inactive"
    """Not yet, or no longer."""
    OTHER_EVENT = "other_event"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Step:
    """One rule in one run: `effects` took place, `overridden` would have, had not an earlier rule set the same, or
    stopped before it.

    `reason` says why a rule is invalid, or names the field that is unknown.
    """

    rule_id: int
    rule_name: str
    outcome: Outcome
    failed: FailedTest | None = None
    effects: tuple[Effect, ...] = ()
    overridden: tuple[Effect, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules want for a ticket. `version` is the rule set's, `stopped_by` the id of the rule that said stop."""

    effects: tuple[AppliedEffect, ...]
    trace: tuple[Step, ...]
    decided_at: dt.datetime
    version: int = 0
    stopped_by: int | None = None

    def value_of(self, kind: str) -> str | None:
        """Return the value that was set for a single-valued effect, None if no rule set it."""
        return next((effect.value for effect in self.effects if effect.kind == kind), None)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags to add, in order."""
        return tuple(effect.value for effect in self.effects if effect.kind == EffectKind.ADD_TAG)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A rule that can run, with everything ready that firing it takes. `is_timeless`: it is always active."""

    position: int
    rule: Rule
    is_timeless: bool
    fields: frozenset[str]
    holds: Holds
    slots: tuple[tuple[str, str], ...]
    applied: tuple[AppliedEffect, ...]
    step: Step

    @classmethod
    def of(cls, rule: Rule, *, position: int) -> "_Plan":
        return cls(
            position=position,
            rule=rule,
            is_timeless=rule.active_from is None and rule.active_until is None,
            fields=frozenset(name for test in tests_of(rule.condition) for name in test.fields),
            holds=function_of(rule.condition),
            slots=tuple((_group(effect), _slot(effect)) for effect in rule.effects),
            applied=tuple(AppliedEffect(effect.kind, effect.value, rule.id, rule.name) for effect in rule.effects),
            step=Step(rule.id, rule.name, Outcome.FIRED, effects=rule.effects),
        )


def _slot(effect: Effect) -> str:
    """Return what two effects of one kind must differ in to both take place."""
    return "" if EFFECTS[EffectKind(effect.kind)].is_single else fold(effect.value)


def _group(effect: Effect) -> str:
    return EFFECTS[EffectKind(effect.kind)].slot or effect.kind


@dataclass(frozen=True, slots=True)
class _Section:
    """The enabled rules that listen to one event, compiled. `invalid`: positions of rules that can't run, and why."""

    plans: tuple[_Plan, ...]
    invalid: tuple[tuple[int, Step], ...]
    index: Index
    reader: Reader
    has_turns: bool

    @classmethod
    def of(cls, plans: Sequence[_Plan], invalid: Sequence[tuple[int, Step]]) -> "_Section":
        conditions = [plan.rule.condition for plan in plans]
        reader = Reader.of(test for condition in conditions for test in tests_of(condition))
        has_turns = any(plan.rule.once_per_ticket for plan in plans)
        return cls(tuple(plans), tuple(invalid), Index(conditions), reader, has_turns)


_NO_SECTION = _Section.of((), ())


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in order, compiled. `version` tells decisions which rules they come from (0: unsaved rules)."""

    rules: tuple[Rule, ...]
    version: int
    sections: Mapping[str, _Section]
    by_id: Mapping[int, Rule]

    def listens(self, event: str) -> bool:
        """Tell whether any enabled rule is asked at `event`: if not, nothing needs to be looked up for it."""
        return event in self.sections

    def has_turns(self, event: str) -> bool:
        """Tell whether a rule that is asked at `event` has its turn only once, so that the caller must know of it."""
        return event == Event.TIME_PASSED or self.sections.get(event, _NO_SECTION).has_turns

    def section(self, facts: Mapping[str, object]) -> _Section:
        """Return the rules for the event of these facts."""
        return self.sections.get(event_of(facts), _NO_SECTION)


def event_of(facts: Mapping[str, object]) -> str:
    """Return the event that facts tell of; a ticket's creation if they don't say."""
    event = facts.get("event")
    return event if isinstance(event, str) and event else Event.TICKET_CREATED


def problem_of(rule: Rule) -> str:
    """Return why a rule can't run, empty if it can."""
    if rule.problem:
        return rule.problem
    unknown = [effect.kind for effect in rule.effects if effect.kind not in EFFECTS]
    if unknown:
        return f"There is no effect called “{unknown[0]}”."
    empty = [effect.kind for effect in rule.effects if not fold(effect.value)]
    return f"The effect “{empty[0]}” has no value." if empty else problem_of_waiting(rule.events, rule.condition)


def compile_rules(rules: Sequence[Rule], *, version: int = 0) -> RuleSet:
    """Return the rules ready to run, in the given order.

    Never raises: a rule that can't run is reported as invalid by each decision.
    """
    plans: dict[str, list[_Plan]] = {}
    invalid: dict[str, list[tuple[int, Step]]] = {}
    for position, rule in enumerate(rules):
        if not rule.is_enabled:
            continue
        problem = problem_of(rule)
        if problem:
            step = _invalid(rule, problem)
            for event in dict.fromkeys(rule.events):
                invalid.setdefault(event, []).append((position, step))
        else:
            plan = _Plan.of(rule, position=position)
            for event in dict.fromkeys(rule.events):
                plans.setdefault(event, []).append(plan)
    sections = {
        event: _Section.of(plans.get(event, ()), invalid.get(event, ())) for event in plans.keys() | invalid.keys()
    }
    return RuleSet(rules=tuple(rules), version=version, sections=sections, by_id={rule.id: rule for rule in rules})


class _Run:
    """Collects what rules do, in order, until one says stop."""

    def __init__(self) -> None:
        self.effects: list[AppliedEffect] = []
        self.stopped_by: int | None = None
        self._taken: set[tuple[str, str]] = set()

    def fire(self, plan: _Plan) -> Step:
        """Apply what no earlier rule has set, and return the step that says so."""
        if plan.rule.is_stop:
            self.stopped_by = plan.rule.id
        free = [self._take(slot) for slot in plan.slots]
        if all(free):
            self.effects += plan.applied
            return plan.step
        self.effects += compress(plan.applied, free)
        return replace(
            plan.step,
            effects=tuple(compress(plan.rule.effects, free)),
            overridden=tuple(effect for effect, is_free in zip(plan.rule.effects, free, strict=True) if not is_free),
        )

    def _take(self, slot: tuple[str, str]) -> bool:
        if slot in self._taken:
            return False
        self._taken.add(slot)
        return True


def decide(
    ruleset: RuleSet, facts: Mapping[str, object], now: dt.datetime, *, spent: Set[str] = frozenset()
) -> Decision:
    """Return what the rules want for a ticket with these facts (types: see routing_rules.facts) at `now` (aware).

    `spent` are the uids of rules that are not to fire again. Never raises for facts: missing ones are documented, those
    of a wrong type make the rules that hang on them invalid, those that were not recorded make them unknown.
    """
    section = ruleset.section(facts)
    reading = section.reader.read(facts=facts, now=now)
    run = _Run()
    steps: list[tuple[int, Step]] = []
    for plan in _asked(section, reading, now, spent):
        step = _ask(plan, reading, run)
        if step is not None:
            steps.append((plan.position, step))
            if run.stopped_by is not None:
                break
    if section.invalid:
        last = steps[-1][0] if run.stopped_by is not None else len(ruleset.rules)
        rules = ruleset.rules
        steps += (pair for pair in section.invalid if pair[0] < last and _may_run(rules[pair[0]], now=now, spent=spent))
        steps.sort(key=itemgetter(0))
    return Decision(tuple(run.effects), tuple(step for _, step in steps), now, ruleset.version, run.stopped_by)


def _asked(section: _Section, reading: Reading, now: dt.datetime, spent: Set[str]) -> Iterator[_Plan]:
    """Yield the rules that can match and may run, in order."""
    for candidate in section.index.candidates(reading.view, unclear=reading.unclear):
        plan = section.plans[candidate]
        if (plan.is_timeless and not spent) or _may_run(plan.rule, now=now, spent=spent):
            yield plan


def _may_run(rule: Rule, *, now: dt.datetime, spent: Set[str]) -> bool:
    return rule.is_active(at=now) and rule.uid not in spent


def _ask(plan: _Plan, reading: Reading, run: _Run) -> Step | None:
    """Return the step of a rule that fires or can't be told, None for one that does not match."""
    if plan.fields.isdisjoint(reading.unclear):
        return run.fire(plan) if plan.holds(reading.view) else None
    verdict = examine(condition=plan.rule.condition, reading=reading)
    if verdict.holds:
        return run.fire(plan)
    return _unclear(plan.rule, verdict) if verdict.holds is None else None


def explain(
    ruleset: RuleSet, facts: Mapping[str, object], now: dt.datetime, *, spent: Set[str] = frozenset()
) -> tuple[Step, ...]:
    """Return one step for every rule, in order, with the first test that failed where a rule did not match.

    With the rules (by version), facts, moment and spent rules of a decision it shows that decision again, and why.
    """
    event, section = event_of(facts), ruleset.section(facts)
    reading = section.reader.read(facts=facts, now=now)
    plans = {plan.position: plan for plan in section.plans}
    invalid = dict(section.invalid)
    run = _Run()
    steps: list[Step] = []
    for position, rule in enumerate(ruleset.rules):
        reason = _not_asked(rule, event=event, now=now, spent=spent, run=run)
        if reason is Outcome.SKIPPED_AFTER_STOP and position in plans:
            steps.append(_skipped(plans[position], reading, facts, now))
        elif reason is not None:
            steps.append(Step(rule.id, rule.name, reason))
        elif position in invalid:
            steps.append(invalid[position])
        else:
            steps.append(_explained(plans[position], reading, facts, now, run))
    return tuple(steps)


def _not_asked(rule: Rule, *, event: str, now: dt.datetime, spent: Set[str], run: _Run) -> Outcome | None:
    if not rule.is_enabled:
        return Outcome.DISABLED
    if event not in rule.events:
        return Outcome.OTHER_EVENT
    if not rule.is_active(at=now):
        return Outcome.INACTIVE
    if rule.uid in spent:
        return Outcome.SPENT
    return Outcome.SKIPPED_AFTER_STOP if run.stopped_by is not None else None


def _explained(plan: _Plan, reading: Reading, facts: Mapping[str, object], now: dt.datetime, run: _Run) -> Step:
    verdict = examine(condition=plan.rule.condition, reading=reading)
    if verdict.holds:
        return run.fire(plan)
    if verdict.holds is None:
        return _unclear(plan.rule, verdict)
    failed = failed_test(verdict=verdict, facts=facts, now=now)
    return Step(plan.rule.id, plan.rule.name, Outcome.NOT_MATCHED, failed=failed)


def _skipped(plan: _Plan, reading: Reading, facts: Mapping[str, object], now: dt.datetime) -> Step:
    """What a rule after a stop would have done, or why nothing."""
    verdict = examine(condition=plan.rule.condition, reading=reading)
    return Step(
        plan.rule.id,
        plan.rule.name,
        Outcome.SKIPPED_AFTER_STOP,
        failed=failed_test(verdict=verdict, facts=facts, now=now),
        overridden=plan.rule.effects if verdict.holds else (),
    )


def _unclear(rule: Rule, verdict: Verdict) -> Step:
    if verdict.reason:
        return _invalid(rule, verdict.reason)
    return Step(rule.id, rule.name, Outcome.UNKNOWN, reason=verdict.unknown)


def _invalid(rule: Rule, reason: str) -> Step:
    return Step(rule.id, rule.name, Outcome.INVALID, reason=reason)
