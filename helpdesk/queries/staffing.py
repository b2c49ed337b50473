"""Reads for the pages of teams and agents: who is where, what each can do, when each is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet

from helpdesk.models import Absence, Agent, BusinessCalendar, Organisation, Overflow, Shift, Skill, Team
from helpdesk.queries.people import handover_from
from helpdesk.queries.workload import Staff
from routing_rules.assignment import Candidate


def calendars() -> QuerySet[BusinessCalendar]:
    """What working hours can be chosen from."""
    return BusinessCalendar.objects.order_by("name")


def members_of(team: Team, *, now: datetime) -> Sequence[Candidate]:
    """The active members as the desk sees them when it assigns: presence, load, share; by name."""
    return sorted(Staff().of(team, now=now).members, key=lambda each: each.name)


def overflows_of(team: Team) -> Sequence[Overflow]:
    """Where its tickets go when it has nobody."""
    return list(Overflow.objects.filter(team=team).select_related("to_team"))


@dataclass(frozen=True, slots=True)
class SkillLine:
    """A skill, and how many agents have it."""

    skill: Skill
    holders: int


def skill_lines() -> Sequence[SkillLine]:
    """Every skill, languages first."""
    return [SkillLine(row, row.number) for row in Skill.objects.annotate(number=Count("holders"))]


def skill_by_id(*, skill_id: int) -> Skill:
    """Raises Skill.DoesNotExist."""
    return Skill.objects.get(pk=skill_id)


def levels_of(agent: Agent) -> dict[int, int]:
    """Level by skill id."""
    return dict(agent.skills.values_list("skill", "level"))


def absences_of(agent: Agent, *, now: datetime) -> Sequence[Absence]:
    """Those that are not over."""
    return list(agent.absences.filter(ends_on__gte=now.date()).select_related("substitute"))


def shifts_of(agent: Agent, *, now: datetime) -> Sequence[Shift]:
    """Those that are not over, the next first."""
    return list(agent.shifts.filter(ends_at__gt=now)[:50])


def absence_for(agent: Agent, *, absence_id: int) -> Absence:
    """An absence that ``agent`` may change: their own, for an admin anybody's. Raises Absence.DoesNotExist."""
    rows = Absence.objects.select_related("agent")
    return (rows if agent.is_admin else rows.filter(agent=agent)).get(pk=absence_id)


def absentee_for(agent: Agent, *, agent_id: int) -> Agent:
    """Whose absences ``agent`` may change: their own, for an admin anybody's. Raises Agent.DoesNotExist."""
    return handover_from(agent=agent, agent_id=agent_id)


def shift_by_id(*, shift_id: int) -> Shift:
    """Raises Shift.DoesNotExist."""
    return Shift.objects.select_related("agent").get(pk=shift_id)


def organisation_by_id(*, organisation_id: int) -> Organisation:
    """Raises Organisation.DoesNotExist."""
    return Organisation.objects.select_related("account_owner").get(pk=organisation_id)
