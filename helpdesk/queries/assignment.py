"""The assignment ledger as it was stored: who got a ticket, between whom, and why the others did not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from helpdesk.models import Assignment, QueuePlace, Skill, Ticket

#: Levels of a language, by number (Common European Framework).
CEFR = ("", "A1", "A2", "B1", "B2", "C1", "C2")


@dataclass(frozen=True, slots=True)
class Contender:
    """A member of the team at that moment; ``excluded`` is '' for who could take it, else routing_rules' code."""

    name: str
    load: int
    capacity: int
    excluded: str
    values: Mapping[str, Any]
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """One choice of the desk. ``passed`` are the teams before it that had nobody; ``tied`` names those ranked alike."""

    team: str
    reason: str
    strategy: str
    tie_break: str
    tied: tuple[str, ...]
    stands_in_for: str
    waits_for: str
    waits_until: datetime | None
    contenders: tuple[Contender, ...]
    passed: tuple["Ledger", ...]


@dataclass(frozen=True, slots=True)
class Holding:
    """Somebody's time with the ticket; ``ledger`` is None when a person gave it to them."""

    agent: str
    team: str
    cause: str
    at: datetime
    ended_at: datetime | None
    outcome: str
    ledger: Ledger | None


@dataclass(frozen=True, slots=True)
class Books:
    """All that is known of who had a ticket: the present holder, the earlier ones (newest first), or why nobody."""

    present: Holding | None
    earlier: tuple[Holding, ...]
    waits: Ledger | None
    waits_since: datetime | None


@dataclass(frozen=True, slots=True)
class SkillName:
    """How a skill is called; a level of a language has a name of its own."""

    name: str
    is_language: bool

    def level(self, number: int) -> str:
        """'B2' of a language, '3' of anything else."""
        return CEFR[number] if self.is_language and 0 < number < len(CEFR) else str(number)


def books_of(ticket: Ticket) -> Books:
    """Who has had ``ticket``, and who waits for it; two small queries."""
    rows = ticket.assignments.select_related("agent", "team", "decision").order_by("-id")[:20]
    holdings = [_holding(row) for row in rows]
    place = QueuePlace.objects.filter(pk=ticket.pk).first() if ticket.owner_id is None else None
    present = holdings[0] if holdings and holdings[0].ended_at is None else None
    return Books(
        present=present,
        earlier=tuple(holdings[1:] if present else holdings),
        waits=read_ledger(place.ledger, team=ticket.team.name) if place is not None and place.ledger else None,
        waits_since=place.since if place is not None else None,
    )


def skill_names() -> dict[str, SkillName]:
    """Every skill by the word that ledgers and rules use."""
    rows = Skill.objects.values_list("slug", "name", "kind")
    return {slug: SkillName(name, kind == Skill.Kind.LANGUAGE) for slug, name, kind in rows}


def _holding(row: Assignment) -> Holding:
    stored = row.decision.assignment if row.decision is not None else row.ledger
    return Holding(
        agent=row.agent.name,
        team=row.team.name,
        cause=row.cause,
        at=row.at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        ledger=read_ledger(stored, team=row.team.name) if stored else None,
    )


def read_ledger(stored: Mapping[str, Any], *, team: str) -> Ledger:
    """What `routing_rules.ledger` wrote, in names; ledgers of an older desk have fewer fields."""
    names = {each.get("agent_id"): each["name"] for each in stored.get("candidates", ())}
    until = stored.get("waits_until")
    return Ledger(
        team=stored.get("team", team),
        reason=stored.get("reason", ""),
        strategy=stored.get("policy", {}).get("strategy", ""),
        tie_break=stored.get("tie_break", ""),
        tied=tuple(names.get(number, "") for number in stored.get("tied", ())),
        stands_in_for=stored.get("for", ""),
        waits_for=stored.get("waits_for", ""),
        waits_until=datetime.fromisoformat(until) if until else None,
        contenders=tuple(_contender(each, stored.get("agent", "")) for each in stored.get("candidates", ())),
        passed=tuple(read_ledger(each, team="") for each in stored.get("passed", ())),
    )


def _contender(stored: Mapping[str, Any], chosen: str) -> Contender:
    return Contender(
        name=stored["name"],
        load=stored["load"],
        capacity=stored["capacity"],
        excluded=stored.get("excluded", ""),
        values=stored.get("values", {}),
        is_chosen=stored["name"] == chosen,
    )
