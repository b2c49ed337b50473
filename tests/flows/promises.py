"""Service levels for tests: policies, calendars, and tickets whose life is told by the clock."""

from collections.abc import Mapping
from datetime import datetime

from django.utils.text import slugify

from helpdesk.actions import calendars, replies, service, tickets
from helpdesk.actions.calendars import CalendarFields, OwnDay
from helpdesk.business_time import Hours
from helpdesk.models import (
    Agent,
    BusinessCalendar,
    Channel,
    ClockKind,
    Identity,
    Message,
    ServiceClock,
    ServicePolicy,
    State,
    Team,
    Ticket,
)
from tests import make

HOUR = 60
NINE_TO_FIVE = (Hours(540, 1020),)
OFFICE = ((NINE_TO_FIVE,) * 5) + ((), ())
#: Minutes by kind and priority; urgent tickets are answered within half an hour.
TARGETS: Mapping[str, Mapping[str, int]] = {
    "first-reply": {"low": 8 * HOUR, "normal": 4 * HOUR, "high": 2 * HOUR, "urgent": 30},
    "next-reply": {"normal": 2 * HOUR, "urgent": 30},
    "resolution": {"normal": 16 * HOUR, "high": 8 * HOUR, "urgent": 4 * HOUR},
}


def calendar(
    *, name: str = "Helsinki", zone: str = "Europe/Helsinki", days: tuple[OwnDay, ...] = (), **fields: object
) -> BusinessCalendar:
    """Nine to five, Monday to Friday."""
    values = {"week": OFFICE, "own_days": days, **fields}
    made = CalendarFields(name=name, zone=zone, **values)  # type: ignore[arg-type]
    return calendars.save_calendar(calendar=None, fields=made, by=None, at=make.NOON)


def policy(
    *,
    name: str = "Standard",
    calendar: BusinessCalendar | None = None,
    row: ServicePolicy | None = None,
    at: datetime = make.NOON,
    **fields: object,
) -> ServicePolicy:
    """A policy that is the desk's default; round the clock without a calendar."""
    values = {
        "targets": TARGETS,
        "warn_percent": 75,
        "pauses_while_waiting": True,
        "is_default": True,
        "is_active": True,
        **fields,
    }
    made = service.PolicyFields(name=name, slug=slugify(name)[:50], calendar=calendar, **values)  # type: ignore[arg-type]
    return service.save_policy(policy=row, fields=made, by=None, at=at)


def opened(*, channel: Channel, team: Team, who: Identity, policy: ServicePolicy | None, at: datetime) -> Ticket:
    """A new ticket with its first mail, as the intake leaves it."""
    ticket = make.ticket(channel=channel, team=team, identity=who, state=State.NEW, at=at, service_policy=policy)
    wrote(ticket, at)
    return ticket


def wrote(ticket: Ticket, at: datetime) -> Message:
    """The customer writes."""
    message = make.message(
        ticket=ticket, created_at=at, sender_address="ann@customer.example", contact=ticket.contact, text="Hello"
    )
    tickets.note_arrivals(arrivals=[tickets.Arrival(ticket=ticket, message=message, at=at, reopens=True)])
    return message


def answered(ticket: Ticket, by: Agent, at: datetime, **how: object) -> Message:
    """An agent answers, and may choose the state that the ticket goes to."""
    sent = replies.reply(
        ticket=ticket,
        agent=by,
        text=f"An answer of {at:%H:%M:%S}",
        to=["ann@customer.example"],
        seen_cursor=10**9,
        at=at,
        **how,  # type: ignore[arg-type]
    )
    ticket.refresh_from_db()
    return sent


def clock(ticket: Ticket, kind: ClockKind) -> ServiceClock:
    """The newest clock of that kind, as it is stored."""
    found = ServiceClock.objects.filter(ticket=ticket, kind=kind).order_by("-pk").first()
    assert found is not None
    return found
