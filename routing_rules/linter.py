"""What is wrong with a set of rules, each finding proved: see routing_rules.findings. Pure: no Django.

`Linter(rules).examine(rule)` looks at one rule among the others. It asks three questions: can it fire, can each of its
effects take place (routing_rules.reach answers with an example or a proof), and does its condition say what it seems to
(routing_rules.implication). The work for one rule is bounded; what was too big is named in the report.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from routing_rules import conditions as c
from routing_rules.circles import circle_of
from routing_rules.conditions import All, Any, Condition, Group, Test
from routing_rules.domains import World
from routing_rules.engine import Effect, Rule, compile_rules, problem_of
from routing_rules.facts import facts_to_json
from routing_rules.findings import Code, Finding, Report
from routing_rules.folding import fold
from routing_rules.implication import Budget, Goal, NotExamined, can_hold, implies
from routing_rules.reach import Arena, Example, slot_of
from routing_rules.vocabulary import EFFECTS, FIELDS, EffectKind

CONFLICTS_MAX = 5
"""Conflicts that are told about one rule; who has sorted these out sees the next ones."""

PAIRS_MAX = 3_000
"""Rules above a rule that are tried for a conflict with it."""

STEPS_MAX = 200_000
"""Comparisons of tests for one question about one rule: half a second at the worst."""

PARTS_MAX = 30
"""Parts of one condition that are looked at."""


@dataclass(frozen=True, slots=True)
class Known:
    """Values that exist, folded, by the name of their list ("teams", "agents"); a list that is not given isn't checked.

    `disabled` are those that exist and can't be used.
    """

    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    disabled: Mapping[str, frozenset[str]] = field(default_factory=dict)


class Linter:
    """Examines the rules of one set, given in their order, as they are from `now` on."""

    def __init__(
        self, rules: Sequence[Rule], *, now: dt.datetime, world: World | None = None, known: Known | None = None
    ) -> None:
        self.now = now
        self.world = world or World()
        self.known = known or Known()
        self.arena = Arena(compile_rules(rules), world=self.world, now=now)

    def examine(self, rule: Rule) -> Report:
        """Return everything that can be said about a rule of the set. A rule that is switched off is left alone."""
        if not rule.is_enabled or problem_of(rule):
            return Report(())
        if rule.active_until is not None and rule.active_until <= self.now:
            return Report((Finding(Code.EXPIRED, rule.id, details={"until": rule.active_until.isoformat()}),))
        findings: list[Finding] = []
        skipped: list[Code] = []
        questions: tuple[tuple[Code, Callable[[Rule], Iterator[Finding]]], ...] = (
            (Code.MISSING_REFERENCE, self._references),
            (Code.UNREACHABLE, self._reach),
            (Code.LOOP, self._circle),
            (Code.REDUNDANT, self._parts),
            (Code.CONFLICT, self._conflicts),
        )
        for code, question in questions:
            if code in (Code.REDUNDANT, Code.CONFLICT) and any(each.code in _DEAD for each in findings):
                continue
            self.arena.budget = Budget(STEPS_MAX)
            try:
                findings += question(rule)
            except NotExamined:
                skipped.append(code)
        return Report(tuple(findings), tuple(skipped))

    def _implies(self, left: Condition, right: Condition) -> bool:
        return implies(left, right, world=self.world, budget=self.arena.budget)

    def _can_hold(self, goals: Sequence[Goal]) -> bool:
        return can_hold(goals, world=self.world, budget=self.arena.budget)

    # Values that don't exist ------------------------------------------------------------------------------------

    def _references(self, rule: Rule) -> Iterator[Finding]:
        named: dict[tuple[str, str], str] = {}
        for effect in rule.effects:
            source = EFFECTS[EffectKind(effect.kind)].choices
            if source != "tags":  # an effect makes the tag that it adds
                named[source, fold(effect.value)] = effect.value
        for test in c.tests_of(rule.condition):
            source = FIELDS[test.field].choices
            if source and isinstance(test.value, tuple):
                named |= {(source, fold(value)): value for value in test.value}
        for (source, key), value in named.items():
            details = {"source": source, "value": value}
            if key in self.known.disabled.get(source, ()):
                yield Finding(Code.DISABLED_REFERENCE, rule.id, details=details)
            elif source in self.known.values and key not in self.known.values[source]:
                yield Finding(Code.MISSING_REFERENCE, rule.id, details=details)

    # Turns that never come --------------------------------------------------------------------------------------

    def _reach(self, rule: Rule) -> Iterator[Finding]:
        met: list[str] = []
        stops: dict[int, None] = {}
        for event in dict.fromkeys(rule.events):
            answer = self.arena.can_fire(rule, event)
            if answer.example is not None:
                met.append(event)
            stops |= dict.fromkeys(other.id for other in answer.blockers)
        if met:
            yield from self._effects(rule, met)
        elif stops:
            yield self._duplicate(rule, tuple(stops)) or Finding(Code.UNREACHABLE, rule.id, self._in_order(stops))
        else:
            yield Finding(Code.IMPOSSIBLE, rule.id)

    def _effects(self, rule: Rule, events: Sequence[str]) -> Iterator[Finding]:
        """Tell which effects never take place although the rule fires."""
        dead: list[Effect] = []
        takers: dict[int, None] = {}
        for effect in rule.effects:
            blockers = self._blockers(rule, effect, events)
            if blockers:
                dead.append(effect)
                takers |= dict.fromkeys(blockers)
        if not dead:
            return
        others = self._in_order(takers)
        details = {"kinds": _kinds(dead), "is_stop": rule.is_stop}
        if len(dead) < len(rule.effects):
            yield Finding(Code.PARTLY_SHADOWED, rule.id, others, details=details)
        else:
            yield self._duplicate(rule, others) or Finding(Code.SHADOWED, rule.id, others, details=details)

    def _blockers(self, rule: Rule, effect: Effect, events: Sequence[str]) -> list[int]:
        """Return the rules that take an effect away at every event, nothing when it can take place."""
        blockers: list[int] = []
        for event in events:
            answer = self.arena.can_set(rule, effect, event)
            if answer.example is not None:
                return []
            blockers += (other.id for other in answer.blockers)
        return blockers

    def _in_order(self, rule_ids: Mapping[int, None]) -> tuple[int, ...]:
        return tuple(sorted(rule_ids, key=self.arena.places.__getitem__))

    def _duplicate(self, rule: Rule, others: Sequence[int]) -> Finding | None:
        if len(others) != 1:
            return None
        other = self.arena.rules[others[0]]
        if _effects_key(other) != _effects_key(rule) or set(other.events) != set(rule.events):
            return None
        if not self._implies(self.arena.meets(other), self.arena.meets(rule)):
            return None
        return Finding(Code.DUPLICATE, rule.id, (other.id,))

    def _circle(self, rule: Rule) -> Iterator[Finding]:
        """Tell of a circle once, at its uppermost rule."""
        circle = circle_of(self.arena, rule) if rule.may_trigger else None
        if circle is not None and circle.rules and circle.rules[0] == rule:
            others = tuple(each.id for each in circle.rules[1:])
            yield Finding(Code.LOOP, rule.id, others, details={"facts": facts_to_json(circle.facts)})

    # Parts of a condition that say nothing ----------------------------------------------------------------------

    def _parts(self, rule: Rule) -> Iterator[Finding]:
        whole = rule.condition if not isinstance(rule.condition, Test) else All((rule.condition,))
        given = [goal for event in rule.events[:1] for goal in self.arena.given(event)] if len(rule.events) == 1 else []
        for number, each in enumerate(_parts_of(whole)):
            if number >= PARTS_MAX:
                raise NotExamined
            details = {"part": c.to_json(each.part)}
            if each.together is not None and not self._can_hold([*given, (each.together, True)]):
                yield Finding(Code.NEVER_HOLDS, rule.id, details=details)
            elif each.without is not None and not (
                self._can_hold([*given, (whole, True), (each.without, False)])
                or self._can_hold([*given, (each.without, True), (whole, False)])
            ):
                yield Finding(Code.REDUNDANT, rule.id, details=details)
                return  # of two that say the same, either can go: not both

    # Orders that decide in silence ------------------------------------------------------------------------------

    def _conflicts(self, rule: Rule) -> Iterator[Finding]:
        found = 0
        above = self.arena.places[rule.id]
        pairs = 0
        for event in dict.fromkeys(rule.events):
            for other in self.arena.by_event.get(event, ()):
                if self.arena.places[other.id] >= above or found >= CONFLICTS_MAX:
                    break
                pairs += 1
                if pairs > PAIRS_MAX:
                    raise NotExamined
                finding = self.conflict(other, rule, event=event)
                if finding is not None:
                    found += 1
                    yield finding

    def conflict(self, first: Rule, second: Rule, *, event: str) -> Finding | None:
        """Return the finding that two rules, in their order, can meet on one ticket and want different things.

        The special rule above the general one is how exceptions are written, and a rule that stops says that it wants
        the last word: neither is silent. Raises nothing: what is too big is left out.
        """
        effect = _contested(first, second)
        if effect is None or first.is_stop:
            return None
        try:
            if self._implies(first.condition, second.condition):
                return None
            answer = self.arena.can_clash(first, second, effect, event)
        except NotExamined:
            return None
        if answer.example is None or self._implies(second.condition, first.condition):
            return None
        details = {"kinds": _kinds([effect]), "event": event} | _example_json(answer.example)
        return Finding(Code.CONFLICT, second.id, (first.id,), details=details)

    def is_silent(self, first: Rule, second: Rule) -> bool:
        """Tell whether neither of two rules is the exception to the other, so that only their order decides."""
        self.arena.budget = Budget(STEPS_MAX)
        try:
            return not (
                first.is_stop
                or self._implies(first.condition, second.condition)
                or self._implies(second.condition, first.condition)
            )
        except NotExamined:
            return True

    def below(self, rule: Rule) -> Iterator[Finding]:
        """Yield what is wrong with rules below because of this one. Rules that are too big are left out."""
        if not rule.is_enabled or problem_of(rule):
            return
        after, conflicts = self.arena.places[rule.id], 0
        for event in dict.fromkeys(rule.events):
            for other in self.arena.by_event.get(event, ()):
                if self.arena.places[other.id] <= after or other.events[0] != event:
                    continue
                self.arena.budget = Budget(STEPS_MAX)
                try:
                    if self._implies(other.condition, rule.condition):
                        yield from (each for each in self._reach(other) if rule.id in each.others)
                    elif conflicts < CONFLICTS_MAX and (found := self.conflict(rule, other, event=event)):
                        conflicts += 1
                        yield found
                except NotExamined:
                    continue


_DEAD = frozenset((Code.IMPOSSIBLE, Code.UNREACHABLE, Code.SHADOWED, Code.DUPLICATE))


def _example_json(example: Example) -> dict[str, object]:
    return {"facts": facts_to_json(example.facts), "at": example.at.isoformat()}


def _kinds(effects: Sequence[Effect]) -> list[str]:
    return list(dict.fromkeys(str(effect.kind) for effect in effects))


def _effects_key(rule: Rule) -> frozenset[tuple[str, str]]:
    return frozenset(map(_meaning, rule.effects))


def _contested(first: Rule, second: Rule) -> Effect | None:
    """Return what `second` sets and `first` sets differently."""
    taken = {slot_of(effect): _meaning(effect) for effect in first.effects}
    contested = (each for each in second.effects if taken.get(slot_of(each), _meaning(each)) != _meaning(each))
    return next(contested, None)


def _meaning(effect: Effect) -> tuple[str, str]:
    return str(effect.kind), fold(effect.value)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a condition, the whole without it (None: nothing would be left), and what holds when it counts.

    The last is None where it can't be told, or would say no more than `without`.
    """

    part: Condition
    without: Condition | None
    together: Condition | None


def _parts_of(group: Group, beside: tuple[Condition, ...] = (), *, is_wanted: bool = True) -> Iterator[_Part]:
    """Yield every part, from the outside in; `beside` is what holds together with the group."""
    is_wanted = is_wanted and not isinstance(group, c.NoneOf)
    for place, part in enumerate(group.parts):
        rest = (*group.parts[:place], *group.parts[place + 1 :])
        near = (*beside, *rest) if isinstance(group, All) else beside
        yield _Part(part, _like(group, rest), All((*near, part)) if is_wanted and isinstance(group, Any) else None)
        if not isinstance(part, Test):
            for inner in _parts_of(part, near, is_wanted=is_wanted):
                kept = rest if inner.without is None else (*rest, inner.without)
                yield replace(inner, without=_like(group, kept))


def _like(group: Group, parts: tuple[Condition, ...]) -> Condition | None:
    return replace(group, parts=parts) if parts or isinstance(group, All) else None
