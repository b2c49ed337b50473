"""What rules do besides changing a ticket's properties: notes in it, mails to agents, and remembering their turns."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from helpdesk.actions import notices, tickets
from helpdesk.actions.indexing import index_message
from helpdesk.models import Agent, Mailbox, Message, Role, RuleTurn, Ticket
from helpdesk.queries.alarms import ways_out
from helpdesk.text import clean, clean_text, fill
from routing_rules.engine import Rule

#: A rule tells the same people of the same ticket no more often.
NOTICE_PAUSE = timedelta(hours=1)
#: Tickets about which one rule mails the same people within one hour: a storm of mail is not to become a second one.
NOTICES_MAX = 50
LISTENERS = ("owner", "leads", "team")


def take_turn(*, ticket: Ticket, uid: str, occasion: str, at: datetime) -> None:
    """Write down that a rule has fired on this occasion, as the one time that it does.

    Raises IntegrityError when it has: whoever asks holds the ticket's lock and has looked before, so the key only
    guards what must never be.
    """
    RuleTurn.objects.create(ticket=ticket, rule_uid=UUID(uid), occasion=occasion, created_at=at)


@transaction.atomic(savepoint=False)
def note(*, ticket: Ticket, rule_name: str, text: str, at: datetime) -> Message | None:
    """Leave an internal note in the name of a rule, its {{name}} places filled; None when that leaves no text."""
    body = clean_text(fill(text, places_of(ticket=ticket, rule_name=rule_name)))
    if not body:
        return None
    with translation.override(settings.LANGUAGE_CODE):
        author = clean(_("Rule “%(name)s”") % {"name": rule_name}, max_length=200)
    message = Message.objects.create(
        ticket=ticket, kind=Message.Kind.NOTE, sender_name=author, text=body, created_at=at
    )
    index_message(message=message)
    tickets.note_arrivals(arrivals=[tickets.Arrival(ticket=ticket, message=message, at=at)])
    return message


def places_of(*, ticket: Ticket, rule_name: str) -> dict[str, str]:
    """What the {{name}} places of a rule's note are filled with."""
    return {
        "reference": ticket.reference,
        "subject": ticket.subject,
        "contact_name": str(ticket.contact.name if ticket.contact else ""),
        "owner_name": ticket.owner.name if ticket.owner else "",
        "team_name": ticket.team.name,
        "rule_name": rule_name,
        "desk_name": str(settings.DESK_NAME),
    }


def notify(*, ticket: Ticket, listeners: str, rule: Rule, at: datetime) -> str:
    """Mail the owner, the leads of the team or all of it about ``ticket``, at most once an hour for one rule.

    Returns why nobody was told, '' if somebody was (now or within the hour).
    """
    people = _people(ticket, listeners)
    mailbox = next(iter(ways_out(troubles=())), None)
    if not people:
        return f"There is nobody to tell: {listeners}."
    if mailbox is None:
        return "There is no mailbox that a notice could leave by."
    hour = int(at.timestamp() // NOTICE_PAUSE.total_seconds())
    told = RuleTurn.objects.filter(rule_uid=UUID(rule.uid), occasion=f"notice {listeners} {hour}")
    if told.filter(ticket=ticket).exists():
        return ""
    if told.count() >= NOTICES_MAX:
        return f"{rule.name} has mailed about {NOTICES_MAX} tickets within this hour; it waits for the next one."
    take_turn(ticket=ticket, uid=rule.uid, occasion=f"notice {listeners} {hour}", at=at)
    link = f"{settings.SITE_URL}{reverse('ticket', args=[ticket.reference])}"
    for agent in people:
        with translation.override(agent.language):
            subject = clean(f"[{ticket.reference}] {ticket.subject}", max_length=250)
            text = _("The rule “%(rule)s” wants you to look at this ticket.") % {"rule": rule.name}
            notices.post(to=agent, mailbox=mailbox, subject=subject, text=f"{text}\n\n{link}\n", at=at)
    return ""


def _people(ticket: Ticket, listeners: str) -> Collection[Agent]:
    if listeners == "owner":
        found = [ticket.owner] if ticket.owner is not None and ticket.owner.is_active else []
    else:
        found = list(ticket.team.agents.filter(is_active=True).order_by("id"))
        if listeners == "leads":
            found = [agent for agent in found if agent.role == Role.LEAD]
    ours = frozenset().union(*(mailbox.addresses for mailbox in Mailbox.objects.all()))
    return [agent for agent in found if agent.email not in ours]
