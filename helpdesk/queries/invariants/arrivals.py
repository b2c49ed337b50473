"""What is always true of everything that came in."""

from datetime import datetime, timedelta

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from helpdesk.models import FolderState, InboundEvent, Message, Receipt
from helpdesk.queries.invariants.proof import LATE, Invariant, has_lived, rows, twins

#: No lease is given for longer; one that ends later was written by a clock that is wrong.
LONGEST_LEASE = timedelta(hours=1)

_State = InboundEvent.State
_OPEN = (_State.WAITING, _State.WORKING)
_STOPPED = (_State.QUARANTINED, _State.IGNORED)
_message = Exists(Message.objects.filter(event=OuterRef("pk")))
_receipt = Exists(Receipt.objects.filter(event=OuterRef("pk")))


def _forgotten(now: datetime) -> QuerySet[InboundEvent]:
    late = InboundEvent.objects.filter(state=_State.WAITING, next_attempt_at__lt=now - LATE)
    return late if has_lived("intake", now=now) else late.none()


def _held_by_the_dead(now: datetime) -> QuerySet[InboundEvent]:
    over = InboundEvent.objects.filter(state=_State.WORKING, lease_until__lt=now - LATE)
    return over if has_lived("intake", now=now) else over.none()


ARRIVED = Invariant(
    "I1",
    "Every arrival has its raw mail, and every raw mail arrived",
    (
        rows("raw mails never arrived", lambda _now: InboundEvent.objects.filter(~_receipt)),
        rows(
            "arrivals are in another channel than their raw mail",
            lambda _now: Receipt.objects.exclude(channel=F("event__channel")),
        ),
    ),
)
FATE = Invariant(
    "I2",
    "Every raw mail has exactly one fate: message, quarantined, ignored or waiting",
    (
        rows(
            "raw mails are done, have no message and changed none",
            lambda _now: InboundEvent.objects.filter(~_message, state="done").exclude(
                reason=InboundEvent.Reason.APPLIED
            ),
        ),
        rows(
            "raw mails have a message and are not done",
            lambda _now: InboundEvent.objects.filter(_message).exclude(state=_State.DONE),
        ),
        rows(
            "raw mails stopped and nobody knows why",
            lambda _now: InboundEvent.objects.filter(state__in=_STOPPED, reason=""),
        ),
        rows(
            "raw mails are in a state that doesn't exist",
            lambda _now: InboundEvent.objects.exclude(state__in=_State.values),
        ),
    ),
)
ONCE = Invariant(
    "I3",
    "Nothing is there twice: no raw mail in a channel, no arrival, no message of a raw mail",
    (
        twins(
            "raw mails are stored more than once in a channel (channel, SHA-256)",
            lambda _now: (
                InboundEvent.objects.order_by().values("channel", "blob").annotate(n=Count("pk")).filter(n__gt=1)
            ),
        ),
        twins(
            "arrivals are written down more than once (channel, id)",
            lambda _now: (
                Receipt.objects.order_by().values("channel", "external_id").annotate(n=Count("pk")).filter(n__gt=1)
            ),
        ),
        twins(
            "raw mails became more than one message (raw mail)",
            lambda _now: (
                Message.objects.order_by().exclude(event=None).values("event").annotate(n=Count("pk")).filter(n__gt=1)
            ),
        ),
    ),
)
MOVES = Invariant(
    "I4",
    "Nothing that arrived is forgotten: what is due is taken up, and no lease is older than its limit",
    (
        rows("raw mails should have been read an hour ago, and intake runs", _forgotten),
        rows("raw mails are held by a worker that is gone for an hour", _held_by_the_dead),
        rows(
            "raw mails are being read and nobody holds them",
            lambda _now: InboundEvent.objects.filter(state=_State.WORKING, lease_until=None),
        ),
        rows(
            "raw mails are held that nobody reads",
            lambda _now: InboundEvent.objects.exclude(state=_State.WORKING).exclude(lease_until=None),
        ),
        rows(
            "raw mails are held for longer than any lease",
            lambda now: InboundEvent.objects.filter(lease_until__gt=now + LONGEST_LEASE),
        ),
        rows(
            "folders are held for longer than any lease",
            lambda now: FolderState.objects.filter(lease_until__gt=now + LONGEST_LEASE),
        ),
        rows(
            "folders are held without end",
            lambda _now: FolderState.objects.filter(~Q(lease_owner=""), lease_until=None),
        ),
    ),
)
RECONCILED = Invariant(
    "I16",
    "Every mail that was on a server at the last comparison is accounted for, and no cursor stands without its folder",
    (
        rows("folders have mail that nobody can explain", lambda _now: FolderState.objects.exclude(unexplained=[])),
        rows(
            "folders are read up to a mail of no known UIDVALIDITY",
            lambda _now: FolderState.objects.filter(uidvalidity=None, last_uid__gt=0),
        ),
    ),
)
ARRIVALS = (ARRIVED, FATE, ONCE, MOVES)
