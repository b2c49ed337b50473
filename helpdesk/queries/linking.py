"""Which recent tickets an article would be offered to: the acknowledgement's own choice, made again."""

from collections.abc import Sequence
from dataclasses import dataclass

from helpdesk.models import Agent, Message, Ticket
from helpdesk.queries import knowledge
from helpdesk.queries.tickets import visible_to

#: Choosing articles for one message takes about a millisecond.
LOOK_AT = 100


@dataclass(frozen=True)
class Linked:
    """``tickets`` are those of the ``looked_at`` newest ones whose first message would bring a link."""

    looked_at: int
    tickets: Sequence[Ticket]


def tickets_that_get(*, slug: str, agent: Agent, limit: int = LOOK_AT) -> Linked:
    """Look at the newest tickets that ``agent`` may see."""
    newest = list(visible_to(agent).order_by("-last_activity_at", "-id")[:limit])
    first = _first_texts([ticket.pk for ticket in newest])
    found = [
        ticket
        for ticket in newest
        if ticket.pk in first
        and any(
            match.slug == slug
            for match in knowledge.articles_for(text=first[ticket.pk], subject=ticket.subject, language=ticket.language)
        )
    ]
    return Linked(looked_at=len(newest), tickets=found)


def _first_texts(ticket_ids: Sequence[int]) -> dict[int, str]:
    """The text of the first customer's message of each ticket."""
    rows = (
        Message.objects.filter(ticket__in=ticket_ids, kind=Message.Kind.CUSTOMER)
        .order_by("-id")
        .values_list("ticket_id", "new_text", "text")
    )
    # Newest first, so that the oldest of each ticket is the one that stays.
    return {ticket_id: new_text or text for ticket_id, new_text, text in rows}
