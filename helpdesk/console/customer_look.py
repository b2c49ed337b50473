"""Who looks at which customer, and from where: what each section beside a ticket and on a customer's page is told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import get_language_info

from helpdesk.models import Agent, Contact, IdentityKind, Ticket


@dataclass(frozen=True, slots=True)
class Look:
    """``ticket`` is the one beside which the customer stands, None on the customer's own page.

    ``query`` goes behind the addresses of forms beside a ticket, so that the list stays where it is; it may be empty.
    ``members``: id and name of those in the ticket's team, where they are known already.
    """

    agent: Agent
    contact: Contact
    ticket: Ticket | None
    now: datetime
    query: str = ""
    members: Sequence[tuple[int, str]] | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One block of what is known of a customer.

    ``name``: the block is ``templates/console/customer/_<name>.html``, without heading (the place gives one).
    ``context``: what the template finds as ``own``, None to leave the block out. One query, rather than one a line;
    whatever it reads of tickets goes through ``queries.tickets.visible_to(look.agent)``.
    """

    name: str
    title: str | Promise
    context: Callable[[Look], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Shown:
    """A section with something in it."""

    name: str
    title: str | Promise
    template: str
    own: Mapping[str, Any]


def shown(sections: tuple[Section, ...], look: Look) -> list[Shown]:
    """Those of ``sections`` that have something to show."""
    filled = ((each, each.context(look)) for each in sections)
    return [
        Shown(each.name, each.title, f"console/customer/_{each.name}.html", own)
        for each, own in filled
        if own is not None
    ]


def language_name(code: str) -> str:
    """A language in the reader's own words; the code for one that Django doesn't know, '' for none."""
    try:
        return str(get_language_info(code)["name_translated"]) if code else ""
    except KeyError:
        return code


def local_time(contact: Contact, *, now: datetime) -> str:
    """Time of day where the customer is, unless that is the desk's own zone."""
    if not contact.time_zone or contact.time_zone == settings.TIME_ZONE:
        return ""
    try:
        place = ZoneInfo(contact.time_zone)
    except (ZoneInfoNotFoundError, ValueError):  # typed by hand, or a zone that this machine doesn't know
        return ""
    return now.astimezone(place).strftime("%H:%M")


def preferred_name(contact: Contact) -> str:
    """How they are rather reached, in words; '' where nobody knows."""
    return str(dict(IdentityKind.choices).get(contact.preferred_channel, ""))
