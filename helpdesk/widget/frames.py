"""Frames of the chat protocol (docs/chat-protocol.md) made of what queries give. Pure but for signing addresses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from django.core import signing
from django.urls import reverse

from helpdesk.live import Marks
from helpdesk.models import Conversation
from helpdesk.queries.chat_lines import PublicFile, PublicLine
from helpdesk.queries.chats import Presence, Queue, state_of

VERSION = 1
FILE_SECONDS = 3600
_SALT = "luotsi.chat.file"
_PORTRAIT_SALT = "luotsi.chat.portrait"

Frame = dict[str, Any]


class Door(Protocol):
    """Where a reader of frames gets what they name."""

    def file(self, file: PublicFile) -> str:
        """The address of a file of a line."""

    def portrait(self, key: str) -> str:
        """The address of an agent's picture."""


def moment(at: datetime) -> str:
    """A time as frames carry it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def person(name: str, picture: str | None = None) -> Frame | None:
    """An agent as visitors see them; ``picture`` is an address."""
    if not name:
        return None
    initials = "".join(part[0] for part in name.split()[:2]).upper()
    return {"name": name, "initials": initials, "picture": picture}


def line(each: PublicLine, *, author: str, door: Door) -> Frame:
    """One line for the reader ``author``, whose own client ids it carries."""
    frame: Frame = {"seq": each.sequence, "at": moment(each.at)}
    if each.event:
        data: Frame = dict(each.data or {})
        if "agent" in data:
            data["agent"] = person(data["agent"]) or ""
        return {**frame, "kind": "event", "event": each.event, "data": data}
    return {
        **frame,
        "kind": "message",
        "id": each.client_id if each.author == author else "",
        "from": each.speaker,
        "agent": person(each.agent_name, door.portrait(each.portrait) if each.portrait else None),
        "text": each.text,
        "files": [_file(file, door.file(file)) for file in each.files],
    }


def lines(reference: str, found: Sequence[PublicLine], marks: Marks | None, *, author: str, door: Door) -> Frame:
    """A lines frame."""
    shown = [line(each, author=author, door=door) for each in found]
    read = {"visitor_read": marks[1], "agent_read": marks[2]} if marks else {}
    return {"type": "lines", "conversation": reference, "lines": shown, **read}


def _file(file: PublicFile, address: str) -> Frame:
    pixels = {"width": file.width, "height": file.height} if file.width and file.height else {}
    return {"name": file.name, "type": file.content_type, "size": file.size, "url": address, **pixels}


@dataclass(frozen=True, slots=True)
class VisitorsDoor:
    """Files for an hour. Pictures of agents under an address that stays, so that browsers keep them."""

    visitor_id: int

    def file(self, file: PublicFile) -> str:
        return reverse("chat-file", args=[signed_file(attachment_id=file.id, visitor_id=self.visitor_id)])

    def portrait(self, key: str) -> str:
        signed = signing.Signer(sep=".", salt=_PORTRAIT_SALT).sign(f"{self.visitor_id}-{key}")
        return reverse("chat-portrait", args=[signed])


def signed_file(*, attachment_id: int, visitor_id: int) -> str:
    """The part of a file's address that says who may have it, for an hour."""
    return signing.TimestampSigner(sep=".", salt=_SALT).sign(f"{attachment_id}-{visitor_id}")


def opened_file(token: str) -> tuple[int, int] | None:
    """Attachment and visitor of an address; None when it is made up or the hour is over."""
    try:
        value = signing.TimestampSigner(sep=".", salt=_SALT).unsign(token, max_age=FILE_SECONDS)
    except signing.BadSignature:
        return None
    attachment, _, visitor = value.partition("-")
    return int(attachment), int(visitor)


def opened_portrait(token: str) -> tuple[int, str] | None:
    """Visitor and key of a picture's address; None when it is made up. Whether they may see it is another question."""
    try:
        visitor, _, key = signing.Signer(sep=".", salt=_PORTRAIT_SALT).unsign(token).partition("-")
    except signing.BadSignature:
        return None
    return int(visitor), key


def _owner(row: Conversation) -> Frame | None:
    owner = row.ticket.owner
    if owner is None:
        return None
    return person(owner.name, VisitorsDoor(row.visitor_id).portrait(owner.portrait_id) if owner.portrait_id else None)


def conversation(row: Conversation, *, queue: Queue | None) -> Frame:
    """A conversation without its lines."""
    ticket = row.ticket
    rating = getattr(ticket, "rating", None)
    return {
        "reference": ticket.reference,
        "subject": ticket.subject,
        "state": state_of(row),
        "ended_by": row.ended_by,
        "last": row.last_sequence,
        "visitor_read": row.visitor_read,
        "agent_read": row.agent_read,
        "agent": _owner(row),
        "queue": _queue(queue),
        "rating": {"score": rating.score, "effort": rating.effort} if rating else None,
        "opened_at": moment(row.created_at),
    }


def presence(found: Presence, *, queue: Queue | None) -> Frame:
    """A presence frame."""
    return {
        "type": "presence",
        "is_open": found.is_open,
        "is_anyone_there": found.is_anyone_there,
        "queue": _queue(queue),
    }


def _queue(queue: Queue | None) -> Frame | None:
    return {"position": queue.position, "wait_seconds": queue.wait_seconds} if queue else None


def error(code: str, about: str) -> Frame:
    """What was wrong with the frame ``about``."""
    return {"type": "error", "code": code, "about": about}


def nack(client_id: str, code: str, *, retry_after: float | None = None) -> Frame:
    """A message that was not stored; ``retry_after`` seconds: it may be sent again as it is."""
    return {"type": "nack", "id": client_id, "code": code, "retry_after": retry_after}


def text_of(frame: Mapping[str, Any], name: str, *, most: int = 8_000, default: str = "") -> str:
    """A text field. Raises ValueError for another type, or for more than ``most`` characters."""
    value = frame.get(name, default)
    if value is None:
        return default
    if not isinstance(value, str) or len(value) > most:
        raise ValueError(name)
    return value


def number_of(frame: Mapping[str, Any], name: str, *, least: int = 0, most: int = 2**31 - 1) -> int:
    """A whole number between ``least`` and ``most``. Raises ValueError for anything else."""
    value = frame.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(name)
    return value


def texts_of(frame: Mapping[str, Any], name: str, *, most: int) -> tuple[str, ...]:
    """A list of short texts. Raises ValueError for anything else."""
    value: Iterable[Any] = frame.get(name) or ()
    if not isinstance(value, list | tuple) or len(value) > most or not all(isinstance(each, str) for each in value):
        raise ValueError(name)
    return tuple(each[:64] for each in value)
