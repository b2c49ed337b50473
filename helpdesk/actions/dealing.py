"""Gives waiting tickets to whoever can take them, and tickets of those who are gone to others.

Each ticket is dealt with in a transaction of its own, which reads anew what decides; PostgreSQL's workers take turns by
a lock, SQLite has one writer anyway. So two workers neither give one ticket twice nor fill one agent beyond capacity.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet

from helpdesk.actions import assignment, tickets
from helpdesk.actions.assignment import Asked, Choice, Handed
from helpdesk.models import (
    ACTIVE_STATES,
    Agent,
    Assignment,
    QueuePlace,
    Reassigning,
    State,
    Team,
    Ticket,
)
from helpdesk.models.conditions import OneOf
from helpdesk.queries.reactions import has_reacted
from helpdesk.queries.workload import LIVE_KINDS, Staff
from routing_rules.assignment import Candidate, Presence, Strategy

log = logging.getLogger(__name__)

#: What surrounds each change of hands: the loop passes `routing.watched`, so that rules hear of it.
Around = Callable[..., AbstractContextManager[object]]


def _unwatched(**_case: object) -> AbstractContextManager[object]:
    return nullcontext()


#: So many of a team's tickets are looked at in a round: the most urgent, then those that wait longest.
ROUND = 200
#: States in which somebody has to do something now.
_TO_DO = (State.NEW, State.OPEN)
#: Whoever had it in one of these ways won't get the ticket from the desk again.
_HAD_IT = (Assignment.Outcome.GAVE_BACK, Assignment.Outcome.REASSIGNED, Assignment.Outcome.HANDED_OVER)
#: PostgreSQL's number for "somebody is assigning".
_TURN = 7_226_011


def _take_turn() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TURN])


def deal_queue(*, now: datetime, around: Around = _unwatched) -> int:
    """Give waiting tickets to agents who are free; how many were given."""
    given, staff = 0, Staff()
    for team in Team.objects.filter(queue__isnull=False).distinct():
        rows = QueuePlace.objects.filter(team=team).select_related("ticket__channel", "ticket__contact__organisation")
        places = list(rows.select_related("ticket__team").order_by("-ticket__priority", "since")[:ROUND])
        had_it = _had_it_by_ticket(place.pk for place in places)
        for place in places:
            try:
                given += _deal(place, staff=staff, now=now, had_it=had_it.get(place.pk, ()), around=around)
            except OperationalError:
                raise
            except Exception:  # a fault of ours; it must stop this ticket only, which people still see as unassigned
                log.exception("ticket %s could not be assigned, and is left to people", place.pk)
                place.delete()
    return given


def _deal(place: QueuePlace, *, staff: Staff, now: datetime, had_it: Sequence[int], around: Around) -> bool:
    if not _is_waiting(place):
        _forget(place)
        return False
    if place.ticket.state not in _TO_DO or place.ticket.snoozed_until is not None:
        return False
    likely = _choose_for(place, staff=staff, now=now, had_it=had_it)
    if likely.agent is not None:
        return _give(place, now=now, around=around)
    _note_look(place, likely)
    return False


def _is_waiting(place: QueuePlace) -> bool:
    return place.ticket.owner_id is None and place.ticket.is_active


def _forget(place: QueuePlace) -> None:
    """It has an owner or is settled; asked for again, since that may have changed."""
    QueuePlace.objects.filter(pk=place.pk).exclude(ticket__owner=None, ticket__state__in=ACTIVE_STATES).delete()


def _choose_for(place: QueuePlace, *, staff: Staff, now: datetime, had_it: Sequence[int]) -> Choice:
    asked = Asked.from_data(place.request)
    team = place.ticket.team
    return assignment.choose(
        staff=staff, team=team, ticket=place.ticket, now=now, asked=asked, since=place.since, had_it=had_it
    )


@transaction.atomic
def _give(place: QueuePlace, *, now: datetime, around: Around) -> bool:
    """Choose again, with nobody else at it, and hand the ticket over; whether somebody got it."""
    _take_turn()
    rows = QueuePlace.objects.filter(pk=place.pk, ticket__owner=None).select_related("ticket__contact__organisation")
    fresh = rows.select_related("ticket__channel", "ticket__team").select_for_update(of=("self",)).first()
    if fresh is None or not _is_waiting(fresh):
        return False
    staff = Staff()
    choice = _choose_for(fresh, staff=staff, now=now, had_it=_had_it_by_ticket([fresh.pk]).get(fresh.pk, ()))
    if choice.agent is None:
        _note_look(fresh, choice)
        return False
    with around(ticket=fresh.ticket, by=None, at=now):
        _hand(fresh.ticket, choice, cause=Assignment.Cause.QUEUE, outcome=Assignment.Outcome.MOVED, at=now)
    assignment.note_turns(staff=staff)
    return True


def _hand(
    ticket: Ticket, choice: Choice, *, cause: Assignment.Cause, outcome: Assignment.Outcome, at: datetime
) -> None:
    handed = Handed(cause=cause, outcome=outcome, ledger=choice.ledger, units=choice.units)
    if choice.team is not None and choice.team.pk != ticket.team_id:
        if ticket.owner is not None:
            tickets.set_owner(ticket=ticket, owner=None, by=None, at=at, handed=handed)
        tickets.set_team(ticket=ticket, team=choice.team, by=None, at=at)
    tickets.set_owner(ticket=ticket, owner=choice.agent, by=None, at=at, handed=handed)


def _note_look(place: QueuePlace, choice: Choice) -> None:
    """Remember why nobody got it, if that has changed: the page shows the newest look."""
    if (choice.reason, _signature(choice.ledger)) != (place.reason, _signature(place.ledger)):
        QueuePlace.objects.filter(pk=place.pk).update(reason=choice.reason, ledger=choice.ledger)


def _signature(ledger: Mapping[str, Any]) -> list[tuple[object, object]]:
    return [(each["agent_id"], each["excluded"]) for each in ledger.get("candidates", ())]


def _had_it_by_ticket(numbers: Iterable[int]) -> dict[int, list[int]]:
    rows = Assignment.objects.filter(ticket__in=list(numbers), outcome__in=_HAD_IT).order_by("id")
    found: dict[int, list[int]] = {}
    for ticket_id, agent_id in rows.values_list("ticket", "agent"):
        if agent_id not in found.setdefault(ticket_id, []):
            found[ticket_id].append(agent_id)
    return found


def rescue(*, now: datetime, around: Around = _unwatched) -> int:
    """Tickets that have work in them and an owner who may no longer log in go back into their queues; how many."""
    closed = Agent.objects.filter(is_active=False).values("pk")
    stranded = Ticket.objects.filter(OneOf("state", ACTIVE_STATES), owner__in=closed).select_related("team", "owner")
    handed = Handed(cause=Assignment.Cause.AWAY, outcome=Assignment.Outcome.AWAY)
    for ticket in stranded:
        with transaction.atomic(), around(ticket=ticket, by=None, at=now):
            tickets.set_owner(ticket=ticket, owner=None, by=None, at=now, handed=handed)
    return len(stranded)


def reassign_from_absent(*, now: datetime, around: Around = _unwatched) -> int:
    """Where a team says so, tickets of those who are away or absent go to others who are free; how many did."""
    moved, staff = 0, Staff()
    for team in Team.objects.filter(is_active=True).exclude(reassigns_away=Reassigning.NEVER):
        limit = now - timedelta(minutes=team.away_minutes)
        gone = {each.agent_id: each for each in staff.of(team, now=now).members if _is_gone(each, limit)}
        held = Ticket.objects.filter(OneOf("state", ACTIVE_STATES), owner__in=gone, team=team, state__in=_TO_DO)
        held = held.filter(snoozed_until=None)
        for ticket in _with_all(held).order_by("-priority", "id")[:ROUND]:
            if _may_leave(ticket, team, gone[ticket.owner_id or 0]):
                cause, outcome = Assignment.Cause.AWAY, Assignment.Outcome.AWAY
                moved += _pass_on(ticket, cause=cause, outcome=outcome, now=now, around=around)
    return moved


def _is_gone(member: Candidate, limit: datetime) -> bool:
    """Absent, or away or offline since ``limit`` at the latest. Who isn't to be disturbed is at work."""
    if member.absent_until is not None:
        return True
    since = member.present_since
    return member.presence in {Presence.AWAY, Presence.OFFLINE} and (since is None or since <= limit)


def _may_leave(ticket: Ticket, team: Team, owner: Candidate) -> bool:
    """Being offline is no reason for mail to go, unless the team says that only who is online counts."""
    is_merely_offline = owner.absent_until is None and owner.presence is Presence.OFFLINE
    if is_merely_offline and not (team.needs_online or ticket.channel.kind in LIVE_KINDS):
        return False
    return team.reassigns_away == Reassigning.OPEN or not has_reacted(ticket)


def reassign_unanswered(*, now: datetime, around: Around = _unwatched) -> int:
    """Tickets whose owner did not react in the team's time go to somebody who is online; how many did.

    With nobody like that they stay, and are looked at again: a ticket is better with somebody than with nobody.
    """
    moved = 0
    for row in Assignment.objects.filter(look_at__lte=now, ended_at=None).order_by("look_at")[:ROUND]:
        ticket = _with_all(Ticket.objects.filter(pk=row.ticket_id, owner=row.agent_id)).first()
        mine = Assignment.objects.filter(pk=row.pk, ended_at=None, look_at=row.look_at)
        if ticket is None or ticket.state not in _TO_DO or has_reacted(ticket):
            mine.update(look_at=None)
        elif mine.update(look_at=assignment.look_at(ticket.team, at=now)):  # one worker looks, and no other
            cause, outcome = Assignment.Cause.NO_REACTION, Assignment.Outcome.REASSIGNED
            moved += _pass_on(ticket, cause=cause, outcome=outcome, now=now, around=around, is_urgent=True)
    return moved


@transaction.atomic
def _pass_on(
    ticket: Ticket,
    *,
    cause: Assignment.Cause,
    outcome: Assignment.Outcome,
    now: datetime,
    around: Around,
    is_urgent: bool = False,
) -> bool:
    """Give a ticket to somebody else than its owner, or into the queue of a team that pulls; whether it went."""
    _take_turn()
    owner = ticket.owner
    if owner is None or not Ticket.objects.select_for_update().filter(pk=ticket.pk, owner=owner).exists():
        return False
    if ticket.team.strategy == Strategy.MANUAL:
        handed = Handed(cause=cause, outcome=outcome)
        with around(ticket=ticket, by=None, at=now):
            tickets.set_owner(ticket=ticket, owner=None, by=None, at=now, handed=handed)
        return True
    row = ticket.assignments.filter(ended_at=None).first()
    asked = Asked.from_data(row.request if row is not None else {})
    staff, had_it = Staff(), _had_it_by_ticket([ticket.pk]).get(ticket.pk, [])
    is_absent = cause == Assignment.Cause.AWAY and _is_absent(staff, ticket, now)
    choice = assignment.choose(
        staff=staff,
        team=ticket.team,
        ticket=ticket,
        now=now,
        # Asked for by name, an absent owner is stood in for by their substitute.
        asked=replace(asked, named_id=owner.pk if is_absent else None),
        had_it=had_it if is_absent else [*had_it, owner.pk],
        is_urgent=is_urgent,
    )
    if choice.agent is None:
        return False
    with around(ticket=ticket, by=None, at=now):
        _hand(ticket, choice, cause=cause, outcome=outcome, at=now)
    assignment.note_turns(staff=staff)
    return True


def _is_absent(staff: Staff, ticket: Ticket, now: datetime) -> bool:
    members = staff.of(ticket.team, now=now).members
    return any(each.absent_until is not None for each in members if each.agent_id == ticket.owner_id)


def take_next(*, agent: Agent, at: datetime, around: Around = _unwatched) -> Ticket | None:
    """Give ``agent`` the most urgent, then oldest ticket without an owner of their teams; None when there is none.

    Tickets that ask for a skill they lack are passed over, and what they put back comes last.
    """
    staff = Staff()
    waiting = Ticket.objects.filter(OneOf("state", ACTIVE_STATES), owner=None, team__memberships__agent=agent)
    waiting = waiting.filter(snoozed_until=None)
    rows = list(_with_all(waiting.filter(state__in=_TO_DO)).order_by("-priority", "created_at", "id")[:ROUND])
    had_it = _had_it_by_ticket(each.pk for each in rows)
    rows.sort(key=lambda each: agent.pk in had_it.get(each.pk, ()))
    for ticket in rows:
        if _can_do(agent, ticket, staff=staff, at=at) and _take(ticket, agent=agent, at=at, around=around):
            return ticket
    return None


def _can_do(agent: Agent, ticket: Ticket, *, staff: Staff, at: datetime) -> bool:
    place = QueuePlace.objects.filter(pk=ticket.pk).first()
    needs = assignment.needs_of(staff, ticket, Asked.from_data(place.request if place is not None else {}))
    members = staff.of(ticket.team, now=at).candidates(kind=ticket.channel.kind, with_skills=bool(needs))
    me = next((each for each in members if each.agent_id == agent.pk), None)
    return me is not None and all(me.skills.get(need.skill, 0) >= need.level for need in needs if need.is_required)


@transaction.atomic
def _take(ticket: Ticket, *, agent: Agent, at: datetime, around: Around) -> bool:
    if not Ticket.objects.select_for_update().filter(pk=ticket.pk, owner=None).exists():
        return False
    with around(ticket=ticket, by=agent, at=at):
        tickets.set_owner(ticket=ticket, owner=agent, by=agent, at=at)
    return True


def _with_all(rows: QuerySet[Ticket]) -> QuerySet[Ticket]:
    return rows.select_related("team", "owner", "channel", "contact__organisation")
