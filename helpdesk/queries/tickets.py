"""Which tickets an agent sees, and one of them by its reference. Permission is part of the fetch."""

from django.conf import settings
from django.db.models import Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from helpdesk import references
from helpdesk.models import Agent, Attachment, Entry, Identity, Message, Team, Ticket


def teams_of(agent: Agent) -> QuerySet[Team]:
    """The teams whose tickets ``agent`` sees: their own, for an admin all."""
    return Team.objects.all() if agent.is_admin else Team.objects.filter(memberships__agent=agent)


def visible_to(agent: Agent) -> QuerySet[Ticket]:
    """The tickets that ``agent`` may see and change."""
    if agent.is_admin:
        return Ticket.objects.all()
    return Ticket.objects.filter(team__in=teams_of(agent).values("pk"))


def ticket_for(agent: Agent, reference: str) -> Ticket:
    """The ticket ``reference``, with its customer, team, owner, channel and `Ticket.journal_cursor` loaded.

    Raises Ticket.DoesNotExist when there is none, when the check digit is wrong, and when the agent may not see it:
    the three can't be told apart from outside.
    """
    number = references.ticket_id(reference, prefix=settings.REFERENCE_PREFIX)
    rows = visible_to(agent).select_related("contact__organisation", "team", "owner", "channel__mailbox", "merged_into")
    newest = Entry.objects.filter(ticket=OuterRef("pk")).order_by().values("ticket").values(newest=Max("pk"))
    row = rows.annotate(newest_line=Coalesce(Subquery(newest), 0)).get(pk=number or 0)
    row.journal_cursor = row.newest_line
    return row


def message_for(agent: Agent, message_id: int) -> Message:
    """A message of a ticket that ``agent`` may see. Raises Message.DoesNotExist otherwise."""
    return Message.objects.select_related("ticket", "event").get(pk=message_id, ticket__in=visible_to(agent))


def sender_of(message: Message) -> Identity | None:
    """The known address that a mail came from."""
    return Identity.objects.mail([message.sender_address]).first()


def identity_of(ticket: Ticket, number: str) -> Identity | None:
    """The address with that id, if it is one of the ticket's customer; ``number`` is what a form sent."""
    if ticket.contact is None or not number.isdecimal() or len(number) > 18:
        return None
    return ticket.contact.identities.filter(pk=int(number)).first()


def attachment_for(agent: Agent, attachment_id: int) -> Attachment:
    """A file of a ticket that ``agent`` may see. Raises Attachment.DoesNotExist otherwise."""
    return Attachment.objects.get(pk=attachment_id, message__ticket__in=visible_to(agent))
