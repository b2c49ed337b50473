"""What was promised, as a block beside the ticket and on the customer's page; and what waits on a ticket."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from helpdesk import spoken_time
from helpdesk.console import promise_words
from helpdesk.console.customer_look import Look
from helpdesk.models import Agent, Promise, Ticket
from helpdesk.queries import promises as found

#: Minutes before a promise is due at which its owner hears of it besides.
LEADS = (0, 15, 60, 24 * 60)


def promises(look: Look) -> Mapping[str, Any]:
    """Open promises to this customer and the last that were settled, of all tickets that the agent may see."""
    rows = found.about_contact(agent=look.agent, contact=look.contact)
    own = promised(rows, look.ticket, look.agent, members=look.members)
    return {"promised": {**own, "contact": look.contact if look.ticket is None else None}}


def promised_context(*, ticket: Ticket, agent: Agent) -> dict[str, Any]:
    """For ``console/ticket/promised.html``: the same beside a ticket whose customer nobody knows."""
    if ticket.contact is None:
        rows = found.about(ticket=ticket)
    else:
        rows = found.about_contact(agent=agent, contact=ticket.contact)
    return {"promised": promised(rows, ticket, agent)}


def promised(
    rows: Sequence[Promise], ticket: Ticket | None, agent: Agent, *, members: Sequence[tuple[int, str]] | None = None
) -> dict[str, Any]:
    """What ``console/ticket/promised.html`` shows. ``keepers``: who could owe a promise of this ticket."""
    now = timezone.now()
    return {
        "rows": [(row, row.state == "open" and row.due_at <= now) for row in rows],
        "ticket": ticket,
        "contact": None,
        "keepers": _keepers(ticket if rows else None, agent, members),
    }


def later_context(
    ticket: Ticket, agent: Agent, *, members: Sequence[tuple[int, str]] | None = None
) -> Mapping[str, Any]:
    """For ``console/ticket/later.html``: times to choose from, and who could owe a promise.

    ``members``: id and name of those in the ticket's team, where they are known already.
    """
    return {
        "times": time_choices(),
        "leads": [(str(each), promise_words.lead(each)) for each in LEADS],
        "keepers": _keepers(ticket, agent, members),
        "me": str(agent.pk),
        "seen": ticket.message_cursor,
    }


def _keepers(ticket: Ticket | None, agent: Agent, members: Sequence[tuple[int, str]] | None) -> list[tuple[str, str]]:
    """Who could owe a promise of the ticket, by name: its team and the agent; without a ticket the agent alone."""
    if ticket is None:
        members = ()
    elif members is None:
        members = list(ticket.team.agents.filter(is_active=True).values_list("pk", "name"))
    people = {**dict(members), agent.pk: agent.name}
    return [(str(number), name) for number, name in sorted(people.items(), key=lambda each: each[1])]


def time_choices() -> list[tuple[str, str, datetime]]:
    """Label, what the field understands, and the moment, of each time that is offered."""
    zone = timezone.get_current_timezone()
    offered = spoken_time.choices(now=timezone.now(), zone=zone)
    return [(str(promise_words.CHOICES[choice]), f"{at.astimezone(zone):%Y-%m-%d %H:%M}", at) for choice, at in offered]
