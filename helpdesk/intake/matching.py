"""Which ticket does a mail belong to (MAIL.md 16)? Reads only, and for many mails at once.

Strongest first: a signed token of ours; the Message-ID of a mail that is in a ticket; a reference number in the subject
from somebody who takes part. A number alone, a forged or shortened token, never.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef

from helpdesk import keys, references
from helpdesk.models import AwaitedParent, Delivery, Entry, Identity, Message, Participant, State, Ticket
from helpdesk.text import counted_as
from mail_gateway import ids
from mail_gateway.mail import Kind, ParsedMail

Threading = Message.Threading

#: A mail names its parents last; more than these are history.
MAX_PARENTS = 40
#: A subject that holds more reference numbers than these is a list of tickets.
MAX_REFERENCES = 3


@dataclass(frozen=True, slots=True)
class Match:
    """The ticket that a mail belongs to (None: a new one), why, and which tickets may belong to it for agents to see.

    ``early`` are tickets that nobody has touched and whose mail answers this one: it arrived before its parent.
    ``suggested`` are such tickets that somebody has worked on already. ``delivery`` is the mail of ours that bounced.
    """

    ticket: Ticket | None
    threading: Message.Threading
    is_participant: bool = False
    early: tuple[Ticket, ...] = ()
    suggested: tuple[Ticket, ...] = ()
    awaited: tuple[str, ...] = ()
    delivery: Delivery | None = None


def parents_of(mail: ParsedMail) -> tuple[str, ...]:
    """Message-IDs that ``mail`` answers, the closest first: In-Reply-To, then References from the newest back."""
    ordered = (*mail.in_reply_to, *reversed(mail.references))
    return tuple(dict.fromkeys(each for each in ordered if each and each != mail.message_id))[:MAX_PARENTS]


def names_of(mail: ParsedMail) -> frozenset[str]:
    """Its own Message-ID and those that it answers: two mails that share none have nothing to do with each other."""
    return frozenset({mail.message_id, *parents_of(mail)} - {""})


def take_turns(mails: Iterable[ParsedMail]) -> None:
    """Let two workers that have a reply and its parent, or two mails of one person, in hand at one moment follow each
    other.

    Otherwise neither sees what the other has not committed: a reply and its parent would never be brought together, and
    both workers would give the person the last acknowledgement of the day. SQLite has one writer at a time anyway. The
    locks end with the transaction; taking them all at once, in order, keeps workers from a deadlock.
    """
    if connection.vendor != "postgresql":
        return
    names = {name for mail in mails for name in _turns_of(mail)}
    numbers = sorted(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True) for name in names)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(number) FROM unnest(%s::bigint[]) AS number", [numbers])


def _turns_of(mail: ParsedMail) -> Iterator[str]:
    yield from names_of(mail)
    if mail.automatic.kind in {Kind.BOUNCE, Kind.DELAY}:
        yield "returned mail"  # a day's is gathered in one ticket, which only one may open (intake.collecting)
    if mail.sender is not None and not mail.suppression:
        yield f"sender {counted_as(mail.sender.addr)}"


@dataclass(frozen=True, slots=True)
class Known:
    """What the desk has of all that some mails name, read at once: four statements for any number of mails.

    ``holders`` are the tickets of each Message-ID, oldest message first; ``waiting`` the tickets with a reply to it
    that came before it; ``tickets`` what any of these, a token or a reference names, by id; ``takes_part`` pairs of
    ticket and address.
    """

    holders: Mapping[str, Sequence[int]]
    waiting: Mapping[str, frozenset[int]]
    tickets: Mapping[int, Ticket]
    takes_part: frozenset[tuple[int, str]]

    @classmethod
    def of(cls, mails: Iterable[tuple[ParsedMail, Sequence[str]]]) -> "Known":
        """Everything about these mails, each with the recipients of its envelope."""
        mails = list(mails)
        holders, waiting = defaultdict[str, list[int]](list), defaultdict[str, set[int]](set)
        parents = {parent for mail, _ in mails for parent in parents_of(mail)}
        if parents:
            rows = Message.objects.filter(message_id__in=parents).order_by("id").values_list("message_id", "ticket_id")
            for message_id, ticket_id in rows:
                holders[message_id].append(ticket_id)
        own = {mail.message_id for mail, _ in mails} - {""}
        if own:
            for message_id, ticket_id in _awaiting(own):
                waiting[message_id].add(ticket_id)
        numbers = {number for mail, recipients in mails for number in _named(mail, recipients)}
        tickets = _tickets(numbers.union(*holders.values(), *waiting.values()))
        senders = {_sender(mail) for mail, _ in mails} - {""}
        return cls(
            holders=holders,
            waiting={message_id: frozenset(numbers) for message_id, numbers in waiting.items()},
            tickets=tickets,
            takes_part=_participants(tickets, senders),
        )

    def living(self, ticket_id: int) -> Ticket | None:
        """The ticket itself, or the one that it was merged into; chains don't exist (actions.tickets.join)."""
        found = self.tickets.get(ticket_id)
        if found is None or found.merged_into_id is None:
            return found
        # The same object for all who lead there: what one mail changes, the next one sees.
        return self.tickets.get(found.merged_into_id, found.merged_into)


def _awaiting(names: Iterable[str]) -> Iterable[tuple[str, int]]:
    """Each of ``names`` that a mail awaits, with the ticket of that mail.

    A mail that is with one of its parents already awaits no other: whoever knows the name of one that never came could
    take the whole ticket over.
    """
    its_parents = AwaitedParent.objects.filter(message=OuterRef(OuterRef("message"))).values("parent_id")
    came = Message.objects.filter(ticket=OuterRef("message__ticket"), message_id__in=its_parents)
    return AwaitedParent.objects.filter(~Exists(came), parent_id__in=names).values_list(
        "parent_id", "message__ticket_id"
    )


def _tickets(numbers: Iterable[int]) -> dict[int, Ticket]:
    """By id, with those that they were merged into; one object a ticket."""
    wanted = set(numbers)
    if not wanted:
        return {}
    rows = Ticket.objects.select_related("contact__organisation", "team", "owner")
    found = {ticket.pk: ticket for ticket in rows.filter(pk__in=wanted)}
    targets = {ticket.merged_into_id for ticket in found.values() if ticket.merged_into_id} - found.keys()
    return found | ({ticket.pk: ticket for ticket in rows.filter(pk__in=targets)} if targets else {})


def _participants(tickets: Iterable[int], senders: Iterable[str]) -> frozenset[tuple[int, str]]:
    rows = Participant.objects.filter(ticket__in=list(tickets), identity__in=Identity.objects.mail(senders))
    return frozenset(rows.values_list("ticket_id", "identity__value")) if tickets and senders else frozenset()


def _sender(mail: ParsedMail) -> str:
    return mail.sender.addr.lower() if mail.sender else ""


def _named(mail: ParsedMail, recipients: Iterable[str]) -> Iterator[int]:
    """Numbers of the tickets that a token or a reference in ``mail`` names."""
    yield from (token.ticket_id for _, token in _tokens(mail, parents_of(mail), recipients))
    yield from references.ticket_ids(mail.subject, prefix=settings.REFERENCE_PREFIX)[:MAX_REFERENCES]


def match(*, mail: ParsedMail, known: Known, recipients: Sequence[str], is_trustworthy: bool) -> Match:
    """Where ``mail`` belongs. ``recipients`` are the envelope's; ``is_trustworthy`` is False for a forged sender."""
    if mail.automatic.kind in {Kind.BOUNCE, Kind.DELAY}:
        return _match_bounce(mail, recipients)
    sender = _sender(mail)
    if not sender:
        # Rule 14: a sender who can't be read joins nothing.
        return Match(ticket=None, threading=Threading.NEW)
    parents = parents_of(mail)
    awaited = tuple(parent for parent in parents if parent not in known.holders)
    ticket, threading = _by_moved_message(known, parents), Threading.MESSAGE_ID
    if ticket is None:
        ticket, threading = _by_token(known, mail, parents, recipients)
    if ticket is not None:
        awaited = ()
    else:
        ticket, threading = _by_message_id(known, parents, sender), Threading.MESSAGE_ID
    if ticket is None and is_trustworthy:
        ticket, threading = _by_reference(known, mail.subject, sender), Threading.REFERENCE
    # A forged mail gathers nobody's replies.
    early, suggested = _early_replies(known, mail, ticket) if is_trustworthy else ((), ())
    if ticket is None:
        threading = Threading.LATE_PARENT if early else Threading.NEW
    return Match(
        ticket=ticket,
        threading=threading,
        is_participant=ticket is not None and (ticket.pk, sender) in known.takes_part,
        early=early,
        suggested=suggested,
        awaited=awaited,
    )


def kept_apart(found: Match) -> Match:
    """Where the mail of a blocked sender belongs: a ticket that is spam already, else one of its own."""
    if found.ticket is not None and found.ticket.state == State.SPAM:
        return replace(found, early=(), suggested=())
    return Match(ticket=None, threading=Threading.NEW)


def _match_bounce(mail: ParsedMail, recipients: Iterable[str]) -> Match:
    """A bounce belongs to the mail that it returns, told by a token of ours; a forged one belongs nowhere."""
    all_keys = keys.mail_keys()
    # The envelope's recipient; of fetched mail only its headers tell.
    for address in dict.fromkeys((*recipients, *mail.delivered_to, *(each.addr for each in mail.to))):
        number = ids.read_bounce_address(all_keys, address)
        if number is not None:
            delivery = Delivery.objects.defer("mime").select_related("message__ticket").filter(pk=number).first()
            if delivery is not None and delivery.message is not None:
                return Match(_living(delivery.message.ticket), Threading.ADDRESS, delivery=delivery)
    for message_id in (mail.bounced_message_id, *parents_of(mail)):
        token = ids.read_message_id(all_keys, message_id)
        if token is not None:
            delivery = (
                Delivery.objects.defer("mime")
                .select_related("message__ticket")
                .filter(message__message_id=message_id, message__ticket__isnull=False)
                .first()
            )
            if delivery is not None and delivery.message is not None:
                return Match(_living(delivery.message.ticket), Threading.TOKEN, delivery=delivery)
    return Match(ticket=None, threading=Threading.NEW)


def _tokens(
    mail: ParsedMail, parents: Iterable[str], recipients: Iterable[str]
) -> Iterator[tuple[Message.Threading, ids.ReplyToken]]:
    """Tokens of ours in ``mail``, the strongest first: in the Message-IDs that it answers, then in its addresses."""
    all_keys = keys.mail_keys()
    for message_id in parents:
        if (token := ids.read_message_id(all_keys, message_id)) is not None:
            yield Threading.TOKEN, token
    addresses = (*recipients, *mail.delivered_to, *(each.addr for each in (*mail.to, *mail.cc)))
    for address in dict.fromkeys(addresses):
        if (token := ids.read_reply_address(all_keys, address)) is not None:
            yield Threading.ADDRESS, token


def _by_token(
    known: Known, mail: ParsedMail, parents: Iterable[str], recipients: Iterable[str]
) -> tuple[Ticket | None, Message.Threading]:
    for threading, token in _tokens(mail, parents, recipients):
        if (ticket := known.living(token.ticket_id)) is not None:
            return ticket, threading
    return None, Threading.NEW


def _by_moved_message(known: Known, parents: Sequence[str]) -> Ticket | None:
    """The ticket of a message that an agent has moved and that is closer than the closest token of ours.

    Its answers follow it: what it had answered itself, in the ticket that it was moved from, is only history. Not so
    where a second ticket holds its Message-ID: that may be a stranger's mail under the Message-ID of somebody else's.
    """
    all_keys = keys.mail_keys()
    closer = list(takewhile(lambda parent: ids.read_message_id(all_keys, parent) is None, parents))
    held = [parent for parent in closer if len(set(known.holders.get(parent, ()))) == 1]
    if not held or len(closer) == len(parents):  # without a token the closest known parent decides anyway
        return None
    moved = Message.objects.filter(message_id__in=held, entries__kind=Entry.Kind.MESSAGE_MOVED).order_by("id")
    found = dict(moved.values_list("message_id", "ticket_id"))
    return next((known.living(found[parent]) for parent in held if parent in found), None)


def _by_message_id(known: Known, parents: Iterable[str], sender: str) -> Ticket | None:
    """The ticket of the closest known parent.

    A Message-ID can stand in several tickets, since senders choose it: the one where the sender takes part wins, then
    the oldest message's.
    """
    for parent in parents:
        numbers = known.holders.get(parent, ())
        if numbers:
            own = sorted({number for number in numbers if (number, sender) in known.takes_part})
            return known.living((own or numbers)[0])
    return None


def _by_reference(known: Known, subject: str, sender: str) -> Ticket | None:
    for number in references.ticket_ids(subject, prefix=settings.REFERENCE_PREFIX)[:MAX_REFERENCES]:
        ticket = known.living(number)
        # The sender must take part in the ticket that the number names, or in the one that it was merged into.
        if ticket is not None and not {(number, sender), (ticket.pk, sender)}.isdisjoint(known.takes_part):
            return ticket
    return None


def _early_replies(
    known: Known, mail: ParsedMail, ticket: Ticket | None
) -> tuple[tuple[Ticket, ...], tuple[Ticket, ...]]:
    """Tickets whose mail answers ``mail``, apart from ``ticket``: those that nobody has touched, and the others."""
    numbers = known.waiting.get(mail.message_id, frozenset()) - {ticket.pk if ticket else 0}
    found = (known.tickets[number] for number in sorted(numbers) if number in known.tickets)
    waiting = [each for each in found if each.merged_into_id is None and each.state != State.SPAM]
    if not waiting:
        return (), ()
    touched = set(
        Entry.objects.filter(ticket__in=waiting, agent__isnull=False).values_list("ticket_id", flat=True).distinct()
    )
    return (
        tuple(each for each in waiting if each.pk not in touched),
        tuple(each for each in waiting if each.pk in touched),
    )


def _living(ticket: Ticket) -> Ticket:
    """The ticket itself, or the one that it was merged into."""
    return ticket.merged_into or ticket
