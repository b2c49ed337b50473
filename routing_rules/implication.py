"""Whether conditions can hold together, and whether one holds whenever another does. Pure: no Django.

A tableau: what must hold is taken apart until only tests are left, with a branch for each alternative; a branch whose
tests contradict each other is closed. When all are closed, no facts exist at all: that is a proof. The work is bounded;
where the budget ends the answer is that there is none, never a guess.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from routing_rules.conditions import All, Any, Condition, Test
from routing_rules.domains import World, examples, is_contradiction
from routing_rules.folding import fold
from routing_rules.text_domains import Literal
from routing_rules.vocabulary import NOW

STEPS_MAX = 40_000
"""Comparisons of tests that one question may take; a microsecond or two each."""

EXAMPLES_MAX = 12
"""Closed-looking branches that are tried for an example before giving up on one."""

Goal = tuple[Condition, bool]
"""A condition, and whether it is to hold."""

Facts = dict[str, object]


class NotExamined(Exception):
    """The question is too big: the budget ended before there was an answer."""


@dataclass(slots=True)
class Budget:
    """Steps that are left; `spend` raises NotExamined when there are none."""

    steps: int = STEPS_MAX

    def spend(self, steps: int) -> None:
        """Take steps."""
        self.steps -= steps
        if self.steps < 0:
            raise NotExamined


@dataclass(slots=True)
class _Branch:
    """Tests that are settled, by field, and alternatives that are open."""

    world: World
    budget: Budget
    settled: dict[str, tuple[Literal, ...]] = field(default_factory=dict)
    open: list[tuple[Goal, ...]] = field(default_factory=list)

    def copy(self) -> "_Branch":
        return _Branch(self.world, self.budget, dict(self.settled), list(self.open))

    def take(self, goal: Goal) -> bool:
        """Add a goal; False when the branch closes."""
        condition, sign = goal
        if isinstance(condition, Test):
            return self._settle((condition, sign))
        parts_sign = sign if isinstance(condition, (All, Any)) else not sign
        is_every = not sign if isinstance(condition, Any) else sign
        if is_every:
            return all(self.take((part, parts_sign)) for part in condition.parts)
        if len(condition.parts) == 1:
            return self.take((condition.parts[0], parts_sign))
        self.open.append(tuple((part, parts_sign) for part in condition.parts))
        return bool(condition.parts)

    def _settle(self, literal: Literal) -> bool:
        name = literal[0].field
        known = self.settled.get(name, ())
        if literal in known:
            return True
        literals = (*known, literal)
        if self._is_closed(name, literals):
            return False
        self.settled[name] = literals
        return True

    def _is_closed(self, name: str, literals: tuple[Literal, ...]) -> bool:
        self.budget.spend(len(literals))
        return is_contradiction(name, literals, self.world)

    def allows(self, goal: Goal) -> bool:
        """Tell whether a goal that is a lone test still fits."""
        condition, sign = goal
        if not isinstance(condition, Test):
            return True
        known = self.settled.get(condition.field, ())
        return not self._is_closed(condition.field, (*known, (condition, sign)))

    def has(self, goal: Goal) -> bool:
        """Tell whether a goal is a test that is settled already."""
        condition, sign = goal
        return isinstance(condition, Test) and (condition, sign) in self.settled.get(condition.field, ())


def branches(goals: Sequence[Goal], world: World, budget: Budget) -> Iterator[Mapping[str, tuple[Literal, ...]]]:
    """Yield sets of tests, by field, each of which makes all goals hold and shows no contradiction.

    None at all: the goals can't hold together. Raises NotExamined when the budget ends.
    """
    first = _Branch(world, budget)
    if all(first.take(goal) for goal in goals):
        yield from _grow(first)


def _grow(branch: _Branch) -> Iterator[Mapping[str, tuple[Literal, ...]]]:
    while branch.open:
        alternatives = _next(branch)
        if alternatives is None:
            continue  # answered already
        for goal in alternatives[:-1]:
            other = branch.copy()
            if other.take(goal):
                yield from _grow(other)
        if not alternatives or not branch.take(alternatives[-1]):
            return
    yield branch.settled


def _next(branch: _Branch) -> list[Goal] | None:
    """Take out the open question with the fewest answers left, and return those; None when it is answered already."""
    best: tuple[int, list[Goal]] = 0, []
    for place, question in enumerate(branch.open):
        branch.budget.spend(1)
        if any(branch.has(goal) for goal in question):
            branch.open.pop(place)
            return None
        left = [goal for goal in question if branch.allows(goal)]
        if place == 0 or len(left) < len(best[1]):
            best = place, left
        if len(left) <= 1:
            break
    branch.open.pop(best[0])
    return best[1]


def can_hold(goals: Sequence[Goal], *, world: World, budget: Budget | None = None) -> bool:
    """Tell whether the goals may hold together; False is proved. Raises NotExamined."""
    return next(branches(goals, world, budget or Budget()), None) is not None


def implies(left: Condition, right: Condition, *, world: World, budget: Budget | None = None) -> bool:
    """Tell whether `right` holds whenever `left` does; True is proved. Raises NotExamined."""
    return not can_hold([(left, True), (right, False)], world=world, budget=budget)


def example(
    goals: Sequence[Goal], *, world: World, near: dt.datetime, budget: Budget | None = None
) -> tuple[Facts, dt.datetime] | None:
    """Return facts and a moment that make the goals hold, None when they can't: that is proved.

    Raises NotExamined when the budget ends, or when nothing contradicts and yet no facts come to mind.
    """
    is_possible = False
    for number, settled in enumerate(branches(goals, world, budget or Budget())):
        is_possible = True
        found = _facts_of(settled, world, near)
        if found is not None:
            return found
        if number >= EXAMPLES_MAX:
            break
    if is_possible:
        raise NotExamined
    return None


def _facts_of(
    settled: Mapping[str, tuple[Literal, ...]], world: World, near: dt.datetime
) -> tuple[Facts, dt.datetime] | None:
    facts: Facts = {}
    at = near
    # Fields that settle others come first; the moment before the time of arrival.
    order = sorted(settled, key=lambda name: (name != NOW, name != "channel", name != "sender_domain", name))
    for name in order:
        literals = [*settled[name], *_settled_elsewhere(name, facts, world)]
        value = next((each for each in examples(name, literals, world, near=at) if _fits(name, each, facts)), _NONE)
        if value is _NONE:
            return None
        if name == NOW and isinstance(value, dt.datetime):
            at = value
        else:
            facts[name] = value
    return facts, at


_NONE = object()


def _settled_elsewhere(name: str, facts: Facts, world: World) -> list[Literal]:
    """Return what other facts say of this one, as tests."""
    if name == "sender" and facts.get("sender_domain"):
        return [(Test("sender", "ends_with", f"@{facts['sender_domain']}"), True)]
    for other, value in facts.items():
        settled = world.settled.get((other, fold(str(value))), {})
        if name in settled:
            return [(Test(name, "is_any_of", [settled[name]]), True)]
    return []


def _fits(name: str, value: object, facts: Facts) -> bool:
    """Tell whether a value agrees with what another fact says of it."""
    if name != "sender" or "sender_domain" not in facts:
        return True
    return fold(str(value or "")).rpartition("@")[2] == fold(str(facts["sender_domain"] or ""))
