"""Who gets a ticket: asks `routing_rules.assignment` with what the database knows, and writes down who got it and why.

`choose` decides and writes nothing. `note_placed` and `note_owner` keep the books: one open Assignment while somebody
has the ticket, a QueuePlace while the desk looks for somebody.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from helpdesk.models import (
    Agent,
    Assignment,
    LanguageNeed,
    Membership,
    QueuePlace,
    RoutingDecision,
    State,
    Team,
    Ticket,
)
from helpdesk.queries.workload import LIVE_KINDS, Staff, Workload, known_agent
from routing_rules import assignment as pure
from routing_rules.assignment import Need, Reason, Request, Strategy, Wanted
from routing_rules.ledger import ledger_of

#: Values of the rules' effect prefer_person.
ACCOUNT_OWNER, KNOWN_AGENT = "account_owner", "known_agent"
#: Nobody of the team could take it: others may.
_OVERFLOWS = frozenset({Reason.NOBODY_FREE, Reason.NO_MEMBERS, Reason.MANUAL})


@dataclass(frozen=True, slots=True)
class Asked:
    """What rules asked for besides a team: skills, a person by name, the organisation's or the customer's own one."""

    needs: tuple[Need, ...] = ()
    named_id: int | None = None
    prefers: frozenset[str] = frozenset()

    def as_data(self) -> dict[str, Any]:
        """For QueuePlace.request."""
        data: dict[str, Any] = {}
        if self.needs:
            data["needs"] = [[need.skill, need.level, need.is_required] for need in self.needs]
        if self.named_id is not None:
            data["named"] = self.named_id
        if self.prefers:
            data["prefers"] = sorted(self.prefers)
        return data

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> "Asked":
        """What `as_data` wrote."""
        needs = tuple(Need(*each) for each in data.get("needs", ()))
        return cls(needs, data.get("named"), frozenset(data.get("prefers", ())))

    def joined(self, other: "Asked") -> "Asked":
        """What both ask for; the other names the person."""
        named = self.named_id if other.named_id is None else other.named_id
        return Asked(tuple(dict.fromkeys((*self.needs, *other.needs))), named, self.prefers | other.prefers)


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom the desk chose, in which team, and why. ``agent`` is None when nobody can take it: the queue has it."""

    agent: Agent | None
    team: Team | None
    reason: str
    ledger: dict[str, Any] = field(default_factory=dict)
    units: int = 1
    asked: Asked = Asked()

    def as_data(self) -> dict[str, Any]:
        """For RoutingDecision.assignment: the ledger."""
        return self.ledger or {"agent": self.agent.name if self.agent else "", "reason": self.reason, "candidates": []}


NOT_WANTED = Choice(agent=None, team=None, reason=Reason.NOT_WANTED)


def choose(
    *,
    staff: Staff,
    team: Team,
    ticket: Ticket,
    now: datetime,
    asked: Asked = Asked(),
    since: datetime | None = None,
    had_it: Sequence[int] = (),
    is_urgent: bool = False,
) -> Choice:
    """Who of ``team`` gets ``ticket``, or of the teams that it overflows to; the chosen one counts as busier at once.

    ``since`` is when it began to wait; ``had_it`` are those who won't get it again; ``is_urgent``: only who is online.
    """
    since = since or now
    case = _Case(staff, ticket, now, asked, since, tuple(had_it), is_urgent)
    first = _choose_in(case, team)
    if first.agent is not None or first.reason not in _OVERFLOWS:
        return first
    for overflow in staff.overflows_of(team):
        after = timedelta(minutes=overflow.after_minutes)
        if now - since < after or (first.reason == Reason.MANUAL and not after):
            continue
        other = _choose_in(case, overflow.to_team)
        if other.agent is not None:
            passed = [{"team": team.name, **first.ledger}]
            ledger = {**other.ledger, "passed": passed}
            return Choice(other.agent, other.team, other.reason, ledger, other.units, asked)
    return first


@dataclass(frozen=True, slots=True)
class _Case:
    """A ticket that somebody is to get, as `choose` was asked."""

    staff: Staff
    ticket: Ticket
    now: datetime
    asked: Asked
    since: datetime
    had_it: tuple[int, ...]
    is_urgent: bool


def _choose_in(case: _Case, team: Team) -> Choice:
    staff, ticket, asked, now = case.staff, case.ticket, case.asked, case.now
    workload, kind = staff.of(team, now=now), ticket.channel.kind
    request = Request(
        kind=kind,
        since=case.since,
        is_live=case.is_urgent or kind in LIVE_KINDS,
        needs=(*asked.needs, *_language_needs(staff, team, ticket, asked)),
        wanted=tuple(_wanted(workload, ticket, asked)),
        had_it=case.had_it,
    )
    members = workload.candidates(kind=kind, with_skills=bool(request.needs))
    chosen = pure.choose(request, members, workload.policy, now)
    ledger = ledger_of(request, members, workload.policy, now, chosen)
    units = workload.units_of(kind)
    if chosen.agent_id is None:
        return Choice(None, team, chosen.reason, ledger, units, asked)
    turn = None
    if chosen.reason is Reason.STRATEGY:
        winner = next(each for each in members if each.agent_id == chosen.agent_id)
        turn = pure.next_turn(winner, members, Strategy(team.strategy))
    agent = workload.agent(chosen.agent_id)
    staff.take(chosen.agent_id, kind=kind, at=now, team=team, turn=turn)
    return Choice(agent, team, chosen.reason, ledger, units, asked)


def needs_of(staff: Staff, ticket: Ticket, asked: Asked) -> tuple[Need, ...]:
    """The skills that a ticket asks for: by rules, and by its language."""
    return (*asked.needs, *_language_needs(staff, ticket.team, ticket, asked))


def _language_needs(staff: Staff, team: Team, ticket: Ticket, asked: Asked) -> Iterable[Need]:
    code = ticket.language.partition("-")[0]
    if not team.language_need or not code or any(need.skill == code for need in asked.needs):
        return
    if staff.knows_language(code):
        yield Need(code, team.language_level, is_required=team.language_need == LanguageNeed.REQUIRED)


def _wanted(workload: Workload, ticket: Ticket, asked: Asked) -> Iterable[Wanted]:
    team, contact = workload.team, ticket.contact
    if asked.named_id is not None:
        yield Wanted(asked.named_id, Reason.RULE)
    if contact is None:
        return
    prefers_owner = team.prefers_account_owner or ACCOUNT_OWNER in asked.prefers
    if prefers_owner and contact.organisation is not None:
        owner_id = contact.organisation.account_owner_id
        if owner_id is not None and workload.has(owner_id):
            yield Wanted(owner_id, Reason.ACCOUNT_OWNER)
    if (team.prefers_known_agent or KNOWN_AGENT in asked.prefers) and contact.pk is not None:
        known = known_agent(contact_id=contact.pk, among=list(workload.membership_ids))
        if known is not None:
            yield Wanted(known, Reason.KNOWS_CUSTOMER)


@dataclass(frozen=True, slots=True)
class Placed:
    """A stored ticket that was placed when it arrived, and the decision that holds its ledger."""

    ticket: Ticket
    choice: Choice
    decision: RoutingDecision
    at: datetime


def note_placed(*, placed: Sequence[Placed], staff: Staff) -> None:
    """Write down who got these tickets, and which of them go on waiting; in the caller's transaction."""
    Assignment.objects.bulk_create(
        Assignment(
            ticket=each.ticket,
            team_id=each.ticket.team_id,
            agent=each.choice.agent,
            cause=Assignment.Cause.ROUTED,
            units=each.choice.units,
            at=each.at,
            look_at=look_at(each.ticket.team, at=each.at),
            request=each.choice.asked.as_data(),
            decision=each.decision,
        )
        for each in placed
        if each.choice.agent is not None
    )
    QueuePlace.objects.bulk_create(
        QueuePlace(
            ticket=each.ticket,
            team_id=each.ticket.team_id,
            since=each.at,
            request=each.choice.asked.as_data(),
            reason=each.choice.reason,
            ledger=each.choice.ledger,
        )
        for each in placed
        if each.choice.agent is None and each.choice.reason != Reason.NOT_WANTED and each.ticket.is_active
    )
    note_turns(staff=staff)


def note_turns(*, staff: Staff) -> None:
    """Store how far the rotations have gone; nothing for teams that have none."""
    turned = {pk: turn for each in staff.workloads.values() for pk, turn in each.turned.items()}
    if turned:
        Membership.objects.bulk_update([Membership(pk=pk, turn=turn) for pk, turn in sorted(turned.items())], ["turn"])
        for each in staff.workloads.values():
            each.turned.clear()


def look_at(team: Team, *, at: datetime) -> datetime | None:
    """When to look whether whoever got a ticket at ``at`` has reacted; None where the team doesn't ask."""
    return None if team.reaction_minutes is None else at + timedelta(minutes=team.reaction_minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """How a ticket changes hands: why the new owner gets it, how the former one's time with it ended, the ledger."""

    cause: Assignment.Cause
    outcome: Assignment.Outcome = Assignment.Outcome.MOVED
    ledger: dict[str, Any] = field(default_factory=dict)
    units: int = 1


def note_owner(
    *, ticket: Ticket, former: Agent | None, by: Agent | None, at: datetime, handed: Handed | None = None
) -> None:
    """The ticket's owner has changed: end the former assignment, begin the next, or wait in the queue for one.

    Without ``handed`` a person did it: somebody who puts a ticket back won't be given it again by the desk.
    """
    owner = ticket.owner
    handed = handed or _by_hand(ticket, former, by)
    ended = Assignment.objects.filter(ticket=ticket, ended_at=None)
    request = ended.values_list("request", flat=True).first() or {}
    ended.update(ended_at=at, outcome=handed.outcome, look_at=None)
    place = QueuePlace.objects.filter(ticket=ticket).first()
    if owner is None:
        wait(ticket=ticket, since=at, request=request)
        return
    if place is not None:
        request = request or place.request
        place.delete()
    Assignment.objects.create(
        ticket=ticket,
        team_id=ticket.team_id,
        agent=owner,
        cause=handed.cause,
        units=handed.units,
        at=at,
        look_at=look_at(ticket.team, at=at) if owner != by else None,
        request=request,
        ledger=handed.ledger,
    )


def _by_hand(ticket: Ticket, former: Agent | None, by: Agent | None) -> Handed:
    if ticket.owner is None:
        return Handed(cause=Assignment.Cause.BY_HAND, outcome=Assignment.Outcome.GAVE_BACK)
    return Handed(cause=Assignment.Cause.TAKEN if by == ticket.owner else Assignment.Cause.BY_HAND)


def wait(*, ticket: Ticket, since: datetime, request: dict[str, Any] | None = None) -> None:
    """Let an active ticket wait for an agent of its team; who waits already keeps its place unless the team changed."""
    if not ticket.is_active or ticket.state == State.SPAM:
        return
    place, is_new = QueuePlace.objects.get_or_create(
        ticket=ticket,
        defaults={"team_id": ticket.team_id, "since": since, "request": request or {}},
    )
    if not is_new and place.team_id != ticket.team_id:
        place.team_id, place.since = ticket.team_id, since
        place.reason, place.ledger = "", {}
        place.save(update_fields=["team", "since", "reason", "ledger"])


def ask_for(*, ticket: Ticket, asked: Asked) -> None:
    """Rules want something more of whoever gets a stored ticket: it counts when it is given next."""
    rows: list[QueuePlace | Assignment] = list(QueuePlace.objects.filter(pk=ticket.pk))
    rows += Assignment.objects.filter(ticket=ticket, ended_at=None)
    for row in rows:
        row.request = Asked.from_data(row.request).joined(asked).as_data()
        row.save(update_fields=["request"])


def note_merged(*, ticket: Ticket, at: datetime) -> None:
    """A ticket that was joined into another one is nobody's any more."""
    Assignment.objects.filter(ticket=ticket, ended_at=None).update(
        ended_at=at, outcome=Assignment.Outcome.MOVED, look_at=None
    )
    QueuePlace.objects.filter(ticket=ticket).delete()
