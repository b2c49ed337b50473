"""What is said, and what becomes of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import DatabaseError

from helpdesk import routing
from helpdesk.actions import visitors
from helpdesk.actions.chat_lines import Item
from helpdesk.actions.journal import Line
from helpdesk.live import Marks
from helpdesk.models import ChatUpload, Conversation, Message
from helpdesk.queries.chat_lines import PublicLine

MAX_TEXT, MAX_FILES = 8_000, 5
#: The code of what may be said again as it is.
TRY_AGAIN = "try_again"


class Attached(NamedTuple):
    """A stored file; ``width`` and ``height`` of a picture, 0 where they aren't known."""

    filename: str
    content_type: str
    size: int
    blob: str
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One message on its way in. Either ``guest`` or ``agent_id`` says it; agents name the conversation.

    ``conversation_id`` 0: the visitor's open one, or a new one. ``files``: keys of the visitor's uploads;
    ``attached``: blobs that an agent brings along.
    """

    client_id: str
    text: str
    at: datetime
    guest: visitors.Guest | None = None
    agent_id: int = 0
    conversation_id: int = 0
    files: tuple[str, ...] = ()
    attached: tuple[Attached, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """The ack: the line's number in its conversation. ``is_new`` False: it had been there already."""

    conversation_id: int
    ticket_id: int
    sequence: int
    at: datetime
    is_new: bool = True
    has_opened: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The nack; the codes are those of docs/chat-protocol.md."""

    code: str


Outcome = Stored | Refused


class NotStored(DatabaseError):
    """Nothing of it was stored; it may be said again."""


@dataclass(frozen=True, slots=True)
class News:
    """What words have brought to a conversation: its newest lines, without a gap, and how far it is."""

    lines: list[PublicLine]
    marks: Marks


@dataclass(frozen=True, slots=True)
class Exchange:
    """The outcomes of words, in their order, and the news by conversation, for who watches from the same process."""

    outcomes: list[Outcome]
    news: dict[int, News]


@dataclass(slots=True)
class Said:
    """Words that are to be stored, and what becomes of them."""

    place: int
    words: Words
    conversation: Conversation
    message: Message
    author: str
    uploads: list[ChatUpload]
    lines: tuple[Line, ...] = ()
    events: list[Item] = field(default_factory=list)
    has_opened: bool = False
    placement: routing.Placement | None = None
    takes_over: bool = False
