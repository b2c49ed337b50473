"""Canned replies as an agent inserts them: in the customer's language, the places filled."""

from dataclasses import dataclass

from django.conf import settings

from helpdesk.models import Agent, Template, Ticket
from helpdesk.queries.progress import link_to
from helpdesk.text import fill


@dataclass(frozen=True, slots=True)
class Canned:
    """A ready answer; ``text`` is what goes into the composer."""

    name: str
    text: str


def canned_for(ticket: Ticket, *, agent: Agent) -> tuple[Canned, ...]:
    """The canned replies for the customer of ``ticket``, by name; each in their language, else in the desk's."""
    languages = (ticket.language, settings.LANGUAGE_CODE, "en")
    best: dict[str, Template] = {}
    for row in Template.objects.filter(kind=Template.Kind.CANNED, language__in=languages):
        known = best.get(row.slug)
        if known is None or languages.index(row.language) < languages.index(known.language):
            best[row.slug] = row
    values = {
        "contact_name": str(ticket.contact.name if ticket.contact else ""),
        "reference": ticket.reference,
        "subject": ticket.subject,
        "progress_url": link_to(ticket.pk),
        "desk_name": str(settings.DESK_NAME),
        "agent_name": agent.name,
    }
    filled = (Canned(name=row.name, text=fill(row.body, values).strip()) for row in best.values())
    return tuple(sorted(filled, key=lambda canned: canned.name.casefold()))
