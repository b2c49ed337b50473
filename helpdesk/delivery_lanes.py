"""The outbox's loop: each channel that has something to send gets a thread, its lane.

Guarantee: a mail server that hangs keeps the mail of its own channel waiting, and no other's.
"""

import threading

from django.utils import timezone

from helpdesk import live
from helpdesk.lanes import Work, run_lanes
from helpdesk.outbox import channels_with_work, deliver

#: So long it waits for more after the first is due: a batch costs hardly more than a single mail.
GATHER_SECONDS = 0.05


def run(stop: threading.Event) -> None:
    """Deliver until ``stop``: at once when woken, and each second as a safety net."""
    work = Work(
        name="outbox",
        bell=live.OUTBOX,
        find=lambda busy: channels_with_work(timezone.now(), besides=busy),
        do=lambda number, ending: deliver(number, timezone.now(), stop=ending),
        gather_s=GATHER_SECONDS,
    )
    run_lanes(work, stop)
