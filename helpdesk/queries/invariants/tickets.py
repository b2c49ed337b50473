"""What is always true of tickets, their messages, and what is written down about them."""

from datetime import datetime

from django.db import IntegrityError, connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from helpdesk.models import AwaitedParent, Entry, Message, Participant, State, Ticket
from helpdesk.queries.invariants.proof import Broken, Check, Invariant, rows, statement

_Kind = Message.Kind
_arrival = Exists(
    Entry.objects.filter(message=OuterRef("pk"), kind__in=(Entry.Kind.MESSAGE_ADDED, Entry.Kind.NOTE_ADDED))
)
_requester = Exists(Participant.objects.filter(ticket=OuterRef("pk"), role=Participant.Role.REQUESTER))


def _strangers(_now: datetime) -> QuerySet[Ticket]:
    """A ticket may be without a requester: of a sender who can't be read, of a machine, or one that was merged."""
    known = Message.objects.filter(
        ticket=OuterRef("pk"), kind=_Kind.CUSTOMER, contact__isnull=False, is_third_party=False
    )
    return Ticket.objects.filter(~_requester, Exists(known), merged_into=None)


def _apart(_now: datetime) -> QuerySet[AwaitedParent]:
    """Replies whose parent arrived after them and that stand elsewhere, though nobody has worked on either ticket.

    A forged parent gathers nobody's replies, and where agents have worked it is only suggested (MAIL.md 16).
    """
    by_agent = Entry.objects.filter(agent__isnull=False)
    parents = Message.objects.filter(
        ~Exists(by_agent.filter(ticket=OuterRef("ticket"))),
        message_id=OuterRef("parent_id"),
        kind=_Kind.CUSTOMER,
        pk__gt=OuterRef("message_id"),
        ticket__merged_into=None,
    ).exclude(verdict=Message.Verdict.FAILED)
    return AwaitedParent.objects.filter(
        ~Exists(by_agent.filter(ticket=OuterRef("message__ticket"))),
        Exists(parents.exclude(ticket=OuterRef("message__ticket"))),
        message__ticket__merged_into=None,
    )


def _references(_now: datetime) -> Broken:
    """PostgreSQL never lets one in; SQLite can, when its file was edited by other hands."""
    if connection.vendor == "postgresql":
        return Broken(0, ())
    try:
        connection.check_constraints()
    except IntegrityError as error:
        return Broken(1, (str(error),))
    return Broken(0, ())


IN_A_TICKET = Invariant(
    "I6",
    "Every message is in a ticket that exists, and every row points at rows that exist",
    (
        rows(
            "messages are in a ticket that doesn't exist",
            lambda _now: Message.objects.filter(~Exists(Ticket.objects.filter(pk=OuterRef("ticket_id")))),
        ),
        rows(
            "messages of ours claim to have arrived",
            lambda _now: Message.objects.filter(kind__in=(_Kind.REPLY, _Kind.NOTE, _Kind.AUTOMATIC)).exclude(
                event=None
            ),
        ),
        Check("rows point at nothing", _references),
    ),
)
MERGED = Invariant(
    "I7",
    "A merged ticket is closed, empty, and leads straight to one that is not merged",
    (
        rows(
            "tickets were merged and are not closed",
            lambda _now: Ticket.objects.exclude(merged_into=None).exclude(state=State.CLOSED),
        ),
        rows(
            "tickets were merged into one that was merged itself",
            lambda _now: Ticket.objects.exclude(merged_into__merged_into=None),
        ),
        rows("tickets were merged into themselves", lambda _now: Ticket.objects.filter(merged_into=F("pk"))),
        rows(
            "messages stayed behind in a merged ticket", lambda _now: Message.objects.exclude(ticket__merged_into=None)
        ),
    ),
)
ASKED = Invariant(
    "I8",
    "Every ticket has a requester, or nobody in it could be one",
    (
        rows("tickets have a customer's message and no requester", _strangers),
        rows(
            "tickets have a requester and no customer",
            lambda _now: Ticket.objects.filter(_requester, contact=None, merged_into=None),
        ),
    ),
)
WRITTEN = Invariant(
    "I9",
    "The journal has a line for every message, and no ticket's cursor is behind it",
    (
        rows(
            "messages are not in the journal", lambda _now: Message.objects.filter(~_arrival).exclude(kind="automatic")
        ),
        rows(
            "tickets don't show their newest message as unread",
            lambda _now: Ticket.objects.filter(
                Exists(
                    Entry.objects.filter(
                        ticket=OuterRef("pk"),
                        message__ticket=OuterRef("pk"),  # what an agent has moved elsewhere is no news here
                        kind__in=(Entry.Kind.MESSAGE_ADDED, Entry.Kind.NOTE_ADDED, Entry.Kind.MESSAGE_MOVED),
                        pk__gt=OuterRef("message_cursor"),
                    )
                )
            ),
        ),
    ),
)


def findable() -> Invariant:
    """The search index has no model, and another key on each database."""
    key = "message" if connection.vendor == "postgresql" else "rowid"
    missing = (
        f"SELECT m.id FROM helpdesk_message m WHERE m.kind <> '{_Kind.AUTOMATIC.value}'"  # noqa: S608  # constants
        f" AND NOT EXISTS (SELECT 1 FROM helpdesk_search s WHERE s.{key} = m.id)"
    )
    return Invariant("I10", "Every message can be found", (statement("messages are not in the search index", missing),))


AWAITED = Invariant(
    "I11",
    "A reply that came before its parent stands beside it once the parent has come",
    (
        rows("replies stand apart from their parent", _apart),
        rows(
            "messages wait for themselves or for nothing",
            lambda _now: AwaitedParent.objects.filter(Q(parent_id="") | Q(parent_id=F("message__message_id"))),
        ),
    ),
)


def tickets() -> tuple[Invariant, ...]:
    """All of them."""
    return (IN_A_TICKET, MERGED, ASKED, WRITTEN, findable(), AWAITED)
