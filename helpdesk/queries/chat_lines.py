"""The lines of a chat as anybody outside may see them: an allow-list of its own.

Fields are copied one by one into :class:`PublicLine`, from rows that a filter lets through: a kind of message or a
column that is added tomorrow stays inside until somebody puts it here on purpose.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from helpdesk.models import Attachment, ChatLine, Conversation, Message, Portrait

#: Kinds of messages that a visitor may see, and who they are from in the protocol's words.
SPEAKERS = {
    Message.Kind.CUSTOMER.value: "visitor",
    Message.Kind.REPLY.value: "agent",
    Message.Kind.AUTOMATIC.value: "desk",
}
#: What an event may tell.
EVENT_FIELDS = ("reference", "agent", "team", "by")
#: Stands in the place of a line that isn't for visitors any more: numbers have no gaps.
REMOVED = "removed"
AT_ONCE = 40
#: Of one conversation at a time; who comes back after more gets the rest with the next look.
MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class PublicFile:
    """A file of a line; `id` is not for the outside, the address made of it is signed."""

    id: int
    name: str
    content_type: str
    size: int
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class PublicLine:
    """One line. ``author`` (v12, a3, desk) decides whose client id it is; ``text`` is plain.

    ``portrait`` is the key of the agent's picture, '' for none.
    """

    conversation_id: int
    sequence: int
    at: datetime
    author: str
    client_id: str
    speaker: str = ""
    agent_name: str = ""
    portrait: str = ""
    text: str = ""
    files: tuple[PublicFile, ...] = ()
    event: str = ""
    data: Mapping[str, str] | None = None


_COLUMNS = (
    "conversation_id", "sequence", "created_at", "author", "client_id", "event", "data",
    "message_id", "message__kind", "message__is_third_party", "message__text", "message__new_text",
    "message__agent__name", "message__agent__portrait", "message__sender_name",
)  # fmt: skip


def lines_after(since: Mapping[int, int]) -> dict[int, list[PublicLine]]:
    """Lines of conversations after the given sequences, in order; two queries for each 40 conversations."""
    found: dict[int, list[PublicLine]] = defaultdict(list)
    wanted = list(since.items())
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        newer = reduce(
            or_, (Q(conversation=number, sequence__gt=last, sequence__lte=last + MOST_LINES) for number, last in part)
        )
        rows = list(ChatLine.objects.filter(newer).order_by("conversation", "sequence").values(*_COLUMNS))
        files = _files([row["message_id"] for row in rows if row["message_id"]])
        for row in rows:
            found[row["conversation_id"]].append(_public(row, files))
    return found


def public_lines(lines: Sequence[ChatLine], *, files: Mapping[int, Sequence[Attachment]]) -> list[PublicLine]:
    """Lines that were just stored, with the files of their messages: the same as `lines_after`, without a query."""
    shown = {
        number: [
            PublicFile(each.pk, each.filename, each.content_type, each.size, each.width, each.height) for each in found
        ]
        for number, found in files.items()
    }
    return [_public(_row(line), shown) for line in lines]


def _row(line: ChatLine) -> dict[str, Any]:
    """The columns of a line as a query gives them."""
    message = line.message
    row: dict[str, Any] = {
        "conversation_id": line.conversation_id,
        "sequence": line.sequence,
        "created_at": line.created_at,
        "author": line.author,
        "client_id": line.client_id,
        "event": line.event,
        "data": line.data,
        "message_id": line.message_id,
    }
    if message is None:
        return row
    return row | {
        "message__kind": message.kind,
        "message__is_third_party": message.is_third_party,
        "message__text": message.text,
        "message__new_text": message.new_text,
        "message__agent__name": message.agent.name if message.agent else "",
        "message__agent__portrait": message.agent.portrait_id if message.agent else None,
        "message__sender_name": message.sender_name,
    }


def _files(message_ids: list[int]) -> dict[int, list[PublicFile]]:
    found: dict[int, list[PublicFile]] = defaultdict(list)
    if not message_ids:
        return found
    rows = Attachment.objects.filter(message__in=message_ids, is_inline=False).order_by("pk")
    columns = ("pk", "filename", "content_type", "size", "width", "height")
    for message_id, *file in rows.values_list("message_id", *columns):
        found[message_id].append(PublicFile(*file))
    return found


def _public(row: Mapping[str, Any], files: Mapping[int, Sequence[PublicFile]]) -> PublicLine:
    if row["event"]:
        return PublicLine(
            conversation_id=row["conversation_id"],
            sequence=row["sequence"],
            at=row["created_at"],
            author=row["author"],
            client_id="",
            event=row["event"],
            data={name: str(row["data"].get(name, "")) for name in EVENT_FIELDS if name in row["data"]},
        )
    if row["message__kind"] not in SPEAKERS or row["message__is_third_party"]:
        return PublicLine(row["conversation_id"], row["sequence"], row["created_at"], "", "", event=REMOVED, data={})
    speaker = SPEAKERS[row["message__kind"]]
    return PublicLine(
        conversation_id=row["conversation_id"],
        sequence=row["sequence"],
        at=row["created_at"],
        author=row["author"],
        client_id=row["client_id"],
        speaker=speaker,
        agent_name=(row["message__agent__name"] or row["message__sender_name"]) if speaker == "agent" else "",
        portrait=(row["message__agent__portrait"] or "") if speaker == "agent" else "",
        text=row["message__new_text"] or row["message__text"],
        files=tuple(files.get(row["message_id"], ())),
    )


def file_of(*, attachment_id: int, visitor_id: int) -> Attachment | None:
    """A file of a line that the visitor may see; None for anything else."""
    rows = Attachment.objects.filter(pk=attachment_id, message__chat_line__conversation__visitor=visitor_id)
    return rows.filter(message__kind__in=SPEAKERS, message__is_third_party=False, is_inline=False).first()


def portrait_of(*, key: str, visitor_id: int) -> Portrait | None:
    """The picture of an agent who has spoken in a chat of the visitor, or has one; None for anybody else's."""
    chats = Conversation.objects.filter(visitor=visitor_id)
    spoken = Message.objects.filter(
        agent__portrait=key, kind=Message.Kind.REPLY, is_third_party=False, chat_line__conversation__visitor=visitor_id
    )
    is_theirs = spoken.exists() or chats.filter(ticket__owner__portrait=key).exists()
    return Portrait.objects.filter(pk=key).first() if is_theirs else None
