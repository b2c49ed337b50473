"""From SMTP to acknowledged, routed tickets: how fast, and whether each mail is there once and whole.

1,000 realistic mails (250 replies among them, which makes 750 tickets right) are delivered out of order, some replies
before what they answer; then all of them a second time, which must change nothing. The clock runs from the first
connection until the last mail is in its ticket and the last acknowledgement has left.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import workload
from benchmarks.desk import Desk
from benchmarks.place import Place
from benchmarks.progress import say
from benchmarks.smtp_feed import feed

if TYPE_CHECKING:  # models can be imported once settings are known, which Place sees to
    from django.db.models import QuerySet

    from helpdesk.models import InboundEvent

MAILS = 1_000
CONNECTIONS = 4
PATIENCE_S = 600


def measure(place: Place) -> dict[str, float | int]:
    folder = place.folder / "workload"
    mails = workload.make_mails(folder, count=MAILS)
    random.Random(2).shuffle(mails)
    with Desk(place, has_demo=True) as desk:
        place.migrate()
        all_there = _settled().count() + len(mails)
        began = time.time()
        feed(place, mails, connections=CONNECTIONS)
        say(f"{len(mails)} mails said 250 after {time.time() - began:.1f} s")
        finished = _wait_until_done(desk, all_there)
        seconds = finished.timestamp() - began
        say(f"the last one acknowledged after {seconds:.1f} s: {len(mails) / seconds:.0f} a second")

        first = _account(folder)
        feed(place, mails, connections=CONNECTIONS)
        _wait_until_done(desk, all_there)
        again = _account(folder)
        say(again.report.rstrip())
        _say_verdicts()
        return {
            "mail_per_s": round(len(mails) / seconds, 1),
            "mail_lost": again.lost,
            "mail_doubled": again.doubled + (again.tickets - first.tickets),
            "mail_damaged": again.damaged,
            "mail_peak_mb": desk.peak_mb,
            "mail_tickets": again.tickets,
        }


def _settled() -> QuerySet[InboundEvent]:
    from helpdesk.models import InboundEvent

    return InboundEvent.objects.exclude(state__in=[InboundEvent.State.WAITING, InboundEvent.State.WORKING])


def _wait_until_done(desk: Desk, all_there: int) -> datetime:
    """When the last mail was processed and the last acknowledgement had left, by the desk's own clock."""
    from django.db.models import Max

    from helpdesk.models import Delivery

    waiting = Delivery.objects.filter(state__in=Delivery.DUE_STATES)
    until = time.monotonic() + PATIENCE_S
    while (done := _settled().count()) < all_there or waiting.exists():
        if time.monotonic() > until:
            raise TimeoutError(f"{done} of {all_there} settled, {waiting.count()} deliveries wait: {desk.health()}")
        time.sleep(0.1)
    processed: datetime = _settled().aggregate(at=Max("processed_at"))["at"]
    sent: datetime | None = Delivery.objects.aggregate(at=Max("sent_at"))["at"]
    return max(processed, sent or processed)


def _account(folder: Path) -> workload.Account:
    """Compare what is stored with what was sent; attachments by their bytes on disk, not by what a row says of them."""
    from helpdesk import blobs
    from helpdesk.models import Attachment, Message

    messages: list[workload.StoredMessage] = []
    seen: set[int] = set()
    stored = Message.objects.filter(event__isnull=False, event__channel__mailbox__address=workload.MAILBOX)
    for message_id, ticket, subject, text in stored.order_by("id").values_list(
        "message_id", "ticket", "subject", "text"
    ):
        messages.append((message_id, ticket, ticket not in seen, subject, text))
        seen.add(ticket)
    digests: dict[str, list[str]] = defaultdict(list)
    for message_id, blob in Attachment.objects.filter(message__in=stored).values_list("message__message_id", "blob"):
        digests[message_id].append(hashlib.sha256(blobs.get(blob)).hexdigest())
    return workload.verify(folder, messages, digests)


def _say_verdicts() -> None:
    """How many were acknowledged, and why the others were not."""
    from django.db.models import Count

    from helpdesk.models import Message

    verdicts = Message.objects.filter(event__isnull=False).values_list("acknowledgement").annotate(n=Count("id"))
    say("acknowledgement: " + ", ".join(f"{verdict or '(none)'} {n}" for verdict, n in verdicts.order_by("-n")))
