"""The one door through which lines get into the journal, and the hint that follows each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from helpdesk import live
from helpdesk.actions.rows import add_all
from helpdesk.models import Agent, Contact, Entry, Message, Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that happened. ``by`` is the agent who did it, ``contact`` the customer; neither: the desk itself."""

    kind: Entry.Kind
    message: Message | None = None
    by: Agent | None = None
    contact: Contact | None = None
    data: dict[str, Any] = field(default_factory=dict)
    is_internal: bool = True


def record(
    *,
    kind: Entry.Kind,
    at: datetime,
    ticket: Ticket | None = None,
    message: Message | None = None,
    by: Agent | None = None,
    contact: Contact | None = None,
    data: dict[str, Any] | None = None,
    is_internal: bool = True,
    former_team_id: int | None = None,
) -> Entry:
    """Write one line in the caller's transaction; live screens hear of it after commit.

    ``former_team_id`` also tells a team that the ticket has just left.
    """
    line = Line(kind=kind, message=message, by=by, contact=contact, data=data or {}, is_internal=is_internal)
    return record_all([line], ticket=ticket, at=at, former_team_id=former_team_id)[0]


def record_all(
    lines: Sequence[Line], *, ticket: Ticket | None, at: datetime, former_team_id: int | None = None
) -> list[Entry]:
    """Write several lines about one ticket, in their order, with one insert and one hint."""
    return record_many([Placed(ticket, at, line) for line in lines], former_team_id=former_team_id)


@dataclass(frozen=True, slots=True)
class Placed:
    """A line with its ticket (None: of none) and its time."""

    ticket: Ticket | None
    at: datetime
    line: Line


def record_many(placed: Sequence[Placed], *, former_team_id: int | None = None) -> list[Entry]:
    """Write lines about many tickets, in their order, with one insert, and one hint for each ticket."""
    entries = [_entry(each.line, ticket=each.ticket, at=each.at) for each in placed]
    add_all(entries)
    newest = {entry.ticket: entry.pk for entry in entries if entry.ticket is not None}
    for ticket, cursor in newest.items():
        groups = [f"ticket.{ticket.pk}", f"team.{ticket.team_id}"]
        if former_team_id is not None:
            groups.append(f"team.{former_team_id}")
        live.publish(groups=groups, cursor=cursor, ticket_id=ticket.pk)
    return entries


def record_each(lines: Sequence[tuple[Ticket, Line]], *, at: datetime) -> None:
    """Write one line into each of many tickets; screens hear of it once for each team, without a ticket's name."""
    entries = Entry.objects.bulk_create(_entry(line, ticket=ticket, at=at) for ticket, line in lines)
    if entries:
        teams = sorted({ticket.team_id for ticket, _ in lines})
        live.publish(groups=[f"team.{team}" for team in teams], cursor=entries[-1].pk)


def _entry(line: Line, *, ticket: Ticket | None, at: datetime) -> Entry:
    return Entry(
        kind=line.kind,
        ticket=ticket,
        message=line.message,
        agent=line.by,
        contact=line.contact,
        data=line.data,
        is_internal=line.is_internal,
        created_at=at,
    )
