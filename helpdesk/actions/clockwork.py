"""How service clocks are wound: in memory for many tickets at once, and stored with a few statements.

`actions.clocks` says when; here is how. What a clock has used is settled whenever anything about it changes, so that
what ran by one calendar or target is never counted again by another (docs/adr/0015).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection
from django.db.models import OuterRef, Subquery

from helpdesk.business_time import NeverOpen, add_open_time
from helpdesk.models import (
    Agent,
    CalendarVersion,
    ClockCause,
    ClockChange,
    ClockKind,
    ClockState,
    Priority,
    ServiceClock,
    ServicePolicy,
    Ticket,
)
from helpdesk.models.calendars import hours_of
from helpdesk.queries.service import with_versions

_STORED = (
    "state", "policy", "calendar_version", "target", "warn_percent", "used", "counted_at", "ended_at", "due_at",
    "event_at", "warned_at", "breached_at", "announced_at", "changed_at", "round",
)  # fmt: skip
_BATCH = 500
#: SQLite takes 32,766 values in a statement.
_ASKED = 10_000
_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Why:
    """What has changed clocks: the cause, when, who did it, and which state, priority, policy or calendar it was."""

    cause: ClockCause
    at: datetime
    by: Agent | None = None
    detail: str = ""


class Clockwork:
    """The clocks of some tickets, and what is to be stored of them. ``save`` once, at the end.

    Tickets without a policy are left out and cost nothing. Nobody else changes the clocks of these meanwhile, since
    whoever does holds the ticket's lock: in the order of tickets, and before any other lock. Of ``policies`` those
    given are taken as they are, whatever the database says: that is how a change is tried, which takes no lock.
    """

    def __init__(
        self, tickets: Iterable[Ticket], *, policies: Iterable[ServicePolicy] = (), is_trial: bool = False
    ) -> None:
        self.tickets = {ticket.pk: ticket for ticket in tickets if ticket.service_policy_id is not None}
        self._changes: list[ClockChange] = []
        self._changed: dict[int, ServiceClock] = {}
        self._created: list[ServiceClock] = []
        self._policies = _known_policies(self.tickets.values()) | {policy.pk: policy for policy in policies}
        self._policies |= _stored_policies({t.service_policy_id for t in self.tickets.values()} - self._policies.keys())
        if not is_trial:
            lock(self.tickets)
        self._clocks = _stored_clocks(self.tickets)

    def has(self, ticket: Ticket) -> bool:
        """Whether anything is promised for ``ticket``."""
        return ticket.pk in self.tickets

    def of(self, ticket: Ticket, *kinds: ClockKind) -> list[ServiceClock]:
        """Its clocks, oldest first."""
        return [clock for clock in self._clocks[ticket.pk] if not kinds or clock.kind in kinds]

    def live(self, ticket: Ticket, *kinds: ClockKind) -> list[ServiceClock]:
        """Those that may still miss their target."""
        return [clock for clock in self.of(ticket, *kinds) if clock.is_live]

    def policy(self, ticket: Ticket) -> ServicePolicy | None:
        """What is promised for ``ticket``."""
        return self._policies.get(ticket.service_policy_id)

    def target(self, ticket: Ticket, kind: str) -> timedelta | None:
        """What is promised for ``kind`` at the ticket's priority; None: nothing."""
        policy = self.policy(ticket)
        return policy.target(kind, Priority(ticket.priority).slug) if policy is not None else None

    def start(self, ticket: Ticket, kind: ClockKind, why: Why) -> None:
        """A new clock, running; none where nothing is promised, or one is live."""
        policy, target = self.policy(ticket), self.target(ticket, kind)
        if policy is None or target is None or self.live(ticket, kind):
            return
        clock = ServiceClock(ticket=ticket, kind=kind, started_at=why.at, changed_at=why.at)
        _adopt(clock, policy, target)
        self._clocks[ticket.pk].append(clock)
        self._created.append(clock)
        self.run(clock, why)

    def run(self, clock: ServiceClock, why: Why) -> None:
        """Run from now on, with what is used already, by what the ticket's policy promises now."""
        _settle(clock, why.at)
        policy, target = self.policy(clock.ticket), self.target(clock.ticket, clock.kind)
        if policy is not None and target is not None:
            _adopt(clock, policy, target)
        clock.state, clock.ended_at = ClockState.RUNNING, None
        clock.counted_at = max(why.at, clock.changed_at)
        _foresee(clock)
        self._note(clock, why)

    def halt(self, clock: ServiceClock, state: ClockState, why: Why) -> None:
        """Pause or end; what was used is settled. A breach that wasn't announced yet still is when it only pauses."""
        _settle(clock, why.at)
        clock.state, clock.counted_at, clock.due_at = state, None, None
        is_paused = state == ClockState.PAUSED
        clock.ended_at = None if is_paused else max(why.at, clock.changed_at)
        clock.event_at = clock.breached_at if is_paused and clock.announced_at is None else None
        self._note(clock, why)

    def refit(self, ticket: Ticket, why: Why) -> None:
        """Give the live clocks the target and the calendar that are the ticket's now, from now on."""
        policy = self.policy(ticket)
        for clock in self.live(ticket):
            target = self.target(ticket, clock.kind)
            if policy is None or target is None:
                self.halt(clock, ClockState.DROPPED, why)
            elif clock.state == ClockState.RUNNING and _differs(clock, policy, target):
                self.run(clock, why)

    def _note(self, clock: ServiceClock, why: Why) -> None:
        clock.changed_at = max(why.at, clock.changed_at)
        if clock.pk is not None:
            self._changed[clock.pk] = clock
        self._changes.append(change_of(clock, why))

    def save(self) -> None:
        """Store clocks and changes, and set ``due_at`` of their tickets without storing it."""
        if not self._changes:
            return
        ServiceClock.objects.bulk_create(self._created, batch_size=_BATCH)
        # Not bulk_update, whose statement takes a hundred times as long to make.
        ServiceClock.objects.bulk_create(
            self._changed.values(),
            batch_size=_BATCH,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=_STORED,
        )
        ClockChange.objects.bulk_create(self._changes, batch_size=_BATCH)
        for ticket in self.tickets.values():
            ticket.due_at = self.due_at(ticket)

    def save_with_tickets(self) -> None:
        """Store ``due_at`` of the tickets as well."""
        before = {ticket.pk: ticket.due_at for ticket in self.tickets.values()}
        self.save()
        changed = iter([number for number, ticket in self.tickets.items() if ticket.due_at != before[number]])
        due = ServiceClock.objects.filter(ticket=OuterRef("pk"), due_at__isnull=False).order_by("due_at")
        while some := list(islice(changed, _ASKED)):
            Ticket.objects.filter(pk__in=some).update(due_at=Subquery(due.values("due_at")[:1]))

    def due_at(self, ticket: Ticket) -> datetime | None:
        """When the first of its clocks is due."""
        return min((clock.due_at for clock in self._clocks[ticket.pk] if clock.due_at is not None), default=None)


def change_of(clock: ServiceClock, why: Why) -> ClockChange:
    """The line of a clock's history for how it stands now, not stored."""
    return ClockChange(
        clock=clock,
        at=max(why.at, clock.changed_at),
        state=clock.state,
        cause=why.cause,
        detail=why.detail[:80],
        agent=why.by,
        policy_name=clock.policy.name if clock.policy is not None else "",
        target=clock.target,
        calendar_version=clock.calendar_version,
        round=clock.round,
    )


def _known_policies(tickets: Iterable[Ticket]) -> dict[int | None, ServicePolicy]:
    """Those that the tickets bring along, as new ones do."""
    link = Ticket._meta.get_field("service_policy")
    found = (ticket.service_policy for ticket in tickets if link.is_cached(ticket))
    return {policy.pk: policy for policy in found if policy is not None}


def _stored_policies(numbers: Iterable[int | None]) -> dict[int | None, ServicePolicy]:
    wanted = [number for number in numbers if number is not None]
    if not wanted:
        return {}
    return {row.pk: row for row in ServicePolicy.objects.select_related("calendar__current").filter(pk__in=wanted)}


def lock(numbers: Collection[int]) -> None:
    """Let nobody else change these tickets until the transaction ends; SQLite has one writer anyway."""
    if numbers and connection.features.has_select_for_update:
        rows = Ticket.objects.select_for_update(of=("self",)).filter(pk__in=numbers)
        list(rows.order_by("pk").values_list("pk"))


def _stored_clocks(tickets: dict[int, Ticket]) -> dict[int, list[ServiceClock]]:
    found: dict[int, list[ServiceClock]] = defaultdict(list)
    numbers = iter(tickets)
    clocks: list[ServiceClock] = []
    while some := list(islice(numbers, _ASKED)):
        rows = ServiceClock.objects.select_related("policy")
        clocks += rows.filter(ticket__in=some).order_by("pk")
    for clock in with_versions(clocks):
        clock.ticket = tickets[clock.ticket_id]
        found[clock.ticket_id].append(clock)
    return found


def _version_of(policy: ServicePolicy) -> CalendarVersion | None:
    return policy.calendar.current if policy.calendar is not None else None


def _adopt(clock: ServiceClock, policy: ServicePolicy, target: timedelta) -> None:
    """Run by what the policy promises; where that leaves time again, what was missed or near may be announced again."""
    clock.policy, clock.target, clock.warn_percent = policy, target, policy.warn_percent
    clock.calendar_version = _version_of(policy)
    is_early = clock.warned_at is not None and clock.used < _warning(clock)
    if is_early or (clock.breached_at is not None and clock.used < target):
        clock.round += 1
        clock.warned_at = clock.breached_at = clock.announced_at = None


def _differs(clock: ServiceClock, policy: ServicePolicy, target: timedelta) -> bool:
    promised = (policy.pk, target, policy.warn_percent)
    return promised != (clock.policy_id, clock.target, clock.warn_percent) or (
        clock.calendar_version != _version_of(policy)
    )


def _settle(clock: ServiceClock, at: datetime) -> None:
    """Count what it ran until ``at``."""
    if clock.counted_at is None:
        return
    clock.used, clock.counted_at = clock.used_at(at), max(at, clock.counted_at)
    if clock.used > clock.target and clock.breached_at is None:
        clock.breached_at = clock.due_at


def _warning(clock: ServiceClock) -> timedelta:
    return clock.target * clock.warn_percent / _PERCENT


def _foresee(clock: ServiceClock) -> None:
    """When a running clock is due, and when there is something to announce."""
    clock.due_at, clock.event_at = clock.breached_at, None
    if clock.due_at is None:
        clock.due_at = _after(clock, clock.target)
    if clock.announced_at is not None:
        return
    is_to_warn = clock.warn_percent and clock.warned_at is None and clock.breached_at is None
    clock.event_at = _after(clock, _warning(clock)) if is_to_warn else clock.due_at


def _after(clock: ServiceClock, amount: timedelta) -> datetime | None:
    """When ``amount`` will be used; None: never, since the calendar doesn't open any more."""
    if clock.counted_at is None:
        return None
    try:
        return add_open_time(hours_of(clock.calendar_version), clock.counted_at, amount - clock.used)
    except NeverOpen:
        return None


def tickets_on(policies: Iterable[ServicePolicy]) -> Iterator[Ticket]:
    """The tickets on which clocks of these policies are live."""
    numbers = [policy.pk for policy in policies]
    live = ServiceClock.objects.filter(policy__in=numbers, state__in=["running", "paused"])
    return iter(Ticket.objects.filter(pk__in=live.values("ticket")).order_by("pk"))
