"""Messages into the search index, in the transaction that stores them (docs/adr/0007).

A document is made from a message, its ticket and the names of its files. It follows when the ticket changes hands or is
joined to another; whoever deletes messages calls `forget`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from helpdesk.models import Attachment, Message, Ticket
from helpdesk.queries.search_terms import plain_terms, team_term, terms

# No phrase reaches from a name into the text.
_GAP = 10
_TICKETS = 200
# PostgreSQL's own bounds on what a tsvector keeps.
_MAX_PLACES, _LAST_PLACE = 255, 16_383
# A tsvector holds 1 MB with its places. Text stays far below, but a letter can stand for fifteen (NFKD of U+FDFA).
_MAX_BYTES = 600_000

_INSERT = {
    "sqlite": "INSERT INTO helpdesk_search (rowid, ticket, team, people, content) VALUES (%s, %s, %s, %s, %s)",
    "postgresql": "INSERT INTO helpdesk_search (message, ticket, document) VALUES (%s, %s, %s::tsvector)",
}
_KEY = {"sqlite": "rowid", "postgresql": "message"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What the index keeps of one message, in plain words."""

    message_id: int
    ticket_id: int
    team_id: int
    language: str = ""
    people: str = ""
    subject: str = ""
    text: str = ""
    files: str = ""


def index_messages(*, files: Mapping[Message, Sequence[str]]) -> None:
    """Make stored messages findable, each with the names of its files. About 0.2 ms a message."""
    index_all(documents=[_document(message, message.ticket, " ".join(names)) for message, names in files.items()])


def index_message(*, message: Message) -> None:
    """Make a stored message findable, its attachments' names included."""
    names = Attachment.objects.filter(message_id=message.pk).values_list("filename", flat=True)
    index_messages(files={message: list(names)})


def index_ticket(*, ticket: Ticket) -> None:
    """Bring all documents of a ticket up to date: team, subject or customer changed, or messages came from another."""
    messages = list(Message.objects.filter(ticket=ticket).prefetch_related("attachments").order_by("id"))
    with transaction.atomic():
        forget(message_ids=[message.pk for message in messages])
        index_all(
            documents=[
                _document(message, ticket, " ".join(file.filename for file in message.attachments.all()))
                for message in messages
            ]
        )


def index_contacts(contact_ids: Sequence[int]) -> None:
    """Bring the documents of these customers' tickets up to date: they have a new name, or the tickets have new owners.

    About a millisecond a ticket; the caller's transaction holds meanwhile.
    """
    rows = Ticket.objects.filter(contact__in=contact_ids).select_related("contact").order_by("pk")
    for ticket in rows.iterator(chunk_size=_TICKETS):
        index_ticket(ticket=ticket)


def index_all(*, documents: Iterable[Document]) -> None:
    """Add many documents that the index doesn't have yet: for imports, and for the measurements."""
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT[connection.vendor], [_row(document) for document in documents])


def forget(*, message_ids: Sequence[int]) -> None:
    """Take messages out of the index; unknown ids are no error."""
    statement = f"DELETE FROM helpdesk_search WHERE {_KEY[connection.vendor]} = %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.executemany(statement, [(message_id,) for message_id in message_ids])


def _document(message: Message, ticket: Ticket, files: str) -> Document:
    contact = ticket.contact
    # An agent may have renamed the ticket; both names of the matter find it.
    subject = message.subject if message.subject.endswith(ticket.subject) else f"{message.subject} {ticket.subject}"
    people = f"{message.sender_name} {message.sender_address}"
    if contact and contact.name != message.sender_name:
        people += f" {contact.name}"
    return Document(
        message_id=message.pk,
        ticket_id=ticket.pk,
        team_id=ticket.team_id,
        language=message.language or ticket.language,
        people=people,
        subject=subject,
        text=message.said,
        files=files,
    )


def _row(document: Document) -> tuple[int | str, ...]:
    team = team_term(document.team_id)
    people = plain_terms(document.people)
    content = terms(f"{document.subject}\n{document.text}\n{document.files}", document.language)
    if connection.vendor == "sqlite":
        return document.message_id, document.ticket_id, team, " ".join(people), " ".join(content)
    return document.message_id, document.ticket_id, _vector(team, people, content)


def _vector(team: str, people: Sequence[str], content: Sequence[str]) -> str:
    """A tsvector as text, so that PostgreSQL's own idea of words has no part in it. Weight A tells people from content.

    The last position is 16,383; further words are still found, as words but not in phrases.
    """
    places: dict[str, list[str]] = {team: []}
    room = _MAX_BYTES
    for place, term in enumerate(people, start=1):
        places.setdefault(term, []).append(f"{place}A")
    for place, term in enumerate(content, start=len(people) + _GAP):
        if term not in places:
            room -= len(term.encode())
        if room < 0:
            break
        found = places.setdefault(term, [])
        if len(found) < _MAX_PLACES:
            found.append(str(min(place, _LAST_PLACE)))
    return " ".join(f"'{term}':{','.join(at)}" if at else f"'{term}'" for term, at in places.items())
