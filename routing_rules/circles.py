"""Rules that set each other off without an end: found by letting them run. Pure: no Django.

The engine decides about an example; what the rules do is done to its facts, and where a rule that may set off others
has changed something, the rules of that event are asked again. When the facts come back to what they were before, or
the limit is reached that the desk has for this, the rules run in a circle.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from routing_rules.engine import Decision, Rule, decide
from routing_rules.folding import fold
from routing_rules.implication import Facts
from routing_rules.reach import Arena
from routing_rules.vocabulary import EffectKind, Event

ROUNDS_MAX = 12
"""Decisions in a row that are looked at; a desk ends it earlier."""

CHANGES: Mapping[str, str] = {
    EffectKind.SET_TEAM: "team",
    EffectKind.SET_AGENT: "owner",
    EffectKind.SET_STATE: "state",
    EffectKind.SET_PRIORITY: "priority",
}
"""The fact that an effect changes."""

TRIGGERS: Mapping[Event, tuple[str, frozenset[str]]] = {
    Event.STATE_CHANGED: ("state", frozenset((EffectKind.SET_STATE,))),
    Event.ASSIGNED: ("owner", frozenset((EffectKind.SET_AGENT,))),
}
"""The fact whose change is an event, and the effects that are asked for it."""


@dataclass(frozen=True, slots=True)
class Circle:
    """Rules that run in turns, beginning with the uppermost, and the facts that it begins with."""

    rules: tuple[Rule, ...]
    facts: Facts


def circle_of(arena: Arena, rule: Rule) -> Circle | None:
    """Return the circle that begins with this rule, if its example leads into one. Raises NotExamined."""
    for event in dict.fromkeys(rule.events):
        found = arena.run([(arena.meets(rule), True)], event, (rule,))
        if found is None or found.step_of(rule) is None:
            continue
        rounds = list(_rounds(arena, found.facts, found.decision))
        if len(rounds) >= ROUNDS_MAX:
            turning = [each for each in dict.fromkeys(rounds[-ROUNDS_MAX // 2 :]) if each.may_trigger]
            return Circle(tuple(sorted(turning, key=lambda each: arena.places[each.id])), found.facts)
    return None


def _rounds(arena: Arena, facts: Facts, decision: Decision) -> Iterator[Rule]:
    """Yield the rule that sets off each next decision, until nothing more is set off or it is enough."""
    at, had = decision.decided_at, set[str]()
    for _round in range(ROUNDS_MAX):
        fired = {arena.rules[effect.rule_id] for effect in decision.effects}
        had |= {rule.uid for rule in fired if rule.once_per_ticket}
        after = _done(facts, decision)
        set_off = _set_off(arena, facts, after, decision)
        if set_off is None:
            return
        event, by = set_off
        yield by
        before = {"state_before": facts.get("state"), "owner_before": facts.get("owner")}
        facts = {**after, **before, "event": event.value, "changed_by": "rule"}
        decision = decide(arena.ruleset, facts, at, spent=had)


def _done(facts: Facts, decision: Decision) -> Facts:
    """Return the facts after what the decision does."""
    after = dict(facts)
    tags = {fold(str(tag)) for tag in _texts(facts.get("tags"))}
    for effect in decision.effects:
        if effect.kind in CHANGES:
            after[CHANGES[effect.kind]] = effect.value
        elif effect.kind == EffectKind.ADD_TAG:
            tags.add(fold(effect.value))
        elif effect.kind == EffectKind.REMOVE_TAG:
            tags.discard(fold(effect.value))
    after["tags"] = frozenset(tags)
    return after


def _texts(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, (set, frozenset, list, tuple)) else ()


def _set_off(arena: Arena, before: Facts, after: Facts, decision: Decision) -> tuple[Event, Rule] | None:
    """Return the event that a rule of this decision has made, if it may, and any rule listens to it."""
    for event, (name, kinds) in TRIGGERS.items():
        if fold(str(before.get(name) or "")) == fold(str(after.get(name) or "")) or event not in arena.by_event:
            continue
        makers = (arena.rules[effect.rule_id] for effect in decision.effects if effect.kind in kinds)
        by = next((rule for rule in makers if rule.may_trigger), None)
        if by is not None:
            return event, by
    return None
