"""What a ticket's page shows: its messages and the lines between them, the customer, what else that customer wrote.

A fixed number of queries, whatever the length of the conversation; the long texts of a message (everything quoted,
HTML) are not read here but asked for one by one.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Case, F, Q, When
from django.db.models.functions import Left, Length

from helpdesk import references
from helpdesk.models import Agent, Attachment, Entry, Message, Ticket
from helpdesk.queries import inbox
from helpdesk.queries.tickets import visible_to
from helpdesk.text import shares_no_word

#: Messages on one page; older ones are a link away.
MESSAGES = 100
EARLIER = 8

#: Mail that came in, and can be moved. Our own answers stay where they were sent from: the customer's answer comes back
#: there, by their Message-ID.
MOVABLE = (Message.Kind.CUSTOMER, Message.Kind.MACHINE)
#: What makes a conversation; notes and acknowledgements alone are none.
CONVERSATION = (*MOVABLE, Message.Kind.REPLY)

#: Journal lines that a message shows by itself.
_ARRIVALS = (Entry.Kind.MESSAGE_ADDED, Entry.Kind.NOTE_ADDED)
#: Why a mail joined a ticket that was there before it.
_FOLLOW_UPS = {
    Message.Threading.TOKEN,
    Message.Threading.ADDRESS,
    Message.Threading.MESSAGE_ID,
    Message.Threading.REFERENCE,
}
_SAID_BY_MESSAGES = (
    *_ARRIVALS,
    Entry.Kind.ACKNOWLEDGED,
    Entry.Kind.DELIVERY_CHANGED,
)


@dataclass(frozen=True, slots=True)
class File:
    """An attachment; ``size`` in bytes."""

    id: int
    filename: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Said:
    """One message. ``quoted_chars`` counts what ``text`` leaves out: quoted history, signature, beyond ``LONGEST``.

    ``portrait`` is the key of its agent's picture, '' for none.
    """

    id: int
    kind: str
    author: str
    address: str
    agent_id: int
    portrait: str
    subject: str
    text: str
    quoted_chars: int
    has_html: bool
    verdict: str
    is_third_party: bool
    has_new_subject: bool
    at: datetime
    delivery_state: str
    delivery_error: str
    delivery_due_at: datetime | None
    bounced: tuple[str, ...]
    delayed_at: datetime | None
    files: tuple[File, ...]

    @property
    def is_agent(self) -> bool:
        return self.agent_id != 0

    @property
    def is_internal(self) -> bool:
        return self.kind == Message.Kind.NOTE

    @property
    def verdict_label(self) -> str:
        return str(Message.Verdict(self.verdict).label)


@dataclass(frozen=True, slots=True)
class Line:
    """One change of the ticket, between the messages."""

    id: int
    kind: str
    who: str
    data: dict[str, Any]
    at: datetime
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages and folded groups of lines, oldest first. ``cursor`` is the journal id up to which this is true."""

    items: tuple[Said | tuple[Line, ...], ...]
    cursor: int
    older_than: int
    """The id to ask for the messages before these; 0 when these are all."""


#: What is shown of one message in a conversation, in characters: a page of a hundred of a million would be none.
LONGEST = 30_000
#: What is new in a message. Only mail from outside has its quoted history told apart; of all else the text is the text.
SHOWN_TEXT = Left(Case(When(new_text="", then=F("text")), default=F("new_text")), LONGEST)
_ANNOTATIONS = {
    "shown_text": SHOWN_TEXT,
    "quoted_chars": Length("text") - Length(SHOWN_TEXT),
    "html_chars": Length("html"),
}
_COLUMNS = (
    "id", "kind", "sender_name", "sender_address", "agent_id", "agent__name", "agent__portrait", "contact__name",
    "subject", "shown_text", "quoted_chars", "html_chars", "verdict", "threading", "is_third_party", "created_at",
    "delivery__state", "delivery__error", "delivery__next_attempt_at", "delivery__bounced",
    "delivery__delayed_at", "delivery__recipients",
)  # fmt: skip


def conversation_of(ticket: Ticket, *, before: int = 0, limit: int = MESSAGES) -> Conversation:
    """The newest ``limit`` messages of ``ticket`` (older than message ``before``), and the changes between them.

    ``ticket`` comes from `ticket_for`. Its cursor is older than all that is read here: what is written meanwhile may be
    shown before its time, but never counts as seen without being shown.
    """
    rows = ticket.messages.annotate(**_ANNOTATIONS)
    if before:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-id").values(*_COLUMNS)[: limit + 1])
    has_older, found = len(found) > limit, found[:limit][::-1]
    files = _files([row["id"] for row in found])
    lines, marks, newest = _lines(
        ticket, since=found[0]["created_at"] if has_older else None, until=_end(ticket, before, found)
    )
    astray = _with_new_subject(ticket, found, sorted_by_hand=_moved(lines))
    messages = [_said(row, files, has_new_subject=row["id"] in astray) for row in found]
    older_than = messages[0].id if has_older else 0
    cursor = min(newest, ticket.journal_cursor)
    return Conversation(items=_woven(messages, lines, marks), cursor=cursor, older_than=older_than)


def _moved(lines: list[Line]) -> set[int]:
    return {line.message_id for line in lines if line.kind == Entry.Kind.MESSAGE_MOVED and line.message_id}


def _with_new_subject(ticket: Ticket, rows: list[dict[str, Any]], *, sorted_by_hand: set[int]) -> set[int]:
    """Customers' mails on this thread whose subject is totally new (MAIL.md 17), while nobody has answered them here.

    Not what an agent has put here, and not what opened the ticket.
    """
    answered = max((row["id"] for row in rows if row["kind"] == Message.Kind.REPLY), default=0)
    known, astray = [ticket.subject], set()
    for row in rows:
        subject = references.without(row["subject"], reference=ticket.reference)
        is_follow_up = row["kind"] == Message.Kind.CUSTOMER and row["threading"] in _FOLLOW_UPS
        is_open = row["id"] > answered and row["id"] not in sorted_by_hand
        if is_follow_up and is_open and all(shares_no_word(subject, each) for each in known):
            astray.add(row["id"])
        known.append(subject)
    return astray


def is_only_one(message: Message) -> bool:
    """Whether nothing else was said in the ticket of ``message``."""
    return not message.ticket.messages.filter(kind__in=CONVERSATION).exclude(pk=message.pk).exists()


def places_for(message: Message, *, agent: Agent, limit: int = EARLIER) -> tuple[inbox.Row, ...]:
    """Tickets that ``message`` may belong to and that ``agent`` may see: where it was, those that were found to be
    possibly related, and the customer's others. Newest first."""
    ticket = message.ticket
    told = Entry.objects.filter(ticket=ticket, kind=Entry.Kind.JOIN_SUGGESTED).values_list("data__ticket", flat=True)
    former = Entry.objects.filter(message=message, kind=Entry.Kind.MESSAGE_MOVED).values_list("ticket_id", flat=True)
    suggested = {references.ticket_id(str(each), prefix=settings.REFERENCE_PREFIX) for each in told}
    wanted = Q(pk__in={*former, *suggested} - {None})
    if message.contact_id is not None:
        wanted |= Q(contact_id=message.contact_id)
    if ticket.contact_id is not None:
        wanted |= Q(contact_id=ticket.contact_id)
    open_to_it = Q(merged_into=None) | Q(merged_into=ticket)
    rows = visible_to(agent).filter(wanted, open_to_it).exclude(pk=ticket.pk)
    return inbox.rows_of(agent=agent, tickets=rows, limit=limit)


def _end(ticket: Ticket, before: int, rows: list[dict[str, Any]]) -> datetime | None:
    if not before:
        return None
    return rows[-1]["created_at"] if rows else ticket.created_at


def cut_mark(shown: str) -> str:
    """A text of SHOWN_TEXT, with an ellipsis if that left something out."""
    return f"{shown} …" if len(shown) == LONGEST else shown


def _said(row: Mapping[str, Any], files: Mapping[int, list[File]], *, has_new_subject: bool) -> Said:
    return Said(
        id=row["id"],
        kind=row["kind"],
        author=row["agent__name"] or row["sender_name"] or row["contact__name"] or row["sender_address"],
        address=row["sender_address"],
        agent_id=row["agent_id"] or 0,
        portrait=row["agent__portrait"] or "",
        subject=row["subject"],
        text=cut_mark(row["shown_text"]),
        quoted_chars=row["quoted_chars"],
        has_html=row["html_chars"] > 0,
        verdict=row["verdict"],
        is_third_party=row["is_third_party"],
        has_new_subject=has_new_subject,
        at=row["created_at"],
        delivery_state=row["delivery__state"] or "",
        delivery_error=row["delivery__error"] or "",
        delivery_due_at=row["delivery__next_attempt_at"],
        bounced=_bounced(row),
        delayed_at=row["delivery__delayed_at"],
        files=tuple(files.get(row["id"], ())),
    )


def _bounced(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Whom a mail that failed never reached, when others got it; empty: nobody got it, or nobody can say."""
    bounced, written_to = set(row["delivery__bounced"] or ()), row["delivery__recipients"] or ()
    return tuple(sorted(bounced)) if bounced < {address.lower() for address in written_to} else ()


def _files(message_ids: list[int]) -> dict[int, list[File]]:
    found: dict[int, list[File]] = defaultdict(list)
    # Inline ones too: what a customer pasted into a mail is often the screenshot that matters.
    rows = Attachment.objects.filter(message__in=message_ids).order_by("id")
    for message_id, number, filename, content_type, size in rows.values_list(
        "message_id", "id", "filename", "content_type", "size"
    ):
        found[message_id].append(File(id=number, filename=filename, content_type=content_type, size=size))
    return found


def _lines(ticket: Ticket, *, since: datetime | None, until: datetime | None) -> tuple[list[Line], dict[int, int], int]:
    """The changes in a stretch of time, the journal id of each message, and the newest journal id of the ticket."""
    entries = ticket.entries.order_by("id")
    if since:
        entries = entries.filter(created_at__gte=since)
    if until:
        entries = entries.filter(created_at__lt=until)
    cursor, lines, marks = 0, [], {}
    columns = ("id", "kind", F("agent__name"), "data", "created_at", "message_id")
    for number, kind, who, data, at, message_id in entries.values_list(*columns):
        cursor = number
        if kind in _ARRIVALS:
            marks[message_id] = number
        if kind not in _SAID_BY_MESSAGES:
            lines.append(Line(id=number, kind=kind, who=who or "", data=data, at=at, message_id=message_id))
    return lines, marks, cursor


def _woven(messages: list[Said], lines: list[Line], marks: Mapping[int, int]) -> tuple[Said | tuple[Line, ...], ...]:
    """Both in the order of time, and of the journal within one instant; lines that follow each other become one group,
    which the page folds. ``marks`` are the journal ids of the messages; automatic ones have none, and follow what they
    answer."""
    last = max(marks.values(), default=0) + 1
    moments: list[tuple[datetime, int, Said | Line]] = [
        (said.at, marks.get(said.id, last if said.kind == Message.Kind.AUTOMATIC else 0), said) for said in messages
    ]
    moments += [(line.at, line.id, line) for line in lines]
    woven: list[Said | list[Line]] = []
    for _at, _mark, item in sorted(moments, key=lambda moment: moment[:2]):
        if isinstance(item, Said):
            woven.append(item)
        elif woven and isinstance(woven[-1], list):
            woven[-1].append(item)
        else:
            woven.append([item])
    return tuple(tuple(item) if isinstance(item, list) else item for item in woven)
