"""Put today's reading of stored mail in the place of the one that a message has (MAIL.md 10).

Only what is shown of a mail changes: its texts, its files, its language and what was noticed. Who sent it, its subject,
its ticket and its place in the conversation stay: others have been told of them, and people have acted on them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from helpdesk.actions.indexing import forget, index_message
from helpdesk.actions.journal import Line, Placed, record_many
from helpdesk.models import Agent, Attachment, Entry, Message
from helpdesk.text import excerpt

#: Columns of a message that a new reading replaces; its files besides.
COLUMNS = ("text", "new_text", "html", "language", "problems")
#: The name of the files among what has changed.
FILES = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A message, and how it reads today: the values of COLUMNS, and its files, not saved yet but their blobs stored."""

    message_id: int
    values: Mapping[str, object]
    files: Sequence[Attachment]


@transaction.atomic
def renew(*, renewals: Collection[Renewal], by: Agent | None, at: datetime | None = None) -> int:
    """Use these readings; a line in the journal and the search index follow. Returns how many messages changed."""
    now = at or timezone.now()
    wanted = {each.message_id: each for each in renewals}
    rows = Message.objects.select_for_update(of=("self",)).select_related("ticket__contact").exclude(event=None)
    placed = []
    for message in rows.filter(pk__in=wanted).order_by("pk"):
        changed = _replace(message, wanted[message.pk])
        if changed:
            _follow(message)
            data = {"author": message.sender_name or message.sender_address, "changed": changed}
            line = Line(kind=Entry.Kind.MESSAGE_REREAD, message=message, by=by, data=data)
            placed.append(Placed(message.ticket, now, line))
    record_many(placed)
    return len(placed)


def _replace(message: Message, renewal: Renewal) -> list[str]:
    """Change the rows; the names of what was different."""
    changed = [name for name in COLUMNS if getattr(message, name) != renewal.values[name]]
    if changed:
        for name in changed:
            setattr(message, name, renewal.values[name])
        message.save(update_fields=changed)
    return [*changed, FILES] if _replace_files(message, renewal.files) else changed


def _replace_files(message: Message, files: Sequence[Attachment]) -> bool:
    """Files that are the same keep their row, and so their address."""
    stored = list(message.attachments.order_by("id"))
    if [_told(each) for each in stored] == [_told(each) for each in files]:
        return False
    left = {id(each): _told(each) for each in files}
    gone = []
    for row in stored:
        same = next((key for key, told in left.items() if told == _told(row)), None)
        if same is None:
            gone.append(row.pk)
        else:
            del left[same]
    message.attachments.filter(pk__in=gone).delete()
    new = [each for each in files if id(each) in left]
    for each in new:
        each.message = message
    Attachment.objects.bulk_create(new)
    return bool(gone or new)


def _told(file: Attachment) -> tuple[str, str, int, str, str, bool]:
    return file.filename, file.content_type, file.size, file.blob, file.content_id, file.is_inline


def _follow(message: Message) -> None:
    """What is made from a message: its place in the search index, and its first words in the lists."""
    forget(message_ids=[message.pk])
    index_message(message=message)
    ticket = message.ticket
    newest = ticket.messages.exclude(kind=Message.Kind.NOTE).order_by("-created_at", "-id").values_list("pk", flat=True)
    if newest.first() == message.pk:
        ticket.preview = excerpt(message.said, max_length=160)
        ticket.save(update_fields=["preview"])
