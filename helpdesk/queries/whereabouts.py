"""What the journal and the messages say about where a ticket is: the part of "why?" that people decided."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from helpdesk.models import Entry, Message, Ticket


@dataclass(frozen=True, slots=True)
class Move:
    """The last time that somebody set it. ``who`` is '' for the desk itself, ``to`` '' for nobody."""

    who: str
    to: str
    origin: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """``acknowledgement`` is the verdict on the first mail, '' for none; the moves are None until there is one."""

    acknowledgement: str
    owner_moved: Move | None
    team_moved: Move | None


def whereabouts_of(ticket: Ticket) -> Whereabouts:
    """Two queries."""
    came_in = ticket.messages.filter(kind__in=(Message.Kind.CUSTOMER, Message.Kind.MACHINE)).order_by("id")
    kinds = (Entry.Kind.OWNER_CHANGED, Entry.Kind.TEAM_CHANGED)
    found: dict[str, Move] = {}
    rows = ticket.entries.filter(kind__in=kinds).order_by("id")
    for kind, who, data, at in rows.values_list("kind", F("agent__name"), "data", "created_at"):
        found[kind] = Move(who or "", data.get("to") or "", data.get("from") or "", at)
    return Whereabouts(
        acknowledgement=came_in.values_list("acknowledgement", flat=True).first() or "",
        owner_moved=found.get(Entry.Kind.OWNER_CHANGED),
        team_moved=found.get(Entry.Kind.TEAM_CHANGED),
    )
