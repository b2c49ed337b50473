"""Where each arrival ended: the ledger as a person asks it, by Message-ID, address, UID, number or day."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from helpdesk import blobs
from helpdesk.connectors.imap_books import receipt_prefix
from helpdesk.models import FolderState, Identity, InboundEvent, Message, Receipt
from helpdesk.queries.mailroom import Key, Page, page_of

#: Mail that is no message has no Message-ID in any column, so its head is read from its file: this many, newest first.
MAX_UNREAD = 300
#: Of one sender; and how far back senders are looked for who are nobody's contact (machines).
MAX_OF_SENDER, RECENT_MESSAGES = 500, 50_000
_HEAD_BYTES = 64 * 1024
_ID_LINE = re.compile(rb"^message-id:[ \t]*(?:\r?\n[ \t]+)?<?([^>\r\n]+)>?", re.IGNORECASE | re.MULTILINE)
_FROM_LINE = re.compile(rb"^(?:from|sender|return-path):[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*", re.IGNORECASE | re.MULTILINE)
_BETWEEN_ADDRESSES = re.compile(r"[\s<>,;\"]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")

_State = InboundEvent.State


class Fate(StrEnum):
    """Every end that an arrival can come to."""

    MESSAGE = "message"
    AGAIN = "again"
    QUARANTINED = "quarantined"
    IGNORED = "ignored"
    WAITING = "waiting"


@dataclass(frozen=True)
class Arrival:
    """One arrival and what became of it. ``message`` is None unless its mail became one."""

    receipt: Receipt
    fate: Fate
    message: Message | None

    @property
    def event(self) -> InboundEvent:
        return self.receipt.event


@dataclass(frozen=True)
class Answer:
    """What the ledger knows. ``ours`` are messages of the desk itself under the Message-ID that was asked for."""

    arrivals: Page[Any]
    lines: Sequence[Arrival]
    ours: Sequence[Message]


def ask(*, words: str, on: date | None, key: Key) -> Answer:
    """The arrivals that ``words`` name, on the day ``on`` (the reader's zone) or ever, newest first. No words: all."""
    rows = Receipt.objects.select_related("channel", "event__message__ticket")
    rows = rows.annotate(is_again=Exists(Receipt.objects.filter(event=OuterRef("event"), pk__lt=OuterRef("pk"))))
    wanted = words.strip()
    if wanted:
        rows = rows.filter(_named(wanted))
    if on is not None:
        begin = datetime(on.year, on.month, on.day, tzinfo=timezone.get_current_timezone())
        rows = rows.filter(received_at__gte=begin, received_at__lt=begin + timedelta(days=1))
    found = page_of(rows, key=key)
    ours = (
        Message.objects.filter(message_id=_bare(wanted), event=None).select_related("ticket") if "@" in wanted else ()
    )
    return Answer(found, [_arrival(row) for row in found.rows], list(ours))


def _arrival(receipt: Receipt) -> Arrival:
    event = receipt.event
    message = getattr(event, "message", None)
    if getattr(receipt, "is_again", False):
        return Arrival(receipt, Fate.AGAIN, message)
    match event.state:
        case _State.DONE:
            return Arrival(receipt, Fate.MESSAGE, message)
        case _State.QUARANTINED:
            return Arrival(receipt, Fate.QUARANTINED, message)
        case _State.IGNORED:
            return Arrival(receipt, Fate.IGNORED, message)
    return Arrival(receipt, Fate.WAITING, message)


def _named(words: str) -> Q:
    """The receipts that ``words`` can mean: each way of naming a mail has a shape of its own."""
    if words.startswith("#") and words[1:].isdecimal():
        return Q(event=_number(words[1:]))
    if words.isdecimal():
        return _by_uid(_number(words))
    if _SHA256.fullmatch(words.lower()):
        return Q(event__blob=words.lower())
    if "@" in words and not words.startswith(("imap:", "smtp:")):
        return Q(event__in=_events_named(_bare(words)))
    return Q(external_id=words)


def _number(digits: str) -> int:
    return min(int(digits[:19]), 2**63 - 1)


def _by_uid(uid: int) -> Q:
    """A UID means something in a folder only: in each that is known, under its present UIDVALIDITY."""
    found = Q(pk__in=())
    for state in FolderState.objects.exclude(uidvalidity=None).select_related("mailbox"):
        prefix = receipt_prefix(folder=state.folder, uidvalidity=state.uidvalidity or 0)
        found |= Q(channel=state.mailbox.channel_id, external_id=f"{prefix}{uid}")
    return found


def _bare(words: str) -> str:
    """Without the angle brackets, and without the header's name if the whole line was pasted."""
    return re.sub(r"^(?i:message-id):", "", words).strip().strip("<>").strip()


def _events_named(name: str) -> Collection[int]:
    """Raw mails with this Message-ID, or from this address."""
    arrived = Message.objects.filter(event__isnull=False)
    found = set(arrived.filter(message_id=name).values_list("event", flat=True)[:MAX_OF_SENDER])
    address = name.lower()
    contacts = Identity.objects.mail([address]).values_list("contact", flat=True)
    by_contact = arrived.filter(contact__in=list(contacts), sender_address=address)
    found |= set(by_contact.order_by("-pk").values_list("event", flat=True)[:MAX_OF_SENDER])
    newest = Message.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    recent = arrived.filter(pk__gt=newest - RECENT_MESSAGES, sender_address=address)
    found |= set(recent.order_by("-pk").values_list("event", flat=True)[:MAX_OF_SENDER])
    return found | _unread(name)


def _unread(name: str) -> set[int]:
    """The same of mail that became no message: what waits, what stopped, what was put aside."""
    rows: QuerySet[InboundEvent] = InboundEvent.objects.exclude(state=_State.DONE).order_by("-pk")
    return {event.pk for event in rows[:MAX_UNREAD] if _is_named(event, name)}


def _is_named(event: InboundEvent, name: str) -> bool:
    if str(event.envelope.get("mail_from") or "").lower() == name.lower():
        return True
    try:
        head = blobs.beginning(event.blob, _HEAD_BYTES).replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]
    except OSError:
        return False  # check_invariants names it
    ids = [match[1].strip().decode("ascii", "replace") for match in _ID_LINE.finditer(head)]
    senders = b" ".join(match[0].partition(b":")[2] for match in _FROM_LINE.finditer(head)).decode("ascii", "replace")
    return name in ids or name.lower() in _BETWEEN_ADDRESSES.split(senders.lower())
