"""What the outbox asks of the code for one kind of channel, and in which words it is answered."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from helpdesk.models import Channel


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One finished message to hand over. ``delivery_id`` and ``created_at`` never change for the same message."""

    delivery_id: int
    created_at: datetime
    sender: str
    recipients: tuple[str, ...]
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Named:
    """What the far side calls a message that it took, and its address there; '' where it doesn't say.

    ``parts``: what it calls all of them, in order, if it made several of one.
    """

    external_id: str = ""
    url: str = ""
    parts: tuple[str, ...] = ()


NAMELESS = Named()


class Line(Protocol):
    """An open way out for many messages of one channel."""

    @property
    def is_repeatable(self) -> bool:
        """Whether handing the same message over twice leaves one: then a crash is repaired by doing it again."""

    def hand_over(self, outgoing: Outgoing) -> Named:
        """Give one message away; raises the errors of mail_gateway.errors."""

    def flush(self) -> None:
        """Returns when the far side is responsible for all messages since the last flush; raises Temporary for all."""


class Connector(Protocol):
    """The code for one kind of channel."""

    def open_line(self, channel: Channel) -> AbstractContextManager[Line]:
        """The way out of ``channel``; entering it raises LoginRefused or Temporary."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message as it came in, raw, with what its transport says about it.

    ``external_id`` names this arrival in its channel. ``mail_from`` is None where the transport
    doesn't tell it, '' for a bounce. ``is_silent``: old mail, imported closed and never answered.
    """

    channel: Channel
    external_id: str
    raw: bytes = field(repr=False)
    received_at: datetime
    mail_from: str | None = None
    recipients: tuple[str, ...] = ()
    peer: str = ""
    is_truncated: bool = False
    is_silent: bool = False


class TakeIn(Protocol):
    """Stores an arrival durably, once; the intake's `accept` in every process but tests."""

    def __call__(self, arrival: Arrival, /) -> object:
        """Returns when it is on disk. Raises Temporary when disk or database refuse."""
