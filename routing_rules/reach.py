"""Which rules take a rule's turn away: examples that the engine itself runs, and a proof when there are none. Pure.

Facts are made that meet a rule's condition, and the engine decides about them. Where another rule stops the run, or
takes what the rule would set, the next facts must not meet that other rule. Either the rule has its way in the end,
which is shown by an example, or no facts are left: then the rules met on the way leave it nothing, for all facts.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from routing_rules import conditions as c
from routing_rules.domains import World
from routing_rules.engine import Decision, Effect, Outcome, Rule, RuleSet, Step, decide, problem_of
from routing_rules.folding import fold
from routing_rules.implication import Budget, Facts, Goal, NotExamined, example
from routing_rules.values import Moment
from routing_rules.vocabulary import EFFECTS, NOW, EffectKind, Event

ROUNDS_MAX = 24
"""Rules that are ruled out one after another before a question counts as not examined."""

_NOBODY = -1


def slot_of(effect: Effect) -> tuple[str, str]:
    """Return what two effects must differ in to both take place."""
    spec = EFFECTS[EffectKind(effect.kind)]
    return (spec.slot or effect.kind, "" if spec.is_single else fold(effect.value))


@dataclass(frozen=True, slots=True)
class Example:
    """Facts, and what the engine decided about them."""

    facts: Facts
    at: dt.datetime
    decision: Decision

    def step_of(self, rule: Rule) -> Step | None:
        """Return what became of the rule, None if it did not fire."""
        fired = (step for step in self.decision.trace if step.outcome is Outcome.FIRED)
        return next((step for step in fired if step.rule_id == rule.id), None)

    def winner_of(self, effect: Effect) -> int | None:
        """Return the rule that has set what `effect` sets."""
        slot = slot_of(effect)
        taken = (each for each in self.decision.effects if slot_of(Effect(each.kind, each.value)) == slot)
        return next((each.rule_id for each in taken), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """An example in which the rule has its way; or None, and the rules that never let it."""

    example: Example | None
    blockers: tuple[Rule, ...] = ()


class Arena:
    """Rules in order, compiled, and the world that they run in. All questions spend from `budget`."""

    def __init__(self, ruleset: RuleSet, *, world: World, now: dt.datetime) -> None:
        self.ruleset = ruleset
        self.world = world
        self.now = now
        self.budget = Budget()
        self.rules: Mapping[int, Rule] = {rule.id: rule for rule in ruleset.rules}
        self.places: Mapping[int, int] = {rule.id: place for place, rule in enumerate(ruleset.rules)}
        self.by_event: dict[str, list[Rule]] = {}
        for rule in ruleset.rules:
            if rule.is_enabled and not problem_of(rule):
                for event in dict.fromkeys(rule.events):
                    self.by_event.setdefault(event, []).append(rule)
        self._given: dict[str, list[Goal]] = {}
        # A rule that has had its turn with a ticket takes nothing away from others; one that waits has one turn a wait.
        self._spent = frozenset(rule.uid for rule in ruleset.rules if rule.once_per_ticket and rule.uid)
        self._waiting = frozenset(rule.uid for rule in ruleset.rules if rule.uid)

    def meets(self, rule: Rule) -> c.Condition:
        """Return when the rule fires, as one condition: its own, and that it is active."""
        parts = [rule.condition]
        if rule.active_from is not None and rule.active_from > self.now:
            parts.append(_moment("after", rule.active_from))
        if rule.active_until is not None:
            parts.append(_moment("before", rule.active_until))
        return c.All(tuple(parts)) if len(parts) > 1 else rule.condition

    def given(self, event: str) -> list[Goal]:
        """Return what is so whenever rules are asked about `event` from now on."""
        if event not in self._given:
            self._given[event] = [(c.Test("event", "is_any_of", [event]), True), (_moment("after", self.now), True)]
        return self._given[event]

    def run(self, goals: Sequence[Goal], event: str, asked: Sequence[Rule]) -> Example | None:
        """Return an example for the goals with the engine's decision, None when there can't be one."""
        found = example([*self.given(event), *goals], world=self.world, near=self.now, budget=self.budget)
        if found is None:
            return None
        facts, at = found
        spent = (self._waiting if event == Event.TIME_PASSED else self._spent) - {rule.uid for rule in asked}
        return Example(facts, at, decide(self.ruleset, facts, at, spent=spent))

    def can_fire(self, rule: Rule, event: str) -> Answer:
        """Return an example in which the rule fires at `event`, or the rules that always stop before it."""

        def rival(each: Example) -> int | None:
            return None if each.step_of(rule) else each.decision.stopped_by or _NOBODY

        return self._seek([(self.meets(rule), True)], event, (rule,), rival)

    def can_set(self, rule: Rule, effect: Effect, event: str) -> Answer:
        """Return an example in which this effect of the rule takes place, or the rules that always keep it from it."""

        def rival(each: Example) -> int | None:
            step = each.step_of(rule)
            if step is None:
                return each.decision.stopped_by or _NOBODY
            winner = each.winner_of(effect)
            return None if effect in step.effects or winner == rule.id else winner

        return self._seek([(self.meets(rule), True)], event, (rule,), rival)

    def can_clash(self, first: Rule, second: Rule, effect: Effect, event: str) -> Answer:
        """Return an example in which the order of two rules decides: `first` has taken what `second` would set."""

        def rival(each: Example) -> int | None:
            step, winner = each.step_of(second), each.winner_of(effect)
            if winner not in (None, first.id):
                return winner
            return None if step is not None and effect in step.overridden else each.decision.stopped_by or _NOBODY

        goals = [(self.meets(first), True), (self.meets(second), True)]
        return self._seek(goals, event, (first, second), rival)

    def _seek(
        self, goals: list[Goal], event: str, asked: Sequence[Rule], rival: Callable[[Example], int | None]
    ) -> Answer:
        """Exclude one rival after another until there is none in an example, or no example is left."""
        rivals: list[Rule] = []
        for _round in range(ROUNDS_MAX):
            found = self.run([*goals, *((self.meets(rule), False) for rule in rivals)], event, asked)
            if found is None:
                return Answer(None, tuple(self._fewest(goals, event, rivals)))
            rule_id = rival(found)
            if rule_id is None:
                return Answer(found)
            by = self.rules.get(rule_id)
            if by is None or by in rivals or by in asked:
                raise NotExamined  # the engine sees it differently: say nothing
            rivals.append(by)
        raise NotExamined

    def _fewest(self, goals: list[Goal], event: str, blockers: list[Rule]) -> list[Rule]:
        """Leave out the rules that the proof does not need, and bring the others into their order."""
        kept = sorted(blockers, key=lambda rule: self.places[rule.id])
        for rule in reversed(list(kept)):
            fewer = [each for each in kept if each is not rule]
            excluded = [(self.meets(each), False) for each in fewer]
            try:
                if (
                    example(
                        [*self.given(event), *goals, *excluded], world=self.world, near=self.now, budget=self.budget
                    )
                    is None
                ):
                    kept = fewer
            except NotExamined:
                continue
        return kept


def _moment(operator: str, at: dt.datetime) -> c.Test:
    return c.Test(NOW, operator, Moment(at=at.astimezone(dt.UTC).replace(tzinfo=None), zone="UTC"))
