"""Stored mail read again by today's reader, and what differs from what its message has (MAIL.md 10).

Reads only: nothing is written here, no file stored. `actions.rereading` puts a new reading in the old one's place.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from django.db.models import QuerySet

from helpdesk import blobs
from helpdesk.actions.rereading import COLUMNS, FILES, Renewal
from helpdesk.intake.reader import Reader, Unreadable
from helpdesk.intake.record import MACHINE, attachment_of, reads_as
from helpdesk.models import Attachment, Channel, InboundEvent, Message
from mail_gateway.mail import ParsedMail

#: Ids are fetched so many at a time, mails one by one: a mail can be of 25 MB, and there can be millions.
_CHUNK = 500
_State = InboundEvent.State


class Outcome(StrEnum):
    """What became of one mail that was read again."""

    SAME = "same"
    DIFFERS = "differs"
    UNREADABLE = "unreadable"
    #: It has no message: it is in quarantine, and today's reader can take it.
    READABLE = "readable"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that reads otherwise today, both ways as text of several lines."""

    field: str
    before: str
    after: str

    @property
    def is_applied(self) -> bool:
        """Whether a renewal replaces it; the rest of a message stays as it is."""
        return self.field in APPLIED


#: What a renewal replaces, by the names of differences.
APPLIED = frozenset({*COLUMNS, FILES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rereading:
    """One stored mail, and what today's reader makes of it. ``message`` is None for mail in quarantine."""

    event: InboundEvent
    message: Message | None
    outcome: Outcome
    differences: tuple[Difference, ...] = ()
    problem: str = ""
    mail: ParsedMail | None = None

    @property
    def can_be_applied(self) -> bool:
        return any(each.is_applied for each in self.differences)


def stored_events(
    *, since: datetime | None = None, channel: Channel | None = None, event_id: int | None = None
) -> Iterator[InboundEvent]:
    """Mail that became a message, and mail in quarantine, oldest first, one at a time."""
    rows = InboundEvent.objects.filter(state__in=(_State.DONE, _State.QUARANTINED), is_social=False)
    if since is not None:
        rows = rows.filter(received_at__gte=since)
    if channel is not None:
        rows = rows.filter(channel=channel)
    if event_id is not None:
        rows = rows.filter(pk=event_id)
    return _one_by_one(rows)


def events_of(numbers: Iterable[int]) -> Iterator[InboundEvent]:
    """The same by their ids."""
    for number in numbers:
        yield from InboundEvent.objects.filter(pk=number)


def _one_by_one(rows: QuerySet[InboundEvent]) -> Iterator[InboundEvent]:
    """By keyset and not by a cursor that stays open: hours of reading must keep no snapshot of the database."""
    last = 0
    while chunk := list(rows.filter(pk__gt=last).order_by("pk")[:_CHUNK]):
        yield from chunk
        last = chunk[-1].pk


def reread(reader: Reader, events: Iterable[InboundEvent]) -> Iterator[Rereading]:
    """Each mail with what differs; what can't be read is one of the outcomes and stops nothing."""
    missing: list[Rereading] = []
    for event, answer in reader.read_all(_with_bytes(events, missing)):
        yield _compared(event, answer)
        while missing:
            yield missing.pop(0)
    yield from missing


def _with_bytes(events: Iterable[InboundEvent], missing: list[Rereading]) -> Iterator[tuple[InboundEvent, bytes]]:
    for event in events:
        try:
            yield event, blobs.get(event.blob)
        except OSError as error:
            problem = f"the stored mail can't be read: {error.strerror}"
            missing.append(_unreadable(event, problem))


def _unreadable(event: InboundEvent, problem: str) -> Rereading:
    return Rereading(event=event, message=_message_of(event), outcome=Outcome.UNREADABLE, problem=problem)


def _message_of(event: InboundEvent) -> Message | None:
    return Message.objects.filter(event=event).select_related("ticket").first()


def _compared(event: InboundEvent, answer: ParsedMail | Unreadable) -> Rereading:
    if isinstance(answer, Unreadable):
        return _unreadable(event, f"{answer.reason}: {answer.detail}")
    message = _message_of(event)
    if message is None:
        return Rereading(event=event, message=None, outcome=Outcome.READABLE, mail=answer)
    differences = tuple(differences_of(message, answer))
    outcome = Outcome.DIFFERS if differences else Outcome.SAME
    return Rereading(event=event, message=message, outcome=outcome, differences=differences, mail=answer)


def differences_of(message: Message, mail: ParsedMail) -> Iterator[Difference]:
    """What of ``mail`` differs from what ``message`` has stored."""
    before = texts_of(message, message.attachments.order_by("id"))
    after = texts_of(Message(**reads_as(mail)), _files(mail))
    for field, stored in before.items():
        if stored != after[field]:
            yield Difference(field, stored, after[field])


def renewal_of(message: Message, mail: ParsedMail) -> Renewal:
    """What `actions.rereading.renew` takes; stores the files, so it raises OSError when the disk refuses."""
    for each in mail.attachments:
        blobs.put(each.content)
    values = {name: value for name, value in reads_as(mail).items() if name in COLUMNS}
    # What the mail was taken for stays: whether it was acknowledged and put somebody to work hung on that.
    values["problems"] = [*_noticed(values["problems"]), *_taken_for(message.problems)]
    return Renewal(message_id=message.pk, values=values, files=_files(mail))


def _files(mail: ParsedMail) -> list[Attachment]:
    nobody = Message()
    return [attachment_of(each, blob=blobs.key_of(each.content), message=nobody) for each in mail.attachments]


def texts_of(message: Message, files: Iterable[Attachment]) -> Mapping[str, str]:
    """A message as one text for each thing that is compared, in the order in which people are told."""
    sent_at = message.sent_at
    return {
        "sender": _mailbox(message.sender_name, message.sender_address),
        "recipients": "\n".join(
            f"{field}: {_mailbox(*pair)}" for field in ("to", "cc") for pair in message.recipients.get(field, ())
        ),
        "subject": message.subject,
        "date": sent_at.astimezone(UTC).isoformat() if sent_at is not None else "",
        "message_id": message.message_id,
        "automatic": "\n".join((message.kind, *_taken_for(message.problems))),
        "language": message.language,
        "problems": "\n".join(_noticed(message.problems)),
        "new_text": message.new_text,
        "text": message.text,
        "html": message.html,
        FILES: "\n".join(map(_file, files)),
    }


def _mailbox(name: str, address: str) -> str:
    return f"{name} <{address}>" if name else address


def _taken_for(problems: Sequence[str]) -> list[str]:
    return [each for each in problems if each.startswith(MACHINE)]


def _noticed(problems: Sequence[str]) -> list[str]:
    return [each for each in problems if not each.startswith(MACHINE)]


def _file(row: Attachment) -> str:
    place = " · inline" if row.is_inline else ""
    name = f" · {row.content_id}" if row.content_id else ""
    return f"{row.filename or '-'} · {row.content_type} · {row.size} B · {row.blob[:16]}{place}{name}"
