"""The loop that gives waiting tickets out, and takes tickets from those who are gone (docs/assignment.md).

Every worker has one; `actions.dealing` sees to it that a ticket is given once. It looks each two seconds instead of
being woken: what makes somebody free (a solved ticket, a return, an opening hour) is not worth a bell each.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from django.db import OperationalError, close_old_connections
from django.utils import timezone

from helpdesk import routing
from helpdesk.actions import dealing

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
#: Those who are gone are looked for less often: their tickets have waited for minutes already.
LOOK_SECONDS = 10.0


def run(stop: threading.Event) -> None:
    """Assign until ``stop`` is set."""
    looked_at = float("-inf")
    while not stop.is_set():
        steps: list[Callable[..., int]] = [dealing.deal_queue]
        if time.monotonic() - looked_at > LOOK_SECONDS:
            looked_at = time.monotonic()
            steps = [dealing.rescue, dealing.reassign_unanswered, dealing.reassign_from_absent, *steps]
        for step in steps:
            _carry_out(step, now=timezone.now())
        close_old_connections()
        stop.wait(POLL_SECONDS)


def _carry_out(step: Callable[..., int], *, now: datetime) -> None:
    try:
        step(now=now, around=routing.watched)
    except OperationalError as error:  # busy or restarting: the next round comes soon
        log.warning("assigning waits for the database: %s", error)
