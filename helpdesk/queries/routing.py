"""Why a ticket is where it is: its stored decisions, worked out again rule by rule when somebody asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from helpdesk.models import RoutingDecision, Ticket
from helpdesk.queries.assignment import Ledger, read_ledger
from routing_rules.engine import Effect, Step, explain
from routing_rules.facts import facts_from_json
from routing_rules.models import RuleVersion, load_ruleset

#: A ticket that rules have been at more often than this is a loop, and a page of it would be none.
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that fired, what it did, and what an earlier rule had already settled."""

    rule_id: int
    name: str
    effects: tuple[Effect, ...]
    overridden: tuple[Effect, ...]
    is_stop: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as it was stored. ``ledger`` says between whom the desk chose, None where it was not asked."""

    id: int
    event: str
    at: datetime
    rules_version: int
    fired: tuple[Fired, ...]
    agent: str
    ledger: Ledger | None
    problems: tuple[str, ...]
    depth: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with a step for every rule; none when the rules of then are gone."""

    decided: Decided
    steps: tuple[Step, ...]
    is_gone: bool = False


def decisions_of(ticket: Ticket) -> Sequence[Decided]:
    """What the rules decided about ``ticket``, event by event, oldest first; empty when it was opened without them."""
    rows = ticket.decisions.defer("facts", "spent").order_by("-id")[:LONGEST]
    return [decided(row) for row in reversed(rows)]


def explanation_of(ticket: Ticket, decision_id: int) -> Explanation:
    """One decision about ``ticket`` with every rule that there was. Costs a run of all rules.

    Raises RoutingDecision.DoesNotExist.
    """
    row = ticket.decisions.select_related("message").get(pk=decision_id)
    try:
        ruleset = load_ruleset(number=row.rules_version)
    except RuleVersion.DoesNotExist:
        return Explanation(decided(row), (), is_gone=bool(row.rules_version))
    steps = explain(ruleset, facts_of_decision(row), row.created_at, spent=frozenset(row.spent))
    return Explanation(decided(row), steps)


def facts_of_decision(row: RoutingDecision) -> dict[str, object]:
    """What the rules were told then; the text itself is not stored twice but read from the message."""
    facts = facts_from_json(row.facts, version=row.facts_version)
    if row.message is not None:
        facts["body"] = row.message.text_for_rules
    return facts


def decided(row: RoutingDecision) -> Decided:
    """A stored row as it is shown."""
    return Decided(
        id=row.pk,
        event=row.event,
        at=row.created_at,
        rules_version=row.rules_version,
        fired=tuple(_fired(step) for step in row.fired),
        agent=row.assignment.get("agent", ""),
        ledger=read_ledger(row.assignment, team="") if row.assignment.get("candidates") else None,
        problems=tuple(row.assignment.get("problems", ())),
        depth=row.depth,
    )


def _fired(step: Mapping[str, Any]) -> Fired:
    return Fired(
        rule_id=step["rule_id"],
        name=step["rule_name"],
        effects=_effects(step.get("effects", ())),
        overridden=_effects(step.get("overridden", ())),
        is_stop=bool(step.get("stopped")),
    )


def _effects(stored: Sequence[Mapping[str, str]]) -> tuple[Effect, ...]:
    return tuple(Effect(each["kind"], each["value"]) for each in stored)
