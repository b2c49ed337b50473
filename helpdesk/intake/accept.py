"""Write it down first, think later: the one door for everything that arrives (MAIL.md 1).

Guarantee: when :func:`accept` has returned, the raw bytes and their row are on disk, and only then may the far side
hear "yes" (SMTP 250, the IMAP cursor moved, a webhook's 200). Repeating it changes nothing: in at least once, stored
once.
"""

import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db import DatabaseError, IntegrityError, connection, transaction

from helpdesk import blobs, live
from helpdesk.models import Channel, InboundEvent, Receipt
from mail_gateway.crash_points import crash_point
from mail_gateway.errors import Temporary
from mail_gateway.triage import is_from_machine


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a mail came: its SMTP sender, its recipients, the address of the client ('' when it was fetched).

    ``mail_from`` is '' for a bounce, and None when it was fetched and nobody knows.
    """

    mail_from: str | None = None
    recipients: Sequence[str] = ()
    peer: str = ""


def accept(
    *,
    channel: Channel,
    external_id: str,
    raw: bytes,
    received_at: datetime,
    envelope: Envelope = Envelope(),  # frozen
    is_truncated: bool = False,
    is_silent: bool = False,
    is_social: bool = False,
    at: datetime | None = None,
) -> InboundEvent:
    """Store what arrived, once, and wake the intake. Returns the event, new or known.

    ``external_id`` names this arrival in its channel (``imap:INBOX:<uidvalidity>:<uid>``); the same raw bytes under a
    second id add a receipt to the first event. ``at``: since when it waits to be read, if not since
    ``received_at``, which is years ago for old mail. ``is_social``: no mail, but what a social connector reads. Raises
    Temporary when the disk or the database refuses: the far
    side keeps its copy and tries again.
    """
    try:
        blob = blobs.put(raw)
    except OSError as error:
        raise Temporary(f"The mail could not be stored: {error.strerror or error}") from error
    row = {
        "size": len(raw),
        "is_truncated": is_truncated,
        "is_silent": is_silent,
        "is_slow": not is_social and (is_silent or is_from_machine(raw, mail_from=envelope.mail_from)),
        "is_social": is_social,
        "envelope": {**asdict(envelope), "recipients": list(envelope.recipients)},
        "next_attempt_at": at or received_at,
        "received_at": received_at,
    }
    arrival = _Arrival(channel, blob, external_id[:250], row)
    try:
        event = _in_one_commit.store(arrival)
    except DatabaseError as error:
        raise Temporary(f"The database did not take the mail: {error}") from error
    crash_point("accept.committed")
    return event


@dataclass(slots=True)
class _Arrival:
    """What is to be inserted, and what came of it: an event, or the reason why there is none."""

    channel: Channel
    blob: str
    external_id: str
    row: dict[str, Any]
    event: InboundEvent | None = None
    error: DatabaseError = field(default_factory=lambda: DatabaseError("the transaction was left"))


class _InOneCommit:
    """Sessions that wait for the database at the same time share one transaction: the first of them inserts for all."""

    def __init__(self) -> None:
        self._guard, self._turn = threading.Lock(), threading.Lock()
        self._waiting: list[_Arrival] = []

    def store(self, arrival: _Arrival) -> InboundEvent:
        """Returns when the event is committed. Raises DatabaseError."""
        if connection.in_atomic_block:  # not committed when this returns, so nobody else's mail may be in it
            return _insert_alone(arrival)
        with self._guard:
            self._waiting.append(arrival)
        with self._turn:
            if arrival in self._waiting:
                with self._guard:
                    group, self._waiting = self._waiting, []
                _insert_group(group)
        if arrival.event is None:
            raise arrival.error
        return arrival.event


_in_one_commit = _InOneCommit()


def _insert_group(group: Sequence[_Arrival]) -> None:
    """Insert all; should one of them be known or refused, each by itself."""
    try:
        events = _insert(group)
    except IntegrityError:  # nearly never, so nobody looks before
        for arrival in group:
            _try_alone(arrival)
    except DatabaseError as error:
        for arrival in group:
            arrival.error = error
    else:
        for arrival, event in zip(group, events, strict=True):
            arrival.event = event


def _try_alone(arrival: _Arrival) -> None:
    try:
        arrival.event = _insert_alone(arrival)
    except DatabaseError as error:
        arrival.error = error


def _insert_alone(arrival: _Arrival) -> InboundEvent:
    try:
        return _insert([arrival])[0]
    except IntegrityError:
        return _insert_what_is_missing(arrival)


@transaction.atomic
def _insert(group: Sequence[_Arrival]) -> list[InboundEvent]:
    """Raises IntegrityError when bytes or an arrival of the group are known."""
    events = InboundEvent.objects.bulk_create(
        [InboundEvent(channel=each.channel, blob=each.blob, **each.row) for each in group]
    )
    crash_point("accept.event-inserted")
    for bell in {live.intake_bell(is_social=event.is_social, is_slow=event.is_slow) for event in events}:
        live.wake(bell)
    Receipt.objects.bulk_create(
        Receipt(channel=each.channel, external_id=each.external_id, event=event, received_at=event.received_at)
        for each, event in zip(group, events, strict=True)
    )
    crash_point("accept.uncommitted")
    return events


@transaction.atomic
def _insert_what_is_missing(arrival: _Arrival) -> InboundEvent:
    channel, external_id = arrival.channel, arrival.external_id
    known = Receipt.objects.select_related("event").filter(channel=channel, external_id=external_id).first()
    if known is not None:
        # The same arrival with other bytes can't be: an external id names them. A UID whose server changed the mail
        # under it keeps what came first.
        return known.event
    event = InboundEvent.objects.filter(channel=channel, blob=arrival.blob).first()
    if event is None:
        return _insert([arrival])[0]
    received_at = arrival.row["received_at"]
    Receipt.objects.create(channel=channel, external_id=external_id, event=event, received_at=received_at)
    return event
