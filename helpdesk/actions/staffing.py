"""Changes of who can take what: how a team shares out, what agents know, when they are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction

from helpdesk.actions import changes
from helpdesk.models import (
    Absence,
    Agent,
    AgentSkill,
    ChannelWeight,
    Membership,
    Organisation,
    Overflow,
    Shift,
    Skill,
    Team,
)

SHARING_FIELDS = (
    "strategy",
    "needs_online",
    "calendar",
    "language_need",
    "language_level",
    "prefers_account_owner",
    "prefers_known_agent",
    "patience_minutes",
    "reassigns_away",
    "away_minutes",
    "reaction_minutes",
)


@dataclass(frozen=True, slots=True)
class OverflowTo:
    """Where tickets go next, and after how many minutes without anybody who can take them."""

    team: Team
    after_minutes: int


@transaction.atomic
def save_sharing(
    *,
    team: Team,
    values: Mapping[str, Any],
    weights: Mapping[int, int],
    overflows: Sequence[OverflowTo],
    by: Agent,
    at: datetime,
) -> None:
    """How ``team`` shares its tickets out: SHARING_FIELDS, the weights of its members by id, where it overflows to."""
    stored = Team.objects.select_for_update().get(pk=team.pk)
    wanted = {name: values[name] for name in SHARING_FIELDS if name in values}
    changed = changes.differences({name: getattr(stored, name) for name in wanted}, wanted)
    for name, value in wanted.items():
        setattr(stored, name, value)
    stored.save(update_fields=list(wanted))
    details = {name: changes.by_name(pair) for name, pair in changed.items()}
    details |= _set_weights(stored, weights) | _set_overflows(stored, overflows)
    if details:
        changes.record(what="team", name=stored.name, change="changed", by=by, at=at, details=details)


def _set_weights(team: Team, weights: Mapping[int, int]) -> dict[str, Any]:
    rows = list(Membership.objects.filter(team=team, agent__in=weights).select_related("agent"))
    moved = [row for row in rows if row.weight != weights[row.agent_id]]
    before = {row.agent.name: row.weight for row in moved}
    for row in moved:
        row.weight = weights[row.agent_id]
    Membership.objects.bulk_update(moved, ["weight"])
    return {"weights": {"from": before, "to": {row.agent.name: row.weight for row in moved}}} if moved else {}


def _set_overflows(team: Team, overflows: Sequence[OverflowTo]) -> dict[str, Any]:
    rows = Overflow.objects.filter(team=team).select_related("to_team")
    before = [f"{row.to_team.name} ({row.after_minutes})" for row in rows]
    after = [f"{each.team.name} ({each.after_minutes})" for each in overflows]
    if before == after:
        return {}
    Overflow.objects.filter(team=team).delete()
    Overflow.objects.bulk_create(
        Overflow(team=team, to_team=each.team, position=place, after_minutes=each.after_minutes)
        for place, each in enumerate(overflows, start=1)
    )
    return {"overflows": {"from": before, "to": after}}


@transaction.atomic
def save_skill(*, kind: str, slug: str, name: str, by: Agent, at: datetime) -> Skill:
    """A new skill; IntegrityError for a word that is taken."""
    skill = Skill.objects.create(kind=kind, slug=slug, name=name)
    changes.record(what="skill", name=name, change="created", by=by, at=at)
    return skill


@transaction.atomic
def delete_skill(*, skill: Skill, by: Agent, at: datetime) -> None:
    """Nobody has it any more. Rules that ask for it find nobody, which the linter tells."""
    changes.record(what="skill", name=skill.name, change="deleted", by=by, at=at)
    skill.delete()


@transaction.atomic
def set_skills(*, agent: Agent, levels: Mapping[int, int], by: Agent, at: datetime) -> None:
    """Make these the skills of ``agent``: level by skill id, 0 for none."""
    before = {row.skill.name: row.level for row in agent.skills.select_related("skill")}
    wanted = {pk: level for pk, level in levels.items() if level}
    AgentSkill.objects.filter(agent=agent).delete()
    AgentSkill.objects.bulk_create(AgentSkill(agent=agent, skill_id=pk, level=level) for pk, level in wanted.items())
    after = {row.skill.name: row.level for row in agent.skills.select_related("skill")}
    if before != after:
        details = {"skills": {"from": before, "to": after}}
        changes.record(what="agent", name=agent.name, change="changed", by=by, at=at, details=details)


@transaction.atomic
def add_absence(
    *,
    agent: Agent,
    begins_on: date,
    ends_on: date,
    cause: str,
    substitute: Agent | None,
    by: Agent,
    at: datetime,
) -> Absence:
    """Whole days, the last included."""
    row = Absence.objects.create(agent=agent, begins_on=begins_on, ends_on=ends_on, cause=cause, substitute=substitute)
    # Why somebody is away stays with the row: the journal outlives it.
    details = {"from": begins_on.isoformat(), "to": ends_on.isoformat(), "by": substitute.name if substitute else ""}
    changes.record(what="agent", name=agent.name, change="absence-added", by=by, at=at, details=details)
    return row


@transaction.atomic
def remove_absence(*, absence: Absence, by: Agent, at: datetime) -> None:
    """It doesn't take place, or is over."""
    details = {"from": absence.begins_on.isoformat(), "to": absence.ends_on.isoformat()}
    changes.record(what="agent", name=absence.agent.name, change="absence-removed", by=by, at=at, details=details)
    absence.delete()


@transaction.atomic
def add_shifts(*, agent: Agent, spans: Sequence[tuple[datetime, datetime]], by: Agent, at: datetime) -> None:
    """When ``agent`` works: one shift, or the same one on several days."""
    Shift.objects.bulk_create(Shift(agent=agent, begins_at=begins, ends_at=ends) for begins, ends in spans)
    details = {"shifts": [[begins.isoformat(), ends.isoformat()] for begins, ends in spans]}
    changes.record(what="agent", name=agent.name, change="shifts-added", by=by, at=at, details=details)


@transaction.atomic
def remove_shift(*, shift: Shift, by: Agent, at: datetime) -> None:
    """It doesn't take place."""
    details = {"shifts": [[shift.begins_at.isoformat(), shift.ends_at.isoformat()]]}
    changes.record(what="agent", name=shift.agent.name, change="shifts-removed", by=by, at=at, details=details)
    shift.delete()


@transaction.atomic
def set_weights_of_channels(*, units: Mapping[str, int], by: Agent, at: datetime) -> None:
    """How many units a ticket of each kind of channel takes."""
    before = dict(ChannelWeight.objects.filter(kind__in=units).values_list("kind", "units"))
    for kind, number in units.items():
        ChannelWeight.objects.update_or_create(kind=kind, defaults={"units": number})
    if changed := changes.differences(before, units):
        changes.record(what="channel", name="", change="weighed", by=by, at=at, details=changed)


@transaction.atomic
def set_account_owner(*, organisation: Organisation, owner: Agent | None, by: Agent, at: datetime) -> None:
    """Who looks after ``organisation`` from now on."""
    before, organisation.account_owner = organisation.account_owner, owner
    if before == owner:
        return
    organisation.save(update_fields=["account_owner"])
    details = {"account_owner": changes.by_name({"from": before, "to": owner})}
    changes.record(what="organisation", name=organisation.name, change="changed", by=by, at=at, details=details)
