"""What other rules would have decided: two rule sets held against each other over the facts of the past. Pure.

Only decisions are compared, one event at a time, each on the facts as they were recorded: what a changed decision would
have led to later is not followed. Where a fact that was not recorded decides, the answer is "can't be told".
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher

from routing_rules.conditions import Condition, tests_of
from routing_rules.engine import Outcome, Rule, RuleSet, compile_rules, decide, problem_of
from routing_rules.folding import fold
from routing_rules.vocabulary import EFFECTS, EffectKind

_WORTH_A_LOOK = 3
"""Asking the touched rules first pays where they are less than this part of all."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that would come out otherwise. `before` and `after` are values of the effect `kind`, '' for none set.

    `is_unknown`: whether it would can't be told, since it hangs on a fact that was not recorded; the values are then
    those that it may have come to.
    """

    kind: str
    before: str
    after: str
    is_unknown: bool = False


@dataclass(slots=True)
class Turns:
    """The uids of the rules that had their one turn with a ticket, by the old rules and by the new ones."""

    old: set[str] = field(default_factory=set)
    new: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Settled:
    """What became of one slot. `doubts`: rules that can't be told and might have settled it before, or stopped."""

    value: str = ""
    doubts: tuple[object, ...] = ()
    likely: str = ""
    """The value, or what it may have come to."""


_NOT_SET = _Settled()
_Slot = tuple[str, str]
_Doubt = tuple[Condition, str, tuple[Condition, ...]]
"""The condition of a rule that can't be told, what it would have set, and which ones might have stopped before it."""


@dataclass(frozen=True, slots=True)
class _Hit:
    """A rule that holds, or of which that can't be told."""

    rule: Rule
    is_unclear: bool


class _Side:
    """One of the two rule sets, without the rules that can't run. `numbers` say which distinct rule each one is."""

    def __init__(self, rules: Sequence[Rule], known: dict[Rule, int]) -> None:
        self.rules = [rule for rule in rules if rule.is_enabled and not problem_of(rule)]
        self.numbers = [known.setdefault(_bare(rule), len(known)) for rule in self.rules]
        self._places: dict[int, list[int]] = {}
        for place, number in enumerate(self.numbers):
            self._places.setdefault(number, []).append(place)

    def hits(self, outcomes: Mapping[int, bool], spent: Set[str]) -> Iterator[_Hit]:
        """Yield the rules that hold or might, in their order, up to one that holds and says stop.

        `outcomes` has the distinct rules that hold, or of which it can't be told.
        """
        for place in sorted(place for number in outcomes for place in self._places.get(number, ())):
            rule, is_unclear = self.rules[place], outcomes[self.numbers[place]]
            if rule.uid in spent:
                continue
            yield _Hit(rule, is_unclear)
            if rule.is_stop and not is_unclear:
                return


class Comparison:
    """Two rule sets, ready to be compared over many facts.

    A decision can only differ where a rule that is new, gone, changed or moved holds, or might. Those are asked first.
    Where one answers, every distinct rule of both is asked once, and the answers are gone through in either order.
    """

    def __init__(self, *, old: Sequence[Rule], new: Sequence[Rule]) -> None:
        known: dict[Rule, int] = {}
        self._old, self._new = _Side(old, known), _Side(new, known)
        distinct = list(known)
        self._once = {rule.uid for side in (self._old, self._new) for rule in side.rules if rule.once_per_ticket}
        touched = sorted(set(self._touched_numbers()))
        self.is_empty = not touched
        self.fields = frozenset(test.field for rule in distinct for test in tests_of(rule.condition))
        # One touched rule that answers is enough. Where most are touched, asking them first would be asking twice.
        is_small = len(touched) * _WORTH_A_LOOK < len(distinct)
        self._touched = _asking([distinct[number] for number in touched], is_stop=True) if is_small else None
        self._everything = _asking(distinct, is_stop=False)

    @property
    def has_turns(self) -> bool:
        """Whether a ticket's events have to be compared in their order: some rules fire once a ticket only."""
        return bool(self._once)

    def changes(
        self,
        *,
        facts: Mapping[str, object],
        now: dt.datetime,
        turns: Turns | None = None,
        spent: Set[str] = frozenset(),
    ) -> tuple[Change, ...]:
        """Return what the new rules would have decided otherwise; `turns` of the ticket are counted on.

        `spent` are the uids that the decision was made without: of rules of one turn a ticket the turns tell instead.
        """
        if self.is_empty or (self._touched is not None and not decide(self._touched, facts, now).trace):
            return ()
        turns = turns or Turns()
        old_spent, new_spent = self.spent(turns, spent)
        trace = decide(self._everything, facts, now).trace
        outcomes = {step.rule_id: step.outcome is not Outcome.FIRED for step in trace}
        before, after = list(self._old.hits(outcomes, old_spent)), list(self._new.hits(outcomes, new_spent))
        _count(turns.old, before)
        _count(turns.new, after)
        return tuple(_differences(_settled(before), _settled(after)))

    def spent(self, turns: Turns, spent: Set[str]) -> tuple[Set[str], Set[str]]:
        """Return the uids that are not to fire again, by the old rules and by the new ones."""
        others = spent - self._once
        return turns.old | others, turns.new | others

    def _touched_numbers(self) -> Iterator[int]:
        """Yield the rules outside one order that both sets have in common, and those whose turns have to be counted."""
        old, new = self._old, self._new
        matcher = SequenceMatcher(None, old.numbers, new.numbers, autojunk=False)
        for kind, first, last, begin, end in matcher.get_opcodes():
            if kind != "equal":
                yield from (*old.numbers[first:last], *new.numbers[begin:end])
        for side in (old, new):
            yield from (number for number, rule in zip(side.numbers, side.rules, strict=True) if rule.once_per_ticket)


def _bare(rule: Rule) -> Rule:
    """The rule without what does not decide."""
    return replace(rule, id=0, uid="", name="", folder="")


def _asking(rules: Sequence[Rule], *, is_stop: bool) -> RuleSet:
    """The rules for their conditions alone; the id of each is its place."""
    return compile_rules([replace(rule, id=place, effects=(), is_stop=is_stop) for place, rule in enumerate(rules)])


def _count(turns: set[str], hits: Sequence[_Hit]) -> None:
    turns.update(hit.rule.uid for hit in hits if hit.rule.once_per_ticket and not hit.is_unclear)


def _settled(hits: Sequence[_Hit]) -> dict[_Slot, _Settled]:
    """Return what each slot came to, with everything that might have made it come out otherwise."""
    settled: dict[_Slot, _Settled] = {}
    doubts: dict[_Slot, list[_Doubt]] = {}
    stops: tuple[Condition, ...] = ()
    for hit in hits:
        rule = hit.rule
        for effect in rule.effects:
            slot = _slot(effect.kind, effect.value)
            if slot not in settled:
                if hit.is_unclear:
                    doubts.setdefault(slot, []).append((rule.condition, effect.value, stops))
                else:
                    settled[slot] = _certain(effect.value, doubts.pop(slot, []), stops)
        if hit.is_unclear and rule.is_stop:
            stops = (*stops, rule.condition)
    return settled | {slot: _Settled("", (*left, stops), left[0][1]) for slot, left in doubts.items()}


def _certain(value: str, doubts: list[_Doubt], stops: tuple[Condition, ...]) -> _Settled:
    """The slot comes to `value`, unless a doubt wanted another one before. One that wanted the same is none."""
    while doubts and fold(doubts[-1][1]) == fold(value) and doubts[-1][2] == stops:
        doubts.pop()
    return _Settled(value, (*doubts, stops) if doubts or stops else (), value)


def _slot(kind: str, value: str) -> _Slot:
    return (kind, "") if EFFECTS[EffectKind(kind)].is_single else (kind, fold(value))


def _differences(before: Mapping[_Slot, _Settled], after: Mapping[_Slot, _Settled]) -> Iterator[Change]:
    for slot in sorted(before.keys() | after.keys()):
        old, new = before.get(slot, _NOT_SET), after.get(slot, _NOT_SET)
        if (fold(old.value), old.doubts) != (fold(new.value), new.doubts):
            yield Change(slot[0], old.likely, new.likely, is_unknown=bool(old.doubts or new.doubts))
