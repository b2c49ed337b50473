"""The page to read first: what happens to mails after they were written down.

`process_all` takes accepted events from raw bytes to acknowledged, routed tickets:

    read      in a killable child: parse, sanitise               intake.reader, mail_gateway.parse
    guard     is the sender who the mail says?                   intake.guards
    match     which ticket does it belong to, and why?           intake.matching
    route     rules decide, an owner is chosen                   routing
    record    ticket, message, attachments, journal              intake.record, actions
    answer    acknowledgement, or the reason why not             intake.acknowledgement

Everything after reading is one transaction, of one mail or of several that have nothing to do with each other.
Guarantee: an event ends as exactly one message, or in quarantine with a reason; repeating it after a crash at any point
changes nothing that is done.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from django.db import transaction

from helpdesk import routing
from helpdesk.actions import contacts, tickets
from helpdesk.actions.contacts import Person
from helpdesk.actions.journal import Line, record_all
from helpdesk.intake import acknowledgement, followups, record
from helpdesk.intake.bounces import note_bounce
from helpdesk.intake.collecting import ReturnedMail
from helpdesk.intake.guards import SenderCheck, check_sender
from helpdesk.intake.matching import Known, Match, kept_apart, match, take_turns
from helpdesk.intake.passage import Passage, ReadMail
from helpdesk.intake.standing import Standing
from helpdesk.models import Entry, Identity, InboundEvent, Message, State
from mail_gateway.crash_points import crash_point
from mail_gateway.mail import ParsedMail


@transaction.atomic
def process_all(*, mails: Sequence[ReadMail], standing: Standing, now: datetime) -> list[Message]:
    """Make messages of claimed events, which share no name (`matching.names_of`); those that are done are left out."""
    take_turns(each.mail for each in mails)
    undone = _finish([each.event.pk for each in mails], now)
    crash_point("process.begun")
    passages = _match([each for each in mails if each.event.pk in undone], standing)
    crash_point("process.matched")
    for passage in passages:
        if passage.found.ticket is None:
            passage.placement = place(passage, standing)
    crash_point("process.routed")
    cases = [case_of(passage, standing, now) for passage in passages]
    verdicts = acknowledgement.decide_all(cases, now=now)
    for case, verdict in zip(cases, verdicts, strict=True):
        case.message.acknowledgement = verdict
    heard = followups.Heard.of(passages, standing)
    record.store(passages)
    crash_point("process.recorded")
    for passage in passages:
        _join_early(passage, now)
        crash_point("process.joined")
        if passage.found.delivery is not None:
            note_bounce(delivery=passage.found.delivery, mail=passage.mail, ticket=passage.ticket, at=now)
    acknowledgement.carry_out_all(zip(cases, verdicts, strict=True), now=now)
    heard.tell(now=now)
    crash_point("process.uncommitted")
    return [each.message for each in passages]


def process(*, event: InboundEvent, mail: ParsedMail, standing: Standing, now: datetime) -> Message | None:
    """Make a message of one event, whose raw bytes read as ``mail``; None when somebody else has done it.

    Raises OSError when its files can't be stored.
    """
    return next(iter(process_all(mails=[ReadMail.with_files(event, mail)], standing=standing, now=now)), None)


def _finish(numbers: Collection[int], now: datetime) -> frozenset[int]:
    """Mark events as done, in the same transaction as everything that follows; which of them weren't."""
    rows = InboundEvent.objects.filter(pk__in=numbers).exclude(state=InboundEvent.State.DONE)
    undone = frozenset(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
    InboundEvent.objects.filter(pk__in=undone).update(
        state=InboundEvent.State.DONE,
        reason=InboundEvent.Reason.NONE,
        detail="",
        processed_at=now,
        lease_until=None,
    )
    return undone


def _match(mails: Sequence[ReadMail], standing: Standing) -> list[Passage]:
    """Who wrote each mail, and in which ticket it belongs: one that is there, or a draft."""
    for read in mails:
        read.event.channel = standing.channels[read.event.channel_id]
    known = Known.of((read.mail, read.recipients) for read in mails)
    met = [_meet(read, known, standing) for read in mails]
    identities = contacts.identities_for(people=chain.from_iterable(each.people for each in met))
    returned = ReturnedMail(mails)
    return [_draft(each, identities, returned, standing) for each in met]


@dataclass(frozen=True, slots=True)
class _Met:
    """A mail, whether its sender is to be believed, where it belongs, and the people that it brings along."""

    read: ReadMail
    check: SenderCheck
    found: Match
    sender: Person | None
    copies: Sequence[Person]

    @property
    def people(self) -> Iterable[Person]:
        return self.copies if self.sender is None else (self.sender, *self.copies)


def _meet(read: ReadMail, known: Known, standing: Standing) -> _Met:
    mail, event = read.mail, read.event
    check = check_sender(mail=mail, mailbox=event.channel.mailbox, peer=event.envelope.get("peer", ""))
    crash_point("process.guarded")
    is_forged = check.verdict == Message.Verdict.FAILED
    found = match(mail=mail, known=known, recipients=read.recipients, is_trustworthy=not is_forged)
    sender = record.sender_of(mail, standing, check)
    copies = record.copies_of(mail, sender, standing) if found.ticket is None else ()
    return _Met(read, check, found, sender, copies)


def _draft(met: _Met, identities: Mapping[str, Identity], returned: ReturnedMail, standing: Standing) -> Passage:
    read, found = met.read, returned.found(met.read, met.found)
    identity = identities[met.sender.address.lower()] if met.sender else None
    if identity is not None and identity.blocked_at is not None:
        found = kept_apart(found)
    if identity is not None and met.check.verdict == Message.Verdict.VERIFIED:
        contacts.note_alive(identity=identity, at=read.event.received_at)
    ticket = found.ticket or record.draft_ticket(read.event, read.mail, identity, standing)
    returned.opened(read, found, ticket)
    return Passage(
        read=read,
        check=met.check,
        found=found,
        identity=identity,
        copies=[identities[person.address.lower()] for person in met.copies],
        ticket=ticket,
        message=record.draft_message(read, ticket=ticket, found=found, identity=identity, check=met.check),
    )


def place(passage: Passage, standing: Standing) -> routing.Placement:
    """Let the rules place a mail that opens a ticket; nothing is written."""
    event = passage.event
    recipients = passage.read.recipients or [event.channel.mailbox.address]
    facts = routing.facts_of(
        ticket=passage.ticket,
        message=passage.message,
        recipient=recipients[0].lower(),
        has_attachments=bool(passage.mail.attachments),
        at=event.received_at,
    )
    # Bounces and out-of-office wait in the queue: they take nobody's capacity until somebody picks them up.
    has_owner = passage.wants_a_person and passage.ticket.state != State.SPAM
    return routing.place(standing.rulebook, passage.ticket, facts, at=event.received_at, has_owner=has_owner)


def case_of(passage: Passage, standing: Standing, now: datetime) -> acknowledgement.Case:
    """All that the decision about an acknowledgement looks at."""
    event = passage.event
    return acknowledgement.Case(
        mail=passage.mail,
        ticket=passage.ticket,
        message=passage.message,
        mailbox=event.channel.mailbox,
        identity=passage.identity,
        check=passage.check,
        placement=passage.placement,
        templates=standing.acknowledgements,
        envelope_from=event.envelope.get("mail_from"),
        envelope_to=passage.read.recipients,
        our_addresses=standing.our_addresses,
        is_silent=event.is_silent,
        received_at=event.received_at,
        now=now,
    )


def _join_early(passage: Passage, now: datetime) -> None:
    """Replies that came before this mail are brought together with it; those that somebody works on, only suggested."""
    found, ticket = passage.found, passage.ticket
    for early in found.early:
        tickets.join(ticket=early, into=ticket, by=None, at=now)
    if found.suggested:
        lines = [
            Line(kind=Entry.Kind.JOIN_SUGGESTED, data={"ticket": each.reference, "subject": each.subject})
            for each in found.suggested
        ]
        record_all(lines, ticket=ticket, at=now)


def as_plain(mail: ParsedMail, *, text: str) -> ParsedMail:
    """A mail whose structure nobody could read, opened by an agent's choice as the text that it is."""
    return replace(mail, text=text, reply_text=text, html="", attachments=())
