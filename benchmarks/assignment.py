"""How long it takes to choose among 500 agents, with the ledger of it.

Half of them are away, absent, at capacity or lack the language, and they hold 5,000 tickets. Two figures: from the
database to the ledger, as the queue's loop does it for one ticket; and the next ticket of a batch, as the intake does.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from benchmarks.place import Place
from benchmarks.progress import median, p95, say

AGENTS = 500
TICKETS_EACH = 10
ROUNDS = 60


def measure(place: Place) -> dict[str, float | int]:
    place.migrate()
    from django.utils import timezone

    from helpdesk.actions import assignment
    from helpdesk.queries.workload import Staff

    ticket, now = _staffed(), timezone.now()
    alone, batch = [], []
    for _ in range(ROUNDS + 3):
        staff, start = Staff(), time.perf_counter()
        choice = assignment.choose(staff=staff, team=ticket.team, ticket=ticket, now=now)
        alone.append((time.perf_counter() - start) * 1000)
        start = time.perf_counter()
        assignment.choose(staff=staff, team=ticket.team, ticket=ticket, now=now)
        batch.append((time.perf_counter() - start) * 1000)
        if choice.agent is None or len(choice.ledger["candidates"]) != AGENTS:
            raise RuntimeError(f"nobody of {AGENTS} was chosen: {choice.reason}")
    alone, batch = alone[3:], batch[3:]
    say(f"among {AGENTS} agents: median {median(alone)} ms, p95 {p95(alone)} ms; in a batch {median(batch)} ms")
    return {
        f"assignment_ms_{AGENTS}": median(alone),
        f"assignment_p95_ms_{AGENTS}": p95(alone),
        f"assignment_in_batch_ms_{AGENTS}": median(batch),
    }


def _staffed() -> Any:
    """A draft ticket in Finnish in a team of AGENTS members."""
    from django.utils import timezone

    from helpdesk.actions.tickets import draft_ticket
    from helpdesk.models import Absence, Agent, AgentSkill, Channel, Membership, Skill, Team, Ticket

    now = timezone.now()
    team = Team.objects.create(
        slug="crowd", name="Crowd", is_default=True, strategy="weighted", language_need="require", language_level=4
    )
    channel = Channel.objects.create(slug="mail", name="Mail")
    finnish = Skill.objects.create(kind="language", slug="fi", name="Finnish")
    agents = Agent.objects.bulk_create(
        Agent(
            email=f"agent{number}@desk.example",
            name=f"Agent {number}",
            presence="away" if number % 10 == 0 else "available",
            presence_since=now - timedelta(hours=1),
            seen_at=now,
            capacity=TICKETS_EACH if number % 10 == 1 else 20,
        )
        for number in range(AGENTS)
    )
    Membership.objects.bulk_create(
        Membership(team=team, agent=agent, weight=1 + number % 3, turn=float(number % 7))
        for number, agent in enumerate(agents)
    )
    AgentSkill.objects.bulk_create(
        AgentSkill(agent=agent, skill=finnish, level=1 + number % 6) for number, agent in enumerate(agents)
    )
    Absence.objects.bulk_create(
        Absence(agent=agent, begins_on=now.date() - timedelta(days=2), ends_on=now.date() + timedelta(days=5))
        for agent in agents[2::10]
    )
    Ticket.objects.bulk_create(
        Ticket(channel=channel, team=team, owner=agent, subject="Open", created_at=now, last_activity_at=now)
        for agent in agents
        for _ in range(TICKETS_EACH)
    )
    return draft_ticket(channel=channel, team=team, subject="Moi", at=now, language="fi")
