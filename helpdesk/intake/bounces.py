"""A report about a mail of ours, and a token of ours proves that it was ours (MAIL.md 25)."""

from datetime import datetime

from helpdesk.actions import returns
from helpdesk.models import Delivery, Ticket
from mail_gateway.bounce_reasons import of_report
from mail_gateway.mail import Kind, ParsedMail


def note_bounce(*, delivery: Delivery, mail: ParsedMail, ticket: Ticket, at: datetime) -> None:
    """Write down what the report says: the mail came back, or it is delayed.

    Only an address that we really wrote to is named; when the report names none of several, nobody can say which it
    was. Whoever has had the mail knows its Message-ID, and could make up a report about it: that shows the ticket once
    more, and marks their own address, but nobody else's: of several recipients none is marked.
    """
    if mail.automatic.kind is Kind.DELAY:
        returns.is_delayed(delivery=delivery, ticket=ticket, at=at)
    if mail.automatic.kind is not Kind.BOUNCE:
        return
    written_to = {address.lower() for address in delivery.recipients}
    bounced = {address.lower() for address in mail.bounced_recipients} & written_to
    if not bounced and len(written_to) == 1:
        bounced = written_to
    returns.came_back(delivery=delivery, ticket=ticket, addresses=bounced, reason=of_report(mail), at=at)
