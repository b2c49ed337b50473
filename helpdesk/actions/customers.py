"""What colleagues write down about customers. Nothing is overwritten: what holds no longer is ended, and stays."""

from datetime import datetime

from django.db import transaction

from helpdesk.actions.journal import record
from helpdesk.models import Agent, Contact, ContactNote, Entry, Ticket

#: A note is no archive: whoever pastes a book is told so.
LONGEST_NOTE = 5_000


class BadNote(ValueError):
    """Nothing to write down, or too much; the text says which, for the person."""


@transaction.atomic
def add_note(
    *, contact: Contact, text: str, is_agreed: bool = False, ticket: Ticket | None = None, by: Agent, at: datetime
) -> ContactNote:
    """Write down what to know of a customer, or (``is_agreed``) what was agreed with them. Raises BadNote."""
    text = text.strip()
    if not text or len(text) > LONGEST_NOTE:
        raise BadNote(text)
    kind = ContactNote.Kind.AGREED if is_agreed else ContactNote.Kind.NOTE
    note = ContactNote.objects.create(contact=contact, kind=kind, text=text, author=by, ticket=ticket, created_at=at)
    _record(note, "note-added", by=by, at=at)
    return note


@transaction.atomic
def end_note(*, note: ContactNote, by: Agent, at: datetime) -> bool:
    """It holds no longer. False when somebody has said so before."""
    if not ContactNote.objects.filter(pk=note.pk, ended_at=None).update(ended_at=at, ended_by=by):
        return False
    _record(note, "note-ended", by=by, at=at)
    return True


def _record(note: ContactNote, change: str, *, by: Agent, at: datetime) -> None:
    """Without its words: these stand in the note, and go when the customer is erased."""
    data = {"change": change, "note": note.pk, "kind": note.kind}
    record(kind=Entry.Kind.PERSON_CHANGED, contact=note.contact, by=by, data=data, at=at)
