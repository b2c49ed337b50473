"""A copy of one person's data: JSON for machines, mails as EML, their files, and a page to start reading at."""

import json
import re
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import IO, Any

from django.template.loader import render_to_string

from helpdesk import blobs
from helpdesk.actions import changes
from helpdesk.actions.erasing.task import contacts_of
from helpdesk.models import Agent, Contact, Message, Ticket
from helpdesk.queries.personal_data import messages_for, row_as_data, rows_about

_UNSAFE = re.compile(r"[^\w.\- ]+")


class NotAllowed(Exception):
    """Only admins take a person's data out of the house."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message on the page to start at; ``files`` are (name, path in the archive)."""

    author: str
    at: datetime
    text: str
    mail: str
    files: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A ticket on that page."""

    reference: str
    subject: str
    at: datetime
    said: list[Said]


def export(*, contact: Contact, by: Agent, has_notes: bool, at: datetime) -> IO[bytes]:
    """The archive, open at its beginning, in a file without a name: nothing of it stays on the disk.

    Raises NotAllowed. Each mail and file is held in memory on its own, never all at once.
    """
    if not by.is_admin:
        raise NotAllowed
    contacts = contacts_of(contact)
    file = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        rows = Ticket.objects.filter(messages__contact__in=contacts) | Ticket.objects.filter(contact__in=contacts)
        tickets = rows.distinct().order_by("pk")
        chapters = [_put_ticket(archive, ticket, contacts, has_notes=has_notes) for ticket in tickets]
        about = rows_about(contacts)
        _put_json(archive, "person.json", about)
        page = {"contact": contact, "about": about, "chapters": chapters, "at": at}
        archive.writestr("index.html", render_to_string("export/index.html", page))
    file.seek(0)
    changes.record(what="personal data", name=f"customer {contact.pk}", change="exported", by=by, at=at)
    return file


def _put_ticket(archive: zipfile.ZipFile, ticket: Ticket, contacts: Sequence[int], *, has_notes: bool) -> Chapter:
    folder = f"tickets/{ticket.reference}"
    own = ticket.contact_id in contacts
    messages = list(messages_for(ticket, contacts=contacts, has_notes=has_notes and own))
    if not own:  # what was said to somebody else there is theirs
        messages = [message for message in messages if message.contact_id in contacts]
    said = [_put_message(archive, message, f"{folder}/{number:03}") for number, message in enumerate(messages, 1)]
    _put_json(
        archive,
        f"{folder}/ticket.json",
        {
            "reference": ticket.reference,
            "subject": ticket.subject if own else "",
            "state": ticket.state,
            "created_at": ticket.created_at.isoformat(),
            "rating": row_as_data(ticket.rating) if own and hasattr(ticket, "rating") else None,
            "messages": [row_as_data(message) for message in messages],
        },
    )
    return Chapter(ticket.reference, ticket.subject if own else "", ticket.created_at, said)


def _put_message(archive: zipfile.ZipFile, message: Message, place: str) -> Said:
    mail = ""
    if (raw := _raw_of(message)) is not None:
        mail = f"{place}.{'json' if message.event and message.event.is_social else 'eml'}"
        archive.writestr(mail, raw)
    files = []
    for number, file in enumerate(message.attachments.all(), 1):
        name = _UNSAFE.sub("_", PurePosixPath(file.filename.replace("\\", "/")).name)[-100:].strip(". ") or "file"
        path = f"{place}-{number}-{name}"
        try:
            archive.writestr(path, blobs.get(file.blob))
        except FileNotFoundError:
            continue  # check_invariants tells of it; the rest of the copy is worth having
        files.append((file.filename or name, path))
    author = message.sender_name or message.sender_address or (message.agent.name if message.agent else "")
    return Said(author, message.created_at, message.said, mail, files)


def _raw_of(message: Message) -> bytes | None:
    if message.event is not None:
        try:
            return blobs.get(message.event.blob)
        except FileNotFoundError:
            return None
    return bytes(message.delivery.mime) if hasattr(message, "delivery") else None


def _put_json(archive: zipfile.ZipFile, name: str, data: Any) -> None:
    archive.writestr(name, json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True, default=str))
