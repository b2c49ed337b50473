"""What was promised to customers: made, changed, kept or dropped, each with its line in the journal (docs/adr/0024)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from helpdesk.actions import changes, reminders, snoozing
from helpdesk.actions.journal import record
from helpdesk.models import Agent, Contact, Entry, Promise, PromiseState, Reminder, Ticket
from helpdesk.text import clean


class CannotPromise(ValueError):
    """This is no promise that somebody could keep; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is promised, by when, by whom; ``remind_minutes`` before, 0 for only when it is due."""

    text: str
    due_at: datetime
    owner: Agent | None
    remind_minutes: int = 0


@transaction.atomic
def make(
    *, terms: Terms, by: Agent | None, at: datetime, ticket: Ticket | None = None, contact: Contact | None = None
) -> Promise:
    """Write down a promise about a ticket, or about a contact. Raises CannotPromise."""
    text = _checked(terms, ticket, at=at)
    promise = Promise.objects.create(
        text=text,
        due_at=terms.due_at,
        remind_minutes=terms.remind_minutes,
        owner=terms.owner,
        ticket=ticket,
        contact=contact,
        made_by=by,
        created_at=at,
    )
    _plan(promise, at=at)
    owner = terms.owner.name if terms.owner else ""
    _note(promise, "made", by=by, at=at, due=terms.due_at.isoformat(), owner=owner)
    return promise


@transaction.atomic
def change(*, promise: Promise, terms: Terms, by: Agent, at: datetime) -> Promise:
    """Another text, time or owner for an open promise; nothing happens when it already is so. Raises CannotPromise."""
    fresh = _locked(promise)
    if fresh.state != PromiseState.OPEN:
        raise CannotPromise(_("This promise is settled already."))
    wanted = {"text": terms.text, "due_at": terms.due_at, "owner": terms.owner, "remind_minutes": terms.remind_minutes}
    if all(getattr(fresh, name) == value for name, value in wanted.items()):
        return fresh
    wanted["text"] = _checked(terms, fresh.ticket, at=at, is_same_time=fresh.due_at == terms.due_at)
    before = {"due": fresh.due_at.isoformat(), "owner": fresh.owner.name if fresh.owner else ""}
    for name, value in wanted.items():
        setattr(fresh, name, value)
    fresh.save(update_fields=list(wanted))
    reminders.drop(promise=fresh, why=Reminder.Outcome.MOVED, at=at)
    _plan(fresh, at=at)
    owner = terms.owner.name if terms.owner else ""
    _note(fresh, "changed", by=by, at=at, due=terms.due_at.isoformat(), owner=owner, before=before)
    return fresh


@transaction.atomic
def settle(*, promise: Promise, state: PromiseState, by: Agent | None, at: datetime) -> bool:
    """Kept, or no longer needed; False when somebody has settled it before. Its reminders end."""
    fresh = _locked(promise)
    if fresh.state != PromiseState.OPEN:
        return False
    fresh.state, fresh.settled_at, fresh.settled_by = state, at, by
    fresh.save(update_fields=["state", "settled_at", "settled_by"])
    reminders.drop(promise=fresh, why=Reminder.Outcome.STATE, at=at)
    late = {"late": True} if state == PromiseState.KEPT and at > fresh.due_at else {}
    _note(fresh, state.value, by=by, at=at, **late)
    return True


@transaction.atomic
def reopen(*, promise: Promise, by: Agent, at: datetime) -> bool:
    """A promise that was settled by mistake is open again; False when it is."""
    fresh = _locked(promise)
    if fresh.state == PromiseState.OPEN:
        return False
    fresh.state, fresh.settled_at, fresh.settled_by = PromiseState.OPEN, None, None
    fresh.save(update_fields=["state", "settled_at", "settled_by"])
    _plan(fresh, at=at)
    _note(fresh, "reopened", by=by, at=at)
    return True


@transaction.atomic(savepoint=False)
def joined(*, ticket: Ticket, into: Ticket, by: Agent | None, at: datetime) -> None:
    """``ticket`` was closed for good: what was promised there is owed in ``into``, which comes back into the queue.

    It stays snoozed only when both were.
    """
    Promise.objects.filter(ticket=ticket).update(ticket=into)
    unseen = Q(outcome="") | Q(outcome=Reminder.Outcome.CAME, seen_at=None)
    Reminder.objects.filter(unseen, ticket=ticket, purpose=Reminder.Purpose.TICKET).update(ticket=into)
    has_slept = snoozing.wake(ticket=ticket, why=Reminder.Outcome.JOINED, by=by, at=at)
    if not has_slept:
        snoozing.wake(ticket=into, why=Reminder.Outcome.JOINED, by=by, at=at)


@transaction.atomic(savepoint=False)
def hand_over(*, agent: Agent, by: Agent | None, at: datetime, teams: Iterable[int] | None = None) -> int:
    """What ``agent`` has promised is owed by who has the ticket now, else by nobody; how many promises that were.

    ``teams``: only of tickets in these. Called once the tickets have gone to others.
    """
    mine = Promise.objects.filter(owner=agent, state=PromiseState.OPEN).select_related("ticket__owner", "contact")
    if teams is not None:
        mine = mine.filter(ticket__team__in=list(teams))
    count = 0
    for promise in mine:
        heir = promise.ticket.owner if promise.ticket is not None else None
        promise.owner = heir if heir is not None and heir.pk != agent.pk and heir.is_active else None
        promise.save(update_fields=["owner"])
        promise.reminders.filter(outcome="").update(agent=promise.owner)
        owner = promise.owner.name if promise.owner else ""
        _note(promise, "changed", by=by, at=at, owner=owner, before={"owner": agent.name})
        count += 1
    return count


def _checked(terms: Terms, ticket: Ticket | None, *, at: datetime, is_same_time: bool = False) -> str:
    """The text as it is stored; raises CannotPromise."""
    text = clean(terms.text, max_length=300)
    if not text:
        raise CannotPromise(_("Say what was promised."))
    if terms.due_at <= at and not is_same_time:
        raise CannotPromise(_("That time has passed."))
    if terms.owner is not None and ticket is not None and not _may_see(terms.owner, ticket):
        values = {"agent": terms.owner.name, "team": ticket.team.name}
        raise CannotPromise(_("%(agent)s isn't a member of %(team)s.") % values)
    return text


def _may_see(agent: Agent, ticket: Ticket) -> bool:
    return agent.is_admin or agent.teams.filter(pk=ticket.team_id).exists()


def _locked(promise: Promise) -> Promise:
    rows = Promise.objects.select_for_update(of=("self",)).select_related("ticket__team", "owner", "contact")
    return rows.get(pk=promise.pk)


def _plan(promise: Promise, *, at: datetime) -> None:
    """Remind its owner before, if that is still to come, and when it is due."""
    times = {Reminder.Purpose.DUE: promise.due_at}
    if promise.remind_minutes:
        times[Reminder.Purpose.PROMISE] = promise.due_at - timedelta(minutes=promise.remind_minutes)
    Reminder.objects.bulk_create(
        Reminder(purpose=purpose, promise=promise, agent=promise.owner, due_at=due_at, created_at=at)
        for purpose, due_at in times.items()
        if due_at > at
    )


def _note(promise: Promise, event: str, *, by: Agent | None, at: datetime, **data: object) -> None:
    if promise.ticket is None:
        changes.record(what="promise", name=promise.text, change=event, by=by, at=at, details=data)
        return
    data = {"event": event, "text": promise.text, **data}
    record(kind=Entry.Kind.PROMISED, ticket=promise.ticket, by=by, data=data, at=at)
