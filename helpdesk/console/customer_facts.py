"""The sections about a customer that belong to nobody else: addresses, organisation, notes, earlier tickets."""

from collections.abc import Mapping
from typing import Any

from helpdesk.console.customer_look import Look
from helpdesk.console.returned import meaning_of
from helpdesk.queries.customers import earlier_of, figures_of, standing_notes
from helpdesk.queries.people import active_agents
from helpdesk.queries.segments import criteria_by_slug, names_of, segments_of


def reached_at(look: Look) -> Mapping[str, Any]:
    """The customer's addresses, with what is known of each."""
    contact = look.contact
    return {
        "identities": list(contact.identities.filter(retired_at=None).order_by("id")),
        "phone": contact.phone,
        "meaning_of": meaning_of,
        "reference": look.ticket.reference if look.ticket else "",
        "query": look.query,
    }


def notes(look: Look) -> Mapping[str, Any]:
    """What was agreed with them and what colleagues wrote down, as far as it still holds; and a place to write."""
    return {
        "text": look.contact.notes,
        "notes": standing_notes(look.contact),
        "contact": look.contact,
        "reference": look.ticket.reference if look.ticket else "",
        "problem": "",
    }


def glance(look: Look) -> Mapping[str, Any]:
    """How much there was, and how content they were."""
    slugs = segments_of(look.contact, among=criteria_by_slug(), at=look.now)
    return {"figures": figures_of(look.contact, agent=look.agent), "segments": names_of(slugs) if slugs else ()}


def earlier(look: Look) -> Mapping[str, Any] | None:
    """Their other tickets, newest first, of those that the agent may see. Their own page has the timeline instead."""
    if look.ticket is None:
        return None
    rows = earlier_of(look.contact, agent=look.agent, but=look.ticket)
    return {"rows": rows, "query": look.query, "contact": look.contact}


def organisation(look: Look) -> Mapping[str, Any] | None:
    """Whom they write for, and who of us looks after that organisation; leads choose."""
    if look.contact.organisation is None:
        return None
    owners = active_agents().values_list("pk", "name") if look.agent.is_lead else ()
    return {"organisation": look.contact.organisation, "owners": list(owners)}
