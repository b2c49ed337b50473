"""Service policies: changing what is promised, and what such a change does to the clocks that run.

A change counts from the moment it is saved: what clocks have used stays used, and their timelines keep what was
promised before (docs/adr/0015).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from helpdesk.actions import changes
from helpdesk.actions.clocks import bring_to_state
from helpdesk.actions.clockwork import Clockwork, Why, tickets_on
from helpdesk.models import Agent, BusinessCalendar, ClockCause, Organisation, ServicePolicy, State, Team

_LISTED = 20


@dataclass(frozen=True)
class PolicyFields:
    """A policy as people write it. ``targets`` are minutes by kind of clock and priority, as the model keeps them."""

    name: str
    slug: str
    calendar: BusinessCalendar | None
    targets: Mapping[str, Mapping[str, int]]
    warn_percent: int
    pauses_while_waiting: bool
    is_default: bool
    is_active: bool
    teams: Sequence[Team] = ()
    organisations: Sequence[Organisation] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """A ticket that would be due at another time."""

    reference: str
    subject: str
    before: datetime | None
    after: datetime | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change would do to tickets that are due now: how many of ``open`` would be due later, sooner, at no time.

    ``missed`` would be overdue at once. Of each the first are listed.
    """

    open: int
    later: int
    sooner: int
    ended: int
    missed: int
    moved: tuple[Moved, ...]
    overdue: tuple[Moved, ...]


def effect_of(*, policies: Sequence[ServicePolicy], at: datetime) -> Effect:
    """What it would do to running clocks if these policies, changed but not stored, counted from ``at`` on.

    Nothing is written.
    """
    work = _followed(policies, Why(ClockCause.POLICY_CHANGED, at), is_trial=True)
    rows = [(ticket, ticket.due_at, work.due_at(ticket)) for ticket in work.tickets.values()]
    moved = [Moved(row.reference, row.subject, before, after) for row, before, after in rows if before != after]
    overdue = [each for each in moved if each.after and each.after <= at and (not each.before or each.before > at)]
    return Effect(
        open=len(rows),
        later=sum(each.after > each.before for each in moved if each.after and each.before),
        sooner=sum(each.after < each.before for each in moved if each.after and each.before),
        ended=sum(each.after is None for each in moved),
        missed=len(overdue),
        moved=tuple(moved[:_LISTED]),
        overdue=tuple(overdue[:_LISTED]),
    )


def follow(
    *, policies: Sequence[ServicePolicy], cause: ClockCause, detail: str, by: Agent | None, at: datetime
) -> None:
    """Running clocks go by these policies, as they are stored now, from ``at`` on."""
    _followed(policies, Why(cause, at, by=by, detail=detail)).save_with_tickets()


def _followed(policies: Sequence[ServicePolicy], why: Why, *, is_trial: bool = False) -> Clockwork:
    work = Clockwork(tickets_on(policies), policies=policies, is_trial=is_trial)
    for ticket in work.tickets.values():
        work.refit(ticket, why)
        if ticket.state == State.WAITING:  # whether that pauses may be what has changed
            for clock in work.live(ticket):
                bring_to_state(work, ticket, clock, why)
    return work


def apply_fields(*, policy: ServicePolicy, fields: PolicyFields) -> None:
    """Change the row in memory."""
    for name in ("name", "slug", "calendar", "targets", "warn_percent", "pauses_while_waiting", "is_active"):
        setattr(policy, name, getattr(fields, name))
    policy.is_default = fields.is_default


@transaction.atomic
def save_policy(
    *, policy: ServicePolicy | None, fields: PolicyFields, by: Agent | None, at: datetime | None = None
) -> ServicePolicy:
    """Write a policy, and let its running clocks follow. Who it serves by default loses any other policy."""
    at = at or timezone.now()
    row = ServicePolicy.objects.select_for_update().get(pk=policy.pk) if policy is not None else ServicePolicy()
    before = {} if policy is None else _told(row)
    if fields.is_default:
        ServicePolicy.objects.filter(is_default=True).exclude(pk=row.pk).update(is_default=False)
    apply_fields(policy=row, fields=fields)
    row.save()
    _serve(row.teams.all(), fields.teams, row)
    _serve(row.organisations.all(), fields.organisations, row)
    details = changes.differences(before, _told(row))
    if policy is None or details:
        change = "created" if policy is None else "changed"
        changes.record(what="service policy", name=row.name, change=change, by=by, at=at, details=details)
    if policy is not None:
        follow(policies=[row], cause=ClockCause.POLICY_CHANGED, detail=row.name, by=by, at=at)
    return row


def _serve(served: Any, wanted: Iterable[Team | Organisation], policy: ServicePolicy) -> None:
    numbers = {each.pk for each in wanted}
    served.exclude(pk__in=numbers).update(service_policy=None)
    served.model.objects.filter(pk__in=numbers).update(service_policy=policy)


def _told(policy: ServicePolicy) -> dict[str, Any]:
    return {
        "name": policy.name,
        "calendar": str(policy.calendar or ""),
        "targets": policy.targets,
        "warn_percent": policy.warn_percent,
        "pauses_while_waiting": policy.pauses_while_waiting,
        "is_default": policy.is_default,
        "is_active": policy.is_active,
        "teams": sorted(policy.teams.values_list("name", flat=True)),
        "organisations": sorted(policy.organisations.values_list("name", flat=True)),
    }
