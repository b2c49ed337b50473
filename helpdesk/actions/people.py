"""Changes of agents: who they are, what they may do, which teams they are in, and what they choose for themselves."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.utils import timezone

from helpdesk.actions import changes, handover, portraits
from helpdesk.models import Agent, Membership, Role, Team


class LastAdmin(ValueError):
    """The desk would be left without an active admin, and nobody could undo that in the console."""


class InvitationTokens(PasswordResetTokenGenerator):
    """Tokens of set-password links; they end when a password is set and after settings.PASSWORD_RESET_TIMEOUT."""

    key_salt = "luotsi.invitation"


invitation_tokens = InvitationTokens()

#: What an admin may change of an agent, and what each agent may change of their own.
ADMIN_FIELDS = ("name", "email", "role", "is_active", "presence", "capacity", "channel_limits", "hours", "calendar")
OWN_FIELDS = ("name", "language", "time_zone", "theme", "has_single_keys", "signature")


@transaction.atomic
def invite(
    *,
    email: str,
    name: str,
    role: str,
    teams: Collection[Team],
    language: str,
    by: Agent | None,
    at: datetime | None = None,
) -> Agent:
    """Make an agent without a password; ``invitation_token`` lets them set one. IntegrityError for a known address."""
    agent = Agent.objects.create_user(email=email, password=None, name=name, role=role, language=language)
    Membership.objects.bulk_create([Membership(agent=agent, team=team) for team in teams])
    details = {"role": role, "teams": sorted(team.name for team in teams)}
    changes.record(what="agent", name=name, change="created", by=by, at=at or timezone.now(), details=details)
    return agent


def invitation_token(*, agent: Agent) -> str:
    """The secret part of a link by which ``agent`` sets a password, once."""
    return invitation_tokens.make_token(agent)


def is_invitation(*, agent: Agent, token: str) -> bool:
    """Does ``token`` open the set-password page of this agent now?"""
    return agent.is_active and invitation_tokens.check_token(agent, token)


@transaction.atomic
def set_password(*, agent: Agent, password: str, by: Agent, at: datetime | None = None) -> None:
    """Give ``agent`` a new password; every session of theirs but the caller's own ends."""
    agent.set_password(password)
    agent.save(update_fields=["password"])
    changes.record(what="agent", name=agent.name, change="password-set", by=by, at=at or timezone.now())


@transaction.atomic
def update_agent(
    *,
    agent: Agent,
    values: Mapping[str, Any],
    teams: Collection[Team] | None,
    by: Agent | None,
    at: datetime | None = None,
) -> Agent:
    """Change an agent as an admin does; ``teams`` None leaves the memberships alone.

    Raises LastAdmin when it would take the role or the access of the last active admin. What somebody holds who may no
    longer log in, or in a team that they leave, goes back into the queues.
    """
    return _update(
        agent=agent, values={name: values[name] for name in ADMIN_FIELDS if name in values}, teams=teams, by=by, at=at
    )


@transaction.atomic
def update_profile(*, agent: Agent, values: Mapping[str, Any], at: datetime | None = None) -> Agent:
    """Change what agents decide for themselves: language, zone, theme, keys, signature, availability."""
    own = {name: values[name] for name in OWN_FIELDS if name in values}
    return _update(agent=agent, values=own, teams=None, by=agent, at=at)


def _update(
    *, agent: Agent, values: Mapping[str, Any], teams: Collection[Team] | None, by: Agent | None, at: datetime | None
) -> Agent:
    stored = Agent.objects.select_for_update().get(pk=agent.pk)
    changed = changes.differences({name: getattr(stored, name) for name in values}, values)
    if "role" in changed or "is_active" in changed:
        _require_another_admin(stored, values)
    for name, value in values.items():
        setattr(stored, name, value)
    at = at or timezone.now()
    if "presence" in changed:
        stored.presence_since = at
    if changed:
        stored.save(update_fields=[*changed, "presence_since"])
    if changed.get("is_active", {}).get("to") is False:
        handover.release(agent=stored, by=by, at=at)
        portraits.remove(agent=stored, by=by, at=at)
    if teams is not None:
        changed |= _set_teams(stored, teams, by=by, at=at)
    if changed:
        details = {name: changes.by_name(pair) for name, pair in changed.items()}
        changes.record(what="agent", name=stored.name, change="changed", by=by, at=at, details=details)
    return stored


def _require_another_admin(agent: Agent, values: Mapping[str, Any]) -> None:
    stays_admin = values.get("role", agent.role) == Role.ADMIN and values.get("is_active", agent.is_active)
    if stays_admin or not (agent.is_admin and agent.is_active):
        return
    # Locked, so that two admins who step down at the same moment can't both succeed.
    others = Agent.objects.select_for_update().filter(role=Role.ADMIN, is_active=True).exclude(pk=agent.pk)
    if not list(others):
        raise LastAdmin("the desk needs an active admin")


def _set_teams(agent: Agent, teams: Collection[Team], *, by: Agent | None, at: datetime) -> dict[str, Any]:
    """Make the memberships these; the change by name, empty when there is none."""
    before = {team.pk: team.name for team in agent.teams.all()}
    after = {team.pk: team.name for team in teams}
    if before.keys() == after.keys():
        return {}
    handover.release(agent=agent, by=by, at=at, teams=[pk for pk in before if pk not in after])
    Membership.objects.filter(agent=agent).exclude(team__in=after).delete()
    Membership.objects.bulk_create([Membership(agent=agent, team_id=pk) for pk in after if pk not in before])
    return {"teams": {"from": sorted(before.values()), "to": sorted(after.values())}}
