"""Service clocks start, pause, run on and end with what happens to their tickets (docs/adr/0015).

First reply: from the customer's first message to our first answer. Next reply: from a message that nobody has answered
to our answer. Resolution: from the first message until the ticket is settled, and on when it opens again. Spam, mail
of machines, old mail and joined tickets run no clock. A ticket without a policy costs no statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from helpdesk.actions.clockwork import Clockwork, Why, change_of
from helpdesk.actions.journal import record
from helpdesk.models import (
    OVER_STATES,
    Agent,
    ClockCause,
    ClockChange,
    ClockKind,
    ClockState,
    Entry,
    Priority,
    ServiceClock,
    ServicePolicy,
    State,
    Ticket,
)

_REPLIES = (ClockKind.FIRST_REPLY, ClockKind.NEXT_REPLY)


@dataclass(frozen=True, slots=True)
class Said:
    """A customer wrote and a person is to answer, or an agent answered (``is_answer``)."""

    ticket: Ticket
    at: datetime
    is_answer: bool
    by: Agent | None = None


def note_said(*, said: Sequence[Said]) -> bool:
    """What was said, in its order: a customer's message makes us owe a reply, an answer ends that.

    Returns whether ``due_at`` of a ticket may have changed, which the caller stores.
    """
    work = Clockwork(each.ticket for each in said)
    for each in said:
        ticket = each.ticket
        if not work.has(ticket):
            continue
        if each.is_answer:
            for clock in work.live(ticket, *_REPLIES):
                work.halt(clock, ClockState.DONE, Why(ClockCause.REPLIED, each.at, by=each.by))
        elif ticket.state != State.SPAM and ticket.merged_into_id is None:
            _owe_a_reply(work, ticket, Why(ClockCause.CUSTOMER_WROTE, each.at))
    work.save()
    return bool(work.tickets)


def _owe_a_reply(work: Clockwork, ticket: Ticket, why: Why) -> None:
    if not work.of(ticket, ClockKind.RESOLUTION):
        work.start(ticket, ClockKind.RESOLUTION, why)
    first = work.of(ticket, ClockKind.FIRST_REPLY)
    if ticket.first_reply_at is not None or any(clock.state == ClockState.DONE for clock in first):
        work.start(ticket, ClockKind.NEXT_REPLY, why)
    elif not first or ticket.is_active:  # of a settled ticket the first one comes back when it opens again
        work.start(ticket, ClockKind.FIRST_REPLY, why)


def reply_undone(*, ticket: Ticket, sent_at: datetime, by: Agent, at: datetime) -> None:
    """The answer of ``sent_at`` never left: what it ended runs on."""
    work = Clockwork([ticket])
    for clock in work.of(ticket, *_REPLIES):
        if (
            clock.state == ClockState.DONE
            and clock.ended_at == sent_at
            and not work.live(ticket, ClockKind(clock.kind))
        ):
            bring_to_state(work, ticket, clock, Why(ClockCause.REPLY_UNDONE, at, by=by))
    work.save_with_tickets()


def message_left(*, ticket: Ticket, by: Agent, at: datetime) -> None:
    """The message that a reply was owed for belongs to another ticket now."""
    work = Clockwork([ticket])
    for clock in work.live(ticket, *_REPLIES):
        work.halt(clock, ClockState.DROPPED, Why(ClockCause.MOVED, at, by=by))
    work.save_with_tickets()


def message_came(*, ticket: Ticket, written_at: datetime) -> None:
    """A customer's message that nobody has answered came from another ticket: a reply is owed since it was written."""
    work = Clockwork([ticket])
    if work.has(ticket) and ticket.is_active:
        _owe_a_reply(work, ticket, Why(ClockCause.CUSTOMER_WROTE, written_at))
    work.save_with_tickets()


def state_changed(*, ticket: Ticket, by: Agent | None, at: datetime) -> None:
    """The ticket is in another state now: clocks pause, run on or end with it."""
    work = Clockwork([ticket])
    why = Why(ClockCause.STATE, at, by=by, detail=ticket.state)
    if ticket.state in OVER_STATES or ticket.state == State.SPAM:
        for clock in work.live(ticket):
            is_met = clock.kind == ClockKind.RESOLUTION and ticket.state != State.SPAM
            work.halt(clock, ClockState.DONE if is_met else ClockState.DROPPED, why)
    else:
        for clock in _to_be_live(work, ticket):
            bring_to_state(work, ticket, clock, why)
    work.save_with_tickets()


def _to_be_live(work: Clockwork, ticket: Ticket) -> list[ServiceClock]:
    """Those that are, and those that ended only because the ticket was settled or taken for spam."""
    found = work.live(ticket)
    kinds = {clock.kind for clock in found}
    for clock in reversed(work.of(ticket)):
        is_back = clock.state == ClockState.DROPPED or clock.kind == ClockKind.RESOLUTION
        if clock.kind not in kinds and is_back and work.target(ticket, clock.kind) is not None:
            found.append(clock)
        kinds.add(clock.kind)
    return found


def bring_to_state(work: Clockwork, ticket: Ticket, clock: ServiceClock, why: Why) -> None:
    """Let it run or stand still, as the ticket's state has it."""
    policy = work.policy(ticket)
    is_paused = ticket.state == State.WAITING and policy is not None and policy.pauses_while_waiting
    if is_paused and clock.state != ClockState.PAUSED:
        work.halt(clock, ClockState.PAUSED, why)
    elif not is_paused and clock.state != ClockState.RUNNING:
        work.run(clock, why)


def priority_changed(*, ticket: Ticket, by: Agent | None, at: datetime) -> None:
    """The ticket is more or less urgent now: its targets are those of the new priority."""
    work = Clockwork([ticket])
    if work.has(ticket):
        work.refit(ticket, Why(ClockCause.PRIORITY, at, by=by, detail=Priority(ticket.priority).slug))
    work.save_with_tickets()


def policy_chosen(*, ticket: Ticket, policy: ServicePolicy | None, by: Agent | None, at: datetime) -> None:
    """Promise something else from now on; None: nothing. What was used so far stays used."""
    if ticket.service_policy_id == (policy.pk if policy else None):
        return
    why = Why(ClockCause.POLICY, at, by=by, detail=policy.name if policy else "")
    work = Clockwork([ticket])
    if policy is None:
        for clock in work.live(ticket):
            work.halt(clock, ClockState.DROPPED, why)
        work.save_with_tickets()
    ticket.service_policy = policy
    ticket.save(update_fields=["service_policy"])
    if policy is None or not ticket.is_active:
        return
    work = Clockwork([ticket])
    work.refit(ticket, why)
    if ticket.first_reply_at is None:
        _owe_a_reply(work, ticket, why)
    elif not work.of(ticket, ClockKind.RESOLUTION):
        work.start(ticket, ClockKind.RESOLUTION, why)
    for clock in _to_be_live(work, ticket):
        bring_to_state(work, ticket, clock, why)
    work.save_with_tickets()


def joined(*, ticket: Ticket, into: Ticket, at: datetime) -> None:
    """``ticket`` was closed for good; the reply that it owed is owed by ``into``."""
    work = Clockwork([ticket, into])
    owed = work.live(ticket, *_REPLIES)
    for clock in work.live(ticket):
        work.halt(clock, ClockState.DROPPED, Why(ClockCause.MERGED, at, detail=into.reference))
    if owed and work.has(into) and into.is_active:
        _owe_a_reply(work, into, Why(ClockCause.MERGED, at, detail=ticket.reference))
    work.save_with_tickets()


def announce(*, clock: ServiceClock, now: datetime) -> ClockCause | None:
    """Write down that ``clock`` is about to miss its target, or has; None when somebody else did.

    Who was away when a warning was due announces the breach alone.
    """
    due_at = clock.breached_at or clock.due_at
    is_missed = due_at is not None and due_at <= now
    if is_missed:
        cause, at = ClockCause.BREACH, due_at or now
        clock.breached_at, clock.announced_at, clock.event_at = at, now, None
    else:
        cause, at = ClockCause.WARNING, clock.event_at or now
        clock.warned_at, clock.event_at = now, clock.due_at
    clock.save(update_fields=["breached_at", "announced_at", "warned_at", "event_at"])
    change = change_of(clock, Why(cause, at))
    fields = ("state", "policy_name", "target", "calendar_version")
    _row, is_news = ClockChange.objects.get_or_create(
        clock=clock,
        cause=cause,
        round=clock.round,
        defaults={"at": at, **{name: getattr(change, name) for name in fields}},
    )
    if not is_news:
        return None
    data = {"event": cause.value, "clock": clock.kind, "policy": change.policy_name}
    record(kind=Entry.Kind.SERVICE_LEVEL, ticket=clock.ticket, data=data, at=now)
    return cause
