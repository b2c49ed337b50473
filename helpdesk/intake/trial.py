"""One mail, or a ticket that is there, tried on the rules of today: what they would decide, and who would get it.

The same steps as `intake.process`, up to the point where it would be written down. The database refuses every write
meanwhile.
"""

from dataclasses import dataclass
from datetime import datetime

from helpdesk import routing
from helpdesk.actions import tickets
from helpdesk.intake import acknowledgement, record
from helpdesk.intake.guards import check_sender
from helpdesk.intake.matching import Known, match
from helpdesk.intake.passage import Passage, ReadMail
from helpdesk.intake.process import case_of, place
from helpdesk.intake.standing import Standing
from helpdesk.models import Channel, Identity, InboundEvent, Message, Ticket
from helpdesk.queries.replay import reading_only
from helpdesk.queries.routing import Decided, decided, facts_of_decision
from mail_gateway.mail import ParsedMail
from routing_rules.engine import Outcome, Step, explain
from routing_rules.vocabulary import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What would happen. ``ticket`` is a draft that nobody has stored, or the one that the mail would join.

    ``verdict`` is about the acknowledgement, '' where only the rules were asked; ``template`` the text that they chose.
    """

    subject: str
    sender: str
    ticket: Ticket
    joins: bool
    tags: tuple[str, ...] = ()
    template: str = ""
    verdict: str = ""
    decided: Decided | None = None
    steps: tuple[Step, ...] = ()

    @property
    def is_unclear(self) -> bool:
        """Whether some rule hangs on a fact that was not recorded then."""
        return any(step.outcome is Outcome.UNKNOWN for step in self.steps)


def try_mail(*, mail: ParsedMail, channel: Channel, at: datetime) -> Trial:
    """What would become of a mail that came to ``channel`` now. Raises Team.DoesNotExist without a default team."""
    with reading_only():
        standing = Standing.load()
        event = InboundEvent(channel=standing.channels[channel.pk], received_at=at, envelope={}, size=0)
        passage = _passage(ReadMail(event, mail), standing)
        if passage.found.ticket is None:
            passage.placement = place(passage, standing)
        (verdict,) = acknowledgement.decide_all([case_of(passage, standing, at)], now=at)
        return _told(passage, verdict, at)


def _passage(read: ReadMail, standing: Standing) -> Passage:
    """As the intake would have it, but for a sender whom it would get to know first."""
    event, mail = read.event, read.mail
    check = check_sender(mail=mail, mailbox=event.channel.mailbox, peer="")
    is_forged = check.verdict == Message.Verdict.FAILED
    recipients = (event.channel.mailbox.address,)
    found = match(mail=mail, known=Known.of([(mail, recipients)]), recipients=recipients, is_trustworthy=not is_forged)
    person = record.sender_of(mail, standing, check)
    rows = Identity.objects.select_related("contact__organisation")
    identity = rows.mail([person.address.lower()]).first() if person else None
    ticket = found.ticket or record.draft_ticket(event, mail, identity, standing)
    message = record.draft_message(read, ticket=ticket, found=found, identity=identity, check=check)
    # Whoever is unknown would be a contact by then: acknowledgements ask for an address only.
    known = identity or (Identity(kind=Identity.Kind.EMAIL, value=person.address.lower()) if person else None)
    return Passage(
        read=read, check=check, found=found, identity=known, copies=(), ticket=ticket, message=message, placement=None
    )


def _told(passage: Passage, verdict: acknowledgement.Verdict, at: datetime) -> Trial:
    placement = passage.placement
    sender = passage.message.sender_address
    if placement is None:
        return Trial(
            subject=passage.mail.subject, sender=sender, ticket=passage.ticket, joins=True, verdict=verdict.value
        )
    return Trial(
        subject=passage.ticket.subject,
        sender=sender,
        ticket=passage.ticket,
        joins=False,
        tags=tuple(sorted(placement.tags)),
        template=placement.acknowledgement,
        verdict=verdict.value,
        decided=decided(routing.decision_of(placement, ticket=passage.ticket, message=None, at=at)),
        steps=explain(placement.rulebook.ruleset, placement.facts, at),
    )


def try_ticket(*, ticket: Ticket, at: datetime) -> Trial:
    """Where ``ticket`` would go if it were opened now: by what was recorded of it then, else by what is known today."""
    with reading_only():
        rulebook = routing.Rulebook.load()
        recorded = ticket.decisions.select_related("message").filter(event=Event.TICKET_CREATED).order_by("id").first()
        first = ticket.messages.order_by("id").first()
        facts = facts_of_decision(recorded) if recorded is not None else _facts_today(ticket, first)
        draft = tickets.draft_ticket(
            channel=ticket.channel,
            team=rulebook.home_of(ticket.channel),
            subject=str(facts.get("subject") or ""),
            contact=ticket.contact,
            language=ticket.language,
            at=at,
        )
        moment = recorded.created_at if recorded is not None else at
        placement = routing.place(rulebook, draft, facts, at=moment)
        return Trial(
            subject=draft.subject,
            sender=first.sender_address if first is not None else "",
            ticket=draft,
            joins=False,
            tags=tuple(sorted(placement.tags)),
            template=placement.acknowledgement,
            decided=decided(routing.decision_of(placement, ticket=draft, message=None, at=moment)),
            steps=explain(rulebook.ruleset, facts, moment),
        )


def _facts_today(ticket: Ticket, message: Message | None) -> dict[str, object]:
    return routing.facts_of(
        ticket=ticket,
        message=message or Message(ticket=ticket),
        recipient=ticket.channel.mailbox.address if hasattr(ticket.channel, "mailbox") else "",
        has_attachments=message is not None and message.attachments.exists(),
        at=message.created_at if message is not None else ticket.created_at,
    )
