"""Reads of agents and teams, for those who manage them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from helpdesk.models import ACTIVE_STATES, Agent, PresenceChoice, Team


@dataclass(frozen=True)
class AgentLine:
    """An agent in the list of people. ``open_tickets`` counts those of theirs that somebody still has work with."""

    agent: Agent
    teams: tuple[str, ...]
    open_tickets: int
    has_password: bool


@dataclass(frozen=True)
class TeamLine:
    """A team in the list of people; ``members`` and ``available`` count active agents."""

    team: Team
    members: int
    available: int
    open_tickets: int


def agents() -> Sequence[AgentLine]:
    """Every agent, active ones first, by name."""
    rows = (
        Agent.objects.order_by("-is_active", "name")
        .prefetch_related("teams")
        .annotate(open_tickets=Count("tickets", filter=Q(tickets__state__in=ACTIVE_STATES)))
    )
    return [
        AgentLine(
            agent=agent,
            teams=tuple(team.name for team in agent.teams.all()),
            open_tickets=agent.open_tickets,
            has_password=agent.has_usable_password(),
        )
        for agent in rows
    ]


def teams() -> Sequence[TeamLine]:
    """Every team, open ones first, by name."""
    tickets = dict(
        Team.objects.filter(tickets__state__in=ACTIVE_STATES)
        .order_by()
        .annotate(number=Count("tickets"))
        .values_list("pk", "number")
    )
    is_active = Q(agents__is_active=True)
    rows = Team.objects.order_by("-is_active", "name").annotate(
        members=Count("agents", filter=is_active),
        available=Count("agents", filter=is_active & Q(agents__presence=PresenceChoice.AVAILABLE)),
    )
    return [
        TeamLine(team=team, members=team.members, available=team.available, open_tickets=tickets.get(team.pk, 0))
        for team in rows
    ]


def handover_from(*, agent: Agent, agent_id: int) -> Agent:
    """Whose tickets ``agent`` may hand over: anybody's for an admin, else their own. Raises Agent.DoesNotExist."""
    whose = Agent.objects.all() if agent.is_admin else Agent.objects.filter(pk=agent.pk)
    return whose.get(pk=agent_id)


def active_agents() -> QuerySet[Agent]:
    """Everybody who may log in, by name."""
    return Agent.objects.filter(is_active=True)


def colleagues_of(agent: Agent) -> QuerySet[Agent]:
    """Active agents who share a team with ``agent``: those who could see their tickets."""
    others = Agent.objects.filter(is_active=True, teams__in=agent.teams.all()).exclude(pk=agent.pk)
    return others.distinct()


def agent_by_id(*, agent_id: int) -> Agent:
    """One agent with teams; raises Agent.DoesNotExist."""
    return Agent.objects.prefetch_related("teams").get(pk=agent_id)
