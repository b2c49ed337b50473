"""Everything that an agent holds goes to others in one step: to a person, into the queues, or shared out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from helpdesk.actions import assignment, changes, promises, tickets
from helpdesk.actions.assignment import Handed
from helpdesk.models import ACTIVE_STATES, Agent, Assignment, Ticket
from helpdesk.models.conditions import OneOf
from helpdesk.queries.workload import Staff


class Way(StrEnum):
    """Where the tickets go."""

    SPREAD = "spread"
    PERSON = "person"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class Step:
    """One ticket and who gets it; None: its team's queue."""

    ticket: Ticket
    to: Agent | None
    ledger: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Share:
    """So many tickets of a team go to one person, or into its queue ('')."""

    team: str
    to: str
    count: int


def held_by(agent: Agent) -> QuerySet[Ticket]:
    """The tickets of ``agent`` that somebody still has work with."""
    rows = Ticket.objects.filter(OneOf("state", ACTIVE_STATES), owner=agent)
    return rows.select_related("team", "owner", "channel", "contact__organisation")


def plan(*, agent: Agent, way: Way, person: Agent | None, now: datetime) -> Sequence[Step]:
    """Who would get which ticket now, the most urgent first; nothing is written.

    A person gets those of their own teams only, since they could not see the others: these wait in their queues.
    """
    held = held_by(agent).order_by("-priority", "id")
    if way is Way.QUEUE:
        return [Step(ticket, None) for ticket in held]
    if way is Way.PERSON:
        theirs = set(person.teams.values_list("pk", flat=True)) if person is not None and person != agent else set()
        return [Step(ticket, person if ticket.team_id in theirs else None) for ticket in held]
    staff, steps = Staff(), []
    for ticket in held:
        choice = assignment.choose(staff=staff, team=ticket.team, ticket=ticket, now=now, had_it=[agent.pk])
        stays = choice.agent is not None and choice.team is not None and choice.team.pk == ticket.team_id
        steps.append(Step(ticket, choice.agent if stays else None, choice.ledger if stays else {}))
    return steps


def shares(steps: Sequence[Step]) -> Sequence[Share]:
    """A plan in figures: by team, then whoever gets most."""
    counts = Counter((step.ticket.team.name, step.to.name if step.to else "") for step in steps)
    ordered = sorted(counts.items(), key=lambda each: (each[0][0], -each[1], each[0][1]))
    return [Share(team, to, count) for (team, to), count in ordered]


@transaction.atomic
def hand_over(*, agent: Agent, way: Way, person: Agent | None, by: Agent | None, at: datetime) -> Sequence[Step]:
    """Carry the plan out, all of it or nothing, with a line in the journal of each ticket."""
    steps = plan(agent=agent, way=way, person=person, now=at)
    _carry_out(steps, by=by, at=at)
    promises.hand_over(agent=agent, by=by, at=at)
    if steps:
        details = {"tickets": len(steps), "to": person.name if way is Way.PERSON and person else way.value}
        changes.record(what="agent", name=agent.name, change="handed-over", by=by, at=at, details=details)
    return steps


@transaction.atomic(savepoint=False)
def release(*, agent: Agent, by: Agent | None, at: datetime, teams: Sequence[int] | None = None) -> int:
    """What ``agent`` holds (in teams of these ids) waits in the queues again; how many tickets that were."""
    held = held_by(agent) if teams is None else held_by(agent).filter(team__in=teams)
    steps = [Step(ticket, None) for ticket in held]
    _carry_out(steps, by=by, at=at)
    promises.hand_over(agent=agent, by=by, at=at, teams=teams)
    return len(steps)


def _carry_out(steps: Sequence[Step], *, by: Agent | None, at: datetime) -> None:
    cause, outcome = Assignment.Cause.HANDED_OVER, Assignment.Outcome.HANDED_OVER
    for step in steps:
        handed = Handed(cause=cause, outcome=outcome, ledger=step.ledger)
        tickets.set_owner(ticket=step.ticket, owner=step.to, by=by, at=at, handed=handed)
