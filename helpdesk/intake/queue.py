"""The intake's loops: waiting events are the queue (rows, no memory).

Guarantee: an event is worked on by one worker at a time (a lease), its attempt is counted before the try, and after
three failures it rests in quarantine with a reason. One bad mail never stops the next, and none makes it wait long:
there are two lanes with a loop and a reader each. What people have just written goes by the fast one. What machines
send, old mail, and whatever took the fast reader more than a moment, wait behind each other in the slow one.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from django.db import DatabaseError, OperationalError, close_old_connections, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from helpdesk import blobs, live
from helpdesk.intake.matching import names_of
from helpdesk.intake.passage import ReadMail
from helpdesk.intake.process import as_plain, process_all
from helpdesk.intake.reader import Reader, Unreadable
from helpdesk.intake.standing import Outlook, Standing
from helpdesk.models import InboundEvent
from helpdesk.models.conditions import OneOf
from helpdesk.text import clean_text
from mail_gateway.crash_points import crash_point
from mail_gateway.mail import ParsedMail
from mail_gateway.parse import parse

log = logging.getLogger(__name__)

BATCH = 40
LEASE = timedelta(minutes=5)
#: A batch of slow mails that has used up this much of its lease gives the rest back.
BATCH_SECONDS = LEASE.total_seconds() / 2
#: So many mails, or so many bytes of them, go through one transaction.
TOGETHER, TOGETHER_BYTES = 20, 8 * 1024 * 1024
MAX_ATTEMPTS = 3
RETRY_AFTER = (timedelta(seconds=2), timedelta(seconds=30))
POLL_SECONDS = 1.0
#: A mail that takes the reader longer goes on in the slow lane; most take a hundredth of this.
FAST_SECONDS = 4.0
#: The reader's child costs about 40 MB; an idle desk does without.
IDLE_SECONDS = 60.0
#: How much of an unreadable mail is shown when an agent opens it as plain text.
PLAIN_BYTES = 64 * 1024

_State, _Reason = InboundEvent.State, InboundEvent.Reason
#: The condition of the queue's index; without it each look would read every event there ever was.
_HAS_WORK = OneOf("state", (_State.WAITING, _State.WORKING))


def claim(*, now: datetime, is_slow: bool = False, social: int | None = None, limit: int = BATCH) -> list[InboundEvent]:
    """Take up to ``limit`` due events of a lane, oldest first: a lease and one more attempt each, committed at once.

    ``social`` is the number of a social channel, which is a lane of its own. An event that was tried before is taken
    alone, so that a mail which brings the worker down uses up nobody's attempts but its own.
    """
    with transaction.atomic():
        due = _due(now=now, is_slow=is_slow) if social is None else social_due(now=now).filter(channel=social)
        rows = due.order_by("next_attempt_at", "id")
        if connection.vendor == "postgresql":
            rows = rows.select_for_update(skip_locked=True)
        # SQLite transactions begin IMMEDIATE, so nobody else can claim between these two statements.
        claimed = _alone_if_tried(rows[:limit])
        if claimed:
            InboundEvent.objects.filter(pk__in=[event.pk for event in claimed]).update(
                state=_State.WORKING, attempts=F("attempts") + 1, lease_until=now + LEASE
            )
            crash_point("intake.claiming")
    for event in claimed:
        event.state, event.attempts = _State.WORKING, event.attempts + 1
    return claimed


def _due(*, now: datetime, is_slow: bool) -> QuerySet[InboundEvent]:
    return InboundEvent.objects.filter(_HAS_WORK, _is_due(now), is_slow=is_slow, is_social=False)


def social_due(*, now: datetime) -> QuerySet[InboundEvent]:
    """What waits of social channels, and what a worker that died has left."""
    return InboundEvent.objects.filter(_HAS_WORK, _is_due(now), is_social=True)


def _is_due(now: datetime) -> Q:
    return Q(state=_State.WAITING, next_attempt_at__lte=now) | Q(state=_State.WORKING, lease_until__lt=now)


def give_back(numbers: Collection[int]) -> None:
    """Events that were claimed and not begun wait again; no attempt is burnt, and no lease runs out under our hands."""
    if numbers:
        InboundEvent.objects.filter(pk__in=numbers, state=_State.WORKING).update(
            state=_State.WAITING, attempts=F("attempts") - 1, lease_until=None
        )


def _alone_if_tried(rows: Iterable[InboundEvent]) -> list[InboundEvent]:
    events = list(rows)
    if events and events[0].attempts:
        return events[:1]
    return list(takewhile(lambda event: event.attempts == 0, events))


def work_once(reader: Reader, outlook: Outlook, *, is_slow: bool = False, limit: int = BATCH) -> int:
    """Process one batch of due events of a lane; returns how many were taken."""
    if reader.process is None and _due(now=timezone.now(), is_slow=is_slow).exists():
        # Before any mail is in hand: a child takes a second to start, and a desk that is killed in that second, again
        # and again, would blame the mail.
        reader.warm_up()
    claimed = claim(now=timezone.now(), is_slow=is_slow, limit=limit)
    if claimed:
        crash_point("intake.claimed")
    quarantine_exhausted(claimed)
    runnable = [event for event in claimed if event.attempts <= MAX_ATTEMPTS]
    if not runnable:
        return len(claimed)
    gathering = _Gathering(outlook.standing(channels={event.channel_id for event in runnable}))
    left, deadline = {event.pk for event in runnable}, time.monotonic() + BATCH_SECONDS
    for event, answer in _read(reader, runnable, meanwhile=gathering.process):
        if time.monotonic() > deadline:
            break
        left.discard(event.pk)
        if not isinstance(answer, Unreadable):
            gathering.add(event, answer)
        elif answer.reason == _Reason.TOO_SLOW and not is_slow:
            postpone(event, answer.detail, is_slow=True)
        else:
            fail(event, answer.reason, answer.detail)
    gathering.process()
    give_back(left)
    return len(claimed)


def _read(
    reader: Reader, events: Sequence[InboundEvent], *, meanwhile: Callable[[], None]
) -> Iterator[tuple[InboundEvent, ParsedMail | Unreadable]]:
    for event, raw in _raw_mails([event for event in events if event.is_plain]):
        yield event, plain(raw)
    yield from reader.read_all(_raw_mails([event for event in events if not event.is_plain]), meanwhile=meanwhile)


def _raw_mails(events: Sequence[InboundEvent]) -> Iterator[tuple[InboundEvent, bytes]]:
    """Each event with its bytes, read when it is its turn: a batch of large mails would fill the memory."""
    for event in events:
        try:
            raw = blobs.get(event.blob)
        except OSError as error:
            log.error("event %s: its raw mail can't be read: %s", event.pk, error)  # noqa: TRY400
            postpone(event, f"The stored mail can't be read: {error.strerror}")
        else:
            yield event, raw


def plain(raw: bytes) -> ParsedMail:
    """What can be shown of a mail that the reader can't take: headers if they parse, and the beginning as text."""
    head = raw[:PLAIN_BYTES]
    separator = b"\r\n\r\n" if b"\r\n\r\n" in head else b"\n\n"
    headers = head.partition(separator)[0]
    # Only the header block goes through the parser, as a text/plain mail without a body.
    kept = [line for line in headers.splitlines() if line[:1] not in b" \t"][:200]
    simple = [line[:900] for line in kept if not line.lower().startswith((b"content-", b"mime-"))]
    mail = parse(b"\r\n".join(simple) + b"\r\n\r\n")
    return as_plain(mail, text=clean_text(head.decode("utf-8", errors="replace"), max_length=PLAIN_BYTES))


class _Gathering:
    """Mails that go through one transaction together: neighbours in the queue that have nothing to do with each other.

    A mail is only ever as slow as itself: one that fails is tried again without the others (docs/adr/0010).
    """

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._mails: list[ReadMail] = []
        self._names: set[str] = set()
        self._bytes = 0

    def add(self, event: InboundEvent, mail: ParsedMail) -> None:
        """Take one more, after those before it if it can't go with them; process them when they are enough."""
        crash_point("intake.read")
        names = names_of(mail)
        if not names.isdisjoint(self._names):
            self.process()
        try:
            self._mails.append(ReadMail.with_files(event, mail))
        except OSError as error:
            log.warning("event %s waits for the disk: %s", event.pk, error)
            postpone(event, f"An attachment could not be stored: {error.strerror}")
        else:
            self._names |= names
            self._bytes += event.size
        if len(self._mails) >= TOGETHER or self._bytes >= TOGETHER_BYTES:
            self.process()

    def process(self) -> None:
        """Process what was gathered; nothing is gathered then."""
        mails, self._mails = self._mails, []
        self._names.clear()
        self._bytes = 0
        if mails:
            crash_point("intake.files-stored")
        if mails and not _processed(mails, self._standing):
            for each in mails:
                _processed([each], self._standing)


def _processed(mails: Sequence[ReadMail], standing: Standing) -> bool:
    """Whether these mails are done with: they became messages, or their failure was written down."""
    try:
        process_all(mails=mails, standing=standing, now=timezone.now())
        crash_point("process.committed")
    except Exception as error:  # a fault of ours; it must stop this mail only, and be seen
        standing.rulebook.forget_workloads()
        if is_database_away(error):
            for each in mails:
                log.warning("event %s waits for the database: %s", each.event.pk, error)
                postpone(each.event, f"The database did not answer: {error}")
        elif len(mails) > 1:
            log.warning("%s mails are processed one by one: %s: %s", len(mails), type(error).__name__, error)
            return False
        else:
            log.exception("event %s could not be processed", mails[0].event.pk)
            fail(mails[0].event, _Reason.BUG, f"{type(error).__name__}: {error}")
    return True


def is_database_away(error: Exception) -> bool:
    """Whether the database is locked or out of reach, which is no mail's fault.

    PostgreSQL's "program limit exceeded" (SQLSTATE 54) comes by the same class, and the same mail meets it each time.
    """
    sqlstate = str(getattr(error.__cause__, "sqlstate", None) or "")
    return isinstance(error, OperationalError) and not sqlstate.startswith("54")


def fail(event: InboundEvent, reason: InboundEvent.Reason, detail: str) -> None:
    """One attempt has failed: try again, or quarantine after the third."""
    is_last = event.attempts >= MAX_ATTEMPTS
    log.log(
        logging.ERROR if is_last else logging.WARNING,
        "event %s: attempt %s failed: %s (%s)",
        event.pk,
        event.attempts,
        reason,
        detail,
    )
    if is_last:
        settle(event, state=_State.QUARANTINED, reason=reason, detail=detail, quarantined_at=timezone.now())
        return
    again = timezone.now() + RETRY_AFTER[min(event.attempts, len(RETRY_AFTER)) - 1]
    settle(event, state=_State.WAITING, detail=detail, next_attempt_at=again, is_slow=not event.is_social)


def postpone(event: InboundEvent, detail: str, **fields: object) -> None:
    """Try again soon; the attempt doesn't count, since the mail did nothing wrong."""
    again, attempts = timezone.now() + RETRY_AFTER[0], max(0, event.attempts - 1)
    settle(event, state=_State.WAITING, detail=detail, next_attempt_at=again, attempts=attempts, **fields)


def quarantine_exhausted(events: Sequence[InboundEvent]) -> None:
    """An event whose worker died three times without a word (kill -9, out of memory) isn't tried a fourth time."""
    for event in events:
        if event.attempts > MAX_ATTEMPTS:
            settle(
                event,
                state=_State.QUARANTINED,
                reason=_Reason.CRASHED,
                detail="The worker ended three times while it worked on this mail.",
                quarantined_at=timezone.now(),
            )


def settle(event: InboundEvent, **fields: object) -> None:
    """Write what became of an attempt; if the database refuses, the lease runs out and the event is taken again."""
    try:
        InboundEvent.objects.filter(pk=event.pk, state=_State.WORKING).update(lease_until=None, **fields)
    except DatabaseError as error:
        log.error("event %s: its state could not be written: %s", event.pk, error)  # noqa: TRY400


def run(stop: threading.Event) -> None:
    """Work in the fast lane until ``stop`` is set."""
    _run(stop, Reader(wall_seconds=FAST_SECONDS), bell=live.INTAKE, is_slow=False)


def run_slow(stop: threading.Event) -> None:
    """Work in the slow lane until ``stop`` is set."""
    _run(stop, Reader(), bell=live.SLOW_INTAKE, is_slow=True)


def _run(stop: threading.Event, reader: Reader, *, bell: str, is_slow: bool) -> None:
    """Woken by :func:`live.wake`, looking anyway each second."""
    outlook, idle_since, called = Outlook(), timezone.now(), live.bell(bell)
    try:
        while not stop.is_set():
            called.clear()
            if work_once(reader, outlook, is_slow=is_slow):
                idle_since = timezone.now()
                continue
            if (timezone.now() - idle_since).total_seconds() > IDLE_SECONDS:
                reader.close()
            close_old_connections()  # on PostgreSQL back into the pool, and a broken one is replaced
            called.wait(POLL_SECONDS)
    finally:
        reader.close()
