"""What is always true of everything that is to leave."""

from datetime import datetime, timedelta

from django.db.models import Count, DateTimeField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Value, Window
from django.db.models.expressions import Combinable
from django.db.models.functions import Lag

from helpdesk.models import Channel, Delivery, Entry, Message, Ticket
from helpdesk.queries.invariants.arrivals import LONGEST_LEASE
from helpdesk.queries.invariants.proof import LATE, Invariant, has_lived, rows, twins

#: The caps of MAIL.md 20.
SENDER_PAUSE, TICKET_HOUR, TICKET_CAP = timedelta(minutes=10), timedelta(hours=1), 3

_State, _Kind = Delivery.State, Message.Kind
_ANSWERED = (Entry.Kind.ACKNOWLEDGED, Entry.Kind.NOT_ACKNOWLEDGED)
_sent_to_the_outside = Exists(Delivery.objects.filter(message=OuterRef("pk")))


def _forgotten(now: datetime) -> QuerySet[Delivery]:
    closed = Channel.objects.filter(~Q(paused_reason="") | Q(is_active=False))
    late = Delivery.objects.filter(state__in=(_State.QUEUED, _State.RETRY), next_attempt_at__lt=now - LATE)
    late = late.exclude(channel__in=closed.values("pk"))
    return late if has_lived("outbox", now=now) else late.none()


def _held_by_the_dead(now: datetime) -> QuerySet[Delivery]:
    over = Delivery.objects.filter(state=_State.SENDING, lease_until__lt=now - LATE)
    return over if has_lived("outbox", now=now) else over.none()


def _acknowledgements() -> QuerySet[Delivery]:
    return Delivery.objects.filter(message__kind=_Kind.AUTOMATIC).exclude(state=_State.CANCELLED)


def _too_soon(_now: datetime) -> QuerySet[Delivery]:
    before = Window(Lag("created_at"), partition_by=F("counted_as"), order_by=[F("created_at").asc(), F("pk").asc()])
    return _acknowledgements().annotate(before=before).filter(before__gt=_earlier(SENDER_PAUSE))


def _too_many(_now: datetime) -> QuerySet[Delivery]:
    """More than the cap within an hour, in tickets that nothing was merged into: a merge brings its own along."""
    merged = Ticket.objects.filter(merged_into=OuterRef("message__ticket"))
    before = Window(
        Lag("created_at", TICKET_CAP),
        partition_by=F("message__ticket"),
        order_by=[F("created_at").asc(), F("pk").asc()],
    )
    rows_ = _acknowledgements().filter(~Exists(merged)).annotate(before=before)
    return rows_.filter(before__gt=_earlier(TICKET_HOUR))


def _earlier(by: timedelta) -> Combinable:
    return ExpressionWrapper(F("created_at") - Value(by), output_field=DateTimeField())


def _unsent_replies(_now: datetime) -> QuerySet[Message]:
    """But for what was said in a chat, or in the platform's own app."""
    replies = Message.objects.filter(~_sent_to_the_outside, kind=_Kind.REPLY, chat_line=None)
    return replies.filter(Q(social_post=None) | Q(social_post__external_id=""))


ANSWERED_ONCE = Invariant(
    "I12",
    "A mail is acknowledged at most once, and senders and tickets get no more than their caps",
    (
        twins(
            "mails were answered automatically more than once (message)",
            lambda _now: (
                Entry.objects.order_by()
                .filter(kind__in=_ANSWERED, message__isnull=False)
                .values("message")
                .annotate(n=Count("pk"))
                .filter(n__gt=1)
            ),
        ),
        rows("acknowledgements went to a sender within ten minutes of another", _too_soon),
        rows("automatic mails went beyond three of a ticket in an hour", _too_many),
    ),
)
LEAVES = Invariant(
    "I13",
    "Every answer has its delivery, and nothing that stays in the house has one",
    (
        rows("replies were never to be sent", _unsent_replies),
        rows(
            "automatic messages were never to be sent",
            lambda _now: Message.objects.filter(~_sent_to_the_outside, kind="automatic"),
        ),
        rows(
            "deliveries are of messages that never leave the house",
            lambda _now: Delivery.objects.filter(message__kind__in=set(_Kind.values) - {_Kind.REPLY, _Kind.AUTOMATIC}),
        ),
        rows("deliveries go to nobody", lambda _now: Delivery.objects.filter(recipient="")),
        twins(
            "messages have more than one delivery (message)",
            lambda _now: (
                Delivery.objects.order_by()
                .exclude(message=None)
                .values("message")
                .annotate(n=Count("pk"))
                .filter(n__gt=1)
            ),
        ),
    ),
)
LEGAL = Invariant(
    "I14",
    "Every delivery is in a legal state",
    (
        rows(
            "deliveries are in a state that doesn't exist",
            lambda _now: Delivery.objects.exclude(state__in=_State.values),
        ),
        rows("deliveries are sent at no time", lambda _now: Delivery.objects.filter(state=_State.SENT, sent_at=None)),
        rows(
            "deliveries are being sent and nobody holds them",
            lambda _now: Delivery.objects.filter(state=_State.SENDING, lease_until=None),
        ),
        rows(
            "deliveries are held that nobody sends",
            lambda _now: Delivery.objects.exclude(state=_State.SENDING).exclude(lease_until=None),
        ),
        rows(
            "deliveries failed and nobody knows why",
            lambda _now: Delivery.objects.filter(state__in=(_State.FAILED, _State.UNKNOWN), error=""),
        ),
        rows(
            "people's replies are held like automatic mail",
            lambda _now: Delivery.objects.filter(state=_State.HELD, is_automatic=False),
        ),
        rows(
            "deliveries say of themselves that they are automatic, and their messages don't, or the other way round",
            lambda _now: Delivery.objects.filter(
                Q(is_automatic=True, message__kind=_Kind.REPLY)
                | Q(is_automatic=False, message__kind=_Kind.AUTOMATIC)
                | Q(is_automatic=False, message=None)
            ),
        ),
    ),
)
MOVES = Invariant(
    "I15",
    "Nothing that is to leave is forgotten: what is due is sent, and no lease is older than its limit",
    (
        rows("deliveries were due an hour ago, and the outbox runs", _forgotten),
        rows("deliveries are held by a worker that is gone for an hour", _held_by_the_dead),
        rows(
            "deliveries are held for longer than any lease",
            lambda now: Delivery.objects.filter(lease_until__gt=now + LONGEST_LEASE),
        ),
    ),
)
DELIVERIES = (ANSWERED_ONCE, LEAVES, LEGAL, MOVES)
