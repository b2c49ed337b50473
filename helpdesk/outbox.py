"""Hands finished messages over to the outside: claim, send outside the transaction, settle.

Guarantee: out, at least once, with a Message-ID that never changes.

1. *Claim*: rows become SENDING under a lease, in one transaction; nothing is sent in it. A row whose lease ran out is
   claimed again, so a worker that dies loses nothing.
2. *Begin*: where a repeat would double the mail (SMTP), ``open_hand_overs`` is raised and committed just before the
   hand-over, and lowered when its outcome is known. A row that comes back with an open hand-over may be out already:
   a person's reply is tried once more, an automatic mail is not (MAIL.md 24). A row that was merely claimed is not in
   doubt. Where a repeat is harmless (the folder: one file name a delivery) there is nothing to begin.
3. *Settle*: the outcome is committed under the claim's own lease; a worker that overslept its lease changes nothing.
   Mails that went well over a repeatable line are settled together: a crash before that repeats them, harmlessly.
"""

import logging
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate

from django.db import close_old_connections, connection, transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Length
from django.utils.translation import gettext_noop

from helpdesk import live, routing
from helpdesk.actions import changes, journal, returns, social_posts
from helpdesk.connectors.base import Line, Named, Outgoing
from helpdesk.connectors.registry import connector_for
from helpdesk.models import Channel, Delivery, Entry, Message
from helpdesk.models.conditions import OneOf
from helpdesk.models.transport import DeliveryState
from helpdesk.queries.consents import refusing
from mail_gateway.bounce_reasons import of_refusal
from mail_gateway.crash_points import crash_point
from mail_gateway.errors import GatewayError, LoginRefused, OutcomeUnknown, Permanent, Temporary

log = logging.getLogger(__name__)

BATCH = 50
#: How much is read into memory at once.
TURN_BYTES = 4 * 1024 * 1024
LEASE = timedelta(minutes=10)
#: A batch that has used up this much of its lease gives the rest back; that leaves room for one more mail, whose server
#: lets us wait at each word (mail_gateway.smtp).
BATCH_SECONDS = LEASE.total_seconds() / 4
BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240, 480))
PATIENCE = timedelta(hours=48)
#: A desk that was switched off over a weekend still gives each mail this many tries.
FEWEST_ATTEMPTS = 4

REFUSED = gettext_noop("The customer has refused such messages on this kind of channel. Their page says when, and why.")

_HAS_WORK = OneOf("state", Delivery.DUE_STATES)

#: In the order of Claimed's fields.
_CLAIMED = (
    "pk",
    "channel_id",
    "message__ticket_id",
    "message__ticket__team_id",
    "message_id",
    "sender",
    "recipients",
    "is_automatic",
    "purpose",
    "attempts",
    "open_hand_overs",
    "created_at",
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this worker holds until ``lease_until``; ``tried`` counts the attempts before this one.

    A notice of the desk to its own people has no message and no ticket.
    """

    lease_until: datetime
    pk: int
    channel_id: int
    ticket_id: int | None
    team_id: int | None
    message_id: int | None
    sender: str
    recipients: list[str]
    is_automatic: bool
    purpose: str
    tried: int
    open_hand_overs: int
    created_at: datetime
    size: int

    @property
    def is_in_doubt(self) -> bool:
        """It may be out already, and must not be tried again."""
        return self.open_hand_overs >= (1 if self.is_automatic else 2)

    @property
    def row(self) -> QuerySet[Delivery]:
        """The row, as long as the claim stands."""
        return Delivery.objects.filter(pk=self.pk, state=DeliveryState.SENDING, lease_until=self.lease_until)


def channels_with_work(now: datetime, *, besides: Collection[int] = ()) -> list[int]:
    """The numbers of the channels that are open and have mail due at ``now``; ``besides`` are not looked at."""
    opened = Channel.objects.filter(paused_reason="", is_active=True).exclude(pk__in=besides)
    return [number for number in opened.values_list("pk", flat=True) if _due(number, now).exists()]


def deliver_due(now: datetime, *, stop: threading.Event | None = None) -> int:
    """Deliver for every channel, one after another; the number of rows that were taken up."""
    return sum(deliver(number, now, stop=stop) for number in channels_with_work(now))


def deliver(channel_id: int, now: datetime, *, stop: threading.Event | None = None) -> int:
    """Hand over up to ``BATCH`` messages of an open channel that are due at ``now``; the number of rows taken up.

    ``stop`` ends it between two messages; those not begun go back into the queue.
    """
    claimed = _claim(channel_id, now)
    if not claimed:
        return 0
    crash_point("outbox.claimed")
    for mail in claimed:
        if mail.is_in_doubt:
            _settle(mail, to=DeliveryState.UNKNOWN, now=now, error="The desk stopped while it was sending this mail.")
    channel = Channel.objects.get(pk=channel_id)
    if wanted := _wanted([mail for mail in claimed if not mail.is_in_doubt], channel.kind, now=now):
        _deliver(channel, wanted, now=now, stop=stop)
    return len(claimed)


def _due(channel_id: int, now: datetime) -> QuerySet[Delivery]:
    """What is to be sent, or was left behind by a worker that died."""
    return Delivery.objects.filter(_HAS_WORK, channel=channel_id, next_attempt_at__lte=now)


@transaction.atomic
def _claim(channel_id: int, now: datetime) -> list[Claimed]:
    if not Channel.objects.filter(pk=channel_id, paused_reason="", is_active=True).exists():
        return []
    until = now + LEASE
    due = (
        _due(channel_id, now)
        .order_by("next_attempt_at", "pk")
        .select_for_update(skip_locked=True, of=("self",))
        # Not the mail itself: 50 of them can be a gigabyte.
        .values_list(*_CLAIMED, Length("mime"))
    )
    claimed = [Claimed(until, *row) for row in due[:BATCH]]
    # next_attempt_at goes to the end of the lease, so that one index range finds what is due and what is lost.
    Delivery.objects.filter(pk__in=[mail.pk for mail in claimed]).update(
        state=DeliveryState.SENDING, attempts=F("attempts") + 1, lease_until=until, next_attempt_at=until
    )
    if claimed:
        crash_point("outbox.claiming")
    return claimed


def _wanted(mails: Sequence[Claimed], channel_kind: str, *, now: datetime) -> list[Claimed]:
    """The mails that their recipients have not refused, each to those only: the one place where consent is heeded.

    Here and not where mail is queued: a ban counts for what waited when it came, and for what people send again. A
    notice to the desk's own people (no ticket) is no customer's to refuse.
    """
    pairs = {(str(address).lower(), mail.purpose) for mail in mails if mail.ticket_id for address in mail.recipients}
    refused = refusing(pairs, channel_kind=channel_kind)
    wanted = []
    for mail in mails:
        left = [address for address in mail.recipients if (str(address).lower(), mail.purpose) not in refused]
        if mail.ticket_id is None or len(left) == len(mail.recipients):
            wanted.append(mail)
        elif left:
            mail.row.update(recipients=left)
            wanted.append(replace(mail, recipients=left))
        else:
            _settle(mail, to=DeliveryState.CANCELLED, now=now, error=REFUSED, is_certain=True)
    return wanted


def _deliver(channel: Channel, mails: Sequence[Claimed], *, now: datetime, stop: threading.Event | None) -> None:
    """Hand over what was claimed for one channel, over one line."""
    left = list(mails)
    _let_go_of_the_database()
    try:
        with connector_for(channel.kind).open_line(channel) as line:
            crash_point("outbox.connected")
            _hand_over_all(line, left, now=now, stop=stop)
    except LoginRefused as error:
        _pause(channel, reason=str(error), now=now)
    except GatewayError as error:  # the line could not be opened: that says nothing about the single mail
        _retry_all(left, error=Temporary(str(error)), now=now)
    except Exception as error:
        log.exception("channel %s: a fault of the desk while its way out was opened", channel.slug)
        _retry_all(left, error=Temporary(f"A fault of the desk: {type(error).__name__}. See the log."), now=now)
    finally:
        _give_back(left, now=now)


def _let_go_of_the_database() -> None:
    """Before the network: a mail server that hangs must not hold a connection of PostgreSQL's pool meanwhile."""
    if not connection.in_atomic_block:  # as tests are, around everything
        close_old_connections()


def _hand_over_all(line: Line, left: list[Claimed], *, now: datetime, stop: threading.Event | None) -> None:
    """Hand over until ``left`` is empty, time is up or ``stop``; what was settled is taken out of it."""
    deadline = time.monotonic() + BATCH_SECONDS
    while left and time.monotonic() < deadline and not (stop and stop.is_set()):
        turn, handed, names = _next_turn(left, line), list[Claimed](), dict[int, Named]()
        raws = _begin(turn, line)
        crash_point("outbox.begun")
        for mail in turn:
            named = _hand_over(line, _outgoing(mail, raws.pop(mail.pk)), mail, now=now) if mail.pk in raws else None
            if named is not None:
                handed.append(mail)
                if named.external_id and mail.message_id is not None:
                    names[mail.message_id] = named
            left.pop(0)
        try:
            line.flush()
        except Temporary as error:
            _retry_all(handed, error=error, now=now)
        if handed:
            crash_point("outbox.handed-over")
            _settle_sent(handed, names, now=now)
            crash_point("outbox.settled")


def _next_turn(left: Sequence[Claimed], line: Line) -> Sequence[Claimed]:
    """What is begun and settled together: one mail at a time, or as many as fit into memory if repeats are harmless."""
    if not line.is_repeatable:
        return left[:1]
    sizes = accumulate(mail.size for mail in left)
    return [mail for mail, size in zip(left, sizes, strict=True) if size <= TURN_BYTES] or left[:1]


def _begin(turn: Sequence[Claimed], line: Line) -> dict[int, bytes]:
    """The mails themselves, marked as begun where that matters; those whose claim no longer stands are left out."""
    rows = _rows_of(turn)
    if not line.is_repeatable:
        rows.update(open_hand_overs=F("open_hand_overs") + 1)
    return {pk: bytes(mime) for pk, mime in rows.values_list("pk", "mime")}


def _outgoing(mail: Claimed, raw: bytes) -> Outgoing:
    return Outgoing(
        delivery_id=mail.pk,
        created_at=mail.created_at,
        sender=mail.sender,
        recipients=tuple(mail.recipients),
        raw=raw,
    )


def _hand_over(line: Line, outgoing: Outgoing, mail: Claimed, *, now: datetime) -> Named | None:
    """What the far side calls it, if it took it; every other outcome is settled here.

    Raises LoginRefused, after undoing _begin.
    """
    _let_go_of_the_database()
    try:
        return line.hand_over(outgoing)
    except LoginRefused:
        mail.row.update(open_hand_overs=mail.open_hand_overs)
        raise
    except OutcomeUnknown as error:
        _doubt(mail, error=error, now=now)
    except Temporary as error:
        _retry(mail, error=error, now=now)
    except Permanent as error:
        _fail(mail, error=error, now=now)
    except Exception as error:
        log.exception("delivery %s: a fault of the desk; it waits for a person", mail.pk)
        _settle(
            mail, to=DeliveryState.FAILED, now=now, error=f"A fault of the desk: {type(error).__name__}. See the log."
        )
    return None


def _doubt(mail: Claimed, *, error: OutcomeUnknown, now: datetime) -> None:
    """Nobody knows whether it is out: a person's reply may go once more, everything else stays as it is."""
    if mail.is_automatic or mail.open_hand_overs:
        _settle(mail, to=DeliveryState.UNKNOWN, now=now, error=str(error))
    else:
        _settle(mail, to=DeliveryState.RETRY, now=now, error=str(error), next_attempt_at=now + BACKOFF[0])


def _retry(mail: Claimed, *, error: Temporary, now: datetime) -> None:
    give_up_at = mail.created_at + PATIENCE
    if now >= give_up_at and mail.tried + 1 >= FEWEST_ATTEMPTS:
        _settle(mail, to=DeliveryState.FAILED, now=now, error=str(error), is_certain=True)
        return
    due_at = now + max(BACKOFF[min(mail.tried, len(BACKOFF) - 1)], timedelta(seconds=error.retry_after or 0))
    if now < give_up_at < due_at:
        due_at = give_up_at  # the last try is at the very end
    _settle(mail, to=DeliveryState.RETRY, now=now, error=str(error), next_attempt_at=due_at, is_certain=True)


def _retry_all(left: list[Claimed], *, error: Temporary, now: datetime) -> None:
    while left:
        _retry(left[0], error=error, now=now)
        left.pop(0)


@transaction.atomic
def _settle(
    mail: Claimed,
    *,
    to: DeliveryState,
    now: datetime,
    error: str,
    next_attempt_at: datetime | None = None,
    is_certain: bool = False,
) -> None:
    """Write down an outcome that isn't "sent", and tell the people of the ticket what they should know."""
    hand_overs = {"open_hand_overs": mail.open_hand_overs} if is_certain else {}
    moved = mail.row.update(
        state=to, error=error, lease_until=None, next_attempt_at=next_attempt_at or now, **hand_overs
    )
    log.log(logging.INFO if to == DeliveryState.RETRY else logging.WARNING, "delivery %s: %s: %s", mail.pk, to, error)
    if not moved or mail.message_id is None or (to == DeliveryState.RETRY and mail.tried):
        return
    message = Message.objects.select_related("ticket").get(pk=mail.message_id)
    journal.record(
        kind=Entry.Kind.DELIVERY_CHANGED,
        ticket=message.ticket,
        message=message,
        data={
            "from": DeliveryState.SENDING.value,
            "to": to.value,
            "recipient": mail.recipients[0],
            "error": error[:500],
        },
        at=now,
    )
    if to == DeliveryState.FAILED and not mail.is_automatic:
        with routing.watched(ticket=message.ticket, by=None, at=now):
            returns.bring_back(ticket=message.ticket, at=now)


@transaction.atomic
def _fail(mail: Claimed, *, error: Permanent, now: datetime) -> None:
    """Refused for good; a recipient who was refused is marked, so that the next writer is warned."""
    reason = of_refusal(str(error))
    _settle(mail, to=DeliveryState.FAILED, now=now, error=str(error), is_certain=True)
    refused = [address.lower() for address in mail.recipients if f"recipient {address}:" in str(error)]
    returns.suppress(addresses=refused, reason=reason, at=now)


@transaction.atomic
def _settle_sent(sent: Sequence[Claimed], names: Mapping[int, Named], *, now: datetime) -> None:
    social_posts.note_sent(names=names)
    # "Sent" is known, so nothing is open any more, whatever happened before.
    _rows_of(sent).update(state=DeliveryState.SENT, sent_at=now, lease_until=None, error="", open_hand_overs=0)
    crash_point("outbox.settling")
    # No journal line: the message itself says "sent". Screens that show it look again; nobody waits for the tick of
    # an automatic mail.
    seen_by = {mail.ticket_id: mail.team_id for mail in sent if not mail.is_automatic}
    cursor = Entry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0 if seen_by else 0
    for ticket_id, team_id in seen_by.items():
        live.publish(groups=[f"ticket.{ticket_id}", f"team.{team_id}"], cursor=cursor, ticket_id=ticket_id)


@transaction.atomic
def _pause(channel: Channel, *, reason: str, now: datetime) -> None:
    """The account is refused: nothing more is tried on this channel until an admin has looked."""
    reason = reason[:300]
    if Channel.objects.filter(pk=channel.pk, paused_reason="").update(paused_reason=reason):
        log.error("channel %s paused: %s", channel.slug, reason)
        details = {"reason": {"to": reason}}
        changes.record(what="channel", name=channel.name, change="paused", by=None, at=now, details=details)


def _give_back(mails: Sequence[Claimed], *, now: datetime) -> None:
    """Put claimed but untried mails back as they were: no attempt is burnt."""
    if mails:
        _rows_of(mails).update(
            state=Case(When(attempts__lte=1, then=Value(DeliveryState.QUEUED)), default=Value(DeliveryState.RETRY)),
            attempts=F("attempts") - 1,
            lease_until=None,
            next_attempt_at=now,
        )


def _rows_of(mails: Sequence[Claimed]) -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        pk__in=[mail.pk for mail in mails], state=DeliveryState.SENDING, lease_until=mails[0].lease_until
    )
