"""What people do by hand with outgoing mail that stands still: retry, release, discard.

Only states change here; the outbox does the work, and is woken after commit. Each function takes
rows in the states that it names and leaves others alone, so that two people who click at once do it once.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from helpdesk import live
from helpdesk.actions import changes, journal
from helpdesk.models import Agent, Channel, Delivery, Entry
from helpdesk.models.transport import DeliveryState
from helpdesk.queries.mailroom import held

#: Deliveries that a person may start again. UNKNOWN too: a doubled mail can be better than none, if a person says so.
RETRYABLE = (DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.RETRY)
#: Deliveries that a person may still stop.
STOPPABLE = (DeliveryState.HELD, DeliveryState.RETRY, DeliveryState.FAILED, DeliveryState.UNKNOWN)
#: Held mails that are released or discarded in one transaction.
_BATCH = 500


def retry_delivery(*, delivery: Delivery, by: Agent, at: datetime | None = None) -> bool:
    """Send a failed, uncertain or waiting mail now, with the same Message-ID. False in any other state."""
    return _settle(delivery=delivery, of=RETRYABLE, to=DeliveryState.QUEUED, by=by, at=at) == 1


def release(*, delivery: Delivery, by: Agent, at: datetime | None = None) -> bool:
    """Send one mail that was held back. False when it isn't held."""
    return _settle(delivery=delivery, of=(DeliveryState.HELD,), to=DeliveryState.QUEUED, by=by, at=at) == 1


def discard(*, delivery: Delivery, by: Agent, at: datetime | None = None) -> bool:
    """Never send this mail. False when it is sent, being sent, or discarded already."""
    return _settle(delivery=delivery, of=STOPPABLE, to=DeliveryState.CANCELLED, by=by, at=at) == 1


def release_held(*, by: Agent, channel: Channel | None = None, at: datetime | None = None) -> int:
    """Send every mail that was held back and that ``by`` may see, of one channel or of all; the number of them."""
    return _settle_held(to=DeliveryState.QUEUED, by=by, channel=channel, at=at)


def discard_held(*, by: Agent, channel: Channel | None = None, at: datetime | None = None) -> int:
    """Send none of the mails that were held back and that ``by`` may see; the number of them."""
    return _settle_held(to=DeliveryState.CANCELLED, by=by, channel=channel, at=at)


def _settle_held(*, to: DeliveryState, by: Agent, channel: Channel | None, at: datetime | None) -> int:
    # What is held from now on waits for the next click.
    numbers = list(held(agent=by, channel=channel).order_by("id").values_list("pk", flat=True))
    now = at or timezone.now()
    done = sum(_settle_batch(batch, to=to, by=by, at=now) for batch in _batches(numbers))
    if done and to == DeliveryState.QUEUED:
        live.wake(live.OUTBOX)
    return done


def _batches(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[start : start + _BATCH] for start in range(0, len(numbers), _BATCH)]


@transaction.atomic
def _settle_batch(numbers: Sequence[int], *, to: DeliveryState, by: Agent, at: datetime) -> int:
    """Thousands at one click: a few statements for each batch, and no hint for each of their tickets."""
    rows = Delivery.objects.select_for_update(of=("self",)).filter(pk__in=numbers, state=DeliveryState.HELD)
    # A notice of the desk to its own people, which has no message and no ticket, is never held.
    found = [
        (each, message) for each in rows.defer("mime").select_related("message__ticket") if (message := each.message)
    ]
    Delivery.objects.filter(pk__in=[each.pk for each, _ in found]).update(
        state=to, next_attempt_at=at, lease_until=None
    )
    told = {"from": DeliveryState.HELD.value, "to": to.value}
    journal.record_each(
        [
            (
                message.ticket,
                journal.Line(
                    kind=Entry.Kind.DELIVERY_CHANGED,
                    message=message,
                    by=by,
                    data={**told, "recipient": each.recipient},
                ),
            )
            for each, message in found
        ],
        at=at,
    )
    return len(found)


@transaction.atomic
def _settle(
    *, delivery: Delivery, of: Collection[DeliveryState], to: DeliveryState, by: Agent, at: datetime | None
) -> int:
    now = at or timezone.now()
    rows: QuerySet[Delivery] = Delivery.objects.filter(pk=delivery.pk, state__in=of)
    before = rows.values_list("state", flat=True).first()
    if before is None:
        return 0
    # A person has decided, so what was in doubt before is so no longer: else the outbox would leave it alone again.
    again = {"attempts": 0, "open_hand_overs": 0, "next_attempt_at": now, "error": "", "bounced": []}
    values = again if to == DeliveryState.QUEUED else {}
    # The state is asked for again in the update: the outbox may have taken the row since.
    moved = rows.filter(state=before).update(state=to, lease_until=None, **values)
    if moved:
        _record_delivery(delivery=delivery, before=before, after=to, by=by, at=now)
        if to == DeliveryState.QUEUED:
            live.wake(live.OUTBOX)
    return moved


def _record_delivery(*, delivery: Delivery, before: str, after: DeliveryState, by: Agent, at: datetime) -> None:
    data = {"from": before, "to": after.value, "recipient": delivery.recipient}
    if delivery.message is None:  # a notice of the desk, which has no ticket
        changes.record(what="delivery", name=f"#{delivery.pk}", change=after.value, by=by, at=at, details=data)
        return
    journal.record(
        kind=Entry.Kind.DELIVERY_CHANGED,
        ticket=delivery.message.ticket,
        message=delivery.message,
        by=by,
        data=data,
        at=at,
    )


@transaction.atomic
def resume_channel(*, channel: Channel, by: Agent, at: datetime | None = None) -> bool:
    """Let a paused channel send again; what waited for it is due at once. False when it wasn't paused."""
    now = at or timezone.now()
    reason = channel.paused_reason
    moved = Channel.objects.filter(pk=channel.pk).exclude(paused_reason="").update(paused_reason="")
    if moved:
        waiting = Delivery.objects.filter(channel=channel, state=DeliveryState.RETRY, next_attempt_at__gt=now)
        waiting.update(next_attempt_at=now)
        changes.record(
            what="channel", name=channel.name, change="resumed", by=by, at=now, details={"reason": {"from": reason}}
        )
        live.wake(live.OUTBOX)
    return bool(moved)
