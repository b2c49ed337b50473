"""Gives back at once what a killed process held, and takes away what it left half written, where that can be known.

Every claim is a lease that runs out by itself, in minutes. On SQLite the data folder belongs to one machine, and the
kernel knows who lives: each process that runs loops holds a shared lock on a file there, and the kernel drops it with
the process, however it ended. Who gets the lock exclusively is alone, so all leases are left-overs of the dead.
"""

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from helpdesk import blobs
from helpdesk.models import (
    Delivery,
    FolderState,
    InboundEvent,
    OAuthGrant,
    Rehearsal,
    RuleReview,
    RuleWatch,
)

log = logging.getLogger(__name__)


@contextmanager
def held() -> Iterator[None]:
    """While this is open the process counts as alive; entering it frees the leases of the dead if nobody else lives."""
    if connection.vendor != "sqlite":
        yield
        return
    with (Path(settings.DATA_DIR) / "loops.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("another process works on this data folder; its leases stand")
        else:
            free_all(now=timezone.now())
            remove_unfinished(older_than_s=0)
        # No loop of ours has begun, so whoever slips in between the two locks frees nothing that is alive.
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def free_all(*, now: datetime) -> None:
    """Let every lease be over at ``now``. The states stay: what was being sent may be out already, and is judged so."""
    over = now - timedelta(seconds=1)
    events = InboundEvent.objects.filter(state=InboundEvent.State.WORKING, lease_until__gt=over).update(
        lease_until=over
    )
    deliveries = Delivery.objects.filter(state=Delivery.State.SENDING, lease_until__gt=over).update(
        lease_until=over, next_attempt_at=over
    )
    FolderState.objects.exclude(lease_owner="").update(lease_owner="", lease_until=None)
    Rehearsal.objects.filter(state=Rehearsal.State.WORKING, lease_until__gt=over).update(lease_until=over)
    RuleWatch.objects.exclude(lease_until=None).update(lease_until=None)
    OAuthGrant.objects.exclude(lease_until=None).update(lease_until=None)
    RuleReview.objects.filter(finished_at=None).update(lease_until=over)
    if events or deliveries:
        log.warning("taking up what a killed process left: %s events, %s deliveries", events, deliveries)


def remove_unfinished(*, older_than_s: float) -> None:
    """Take away files that somebody began to write and never named; younger ones may still be somebody's."""
    over = time.time() - older_than_s
    for folder in (Path(settings.BLOB_DIR) / blobs.UNFINISHED, Path(settings.OUTGOING_DIR)):
        for path in folder.glob("*.part"):
            try:
                if path.stat().st_mtime <= over:
                    path.unlink()
            except OSError as error:  # it has its name by now, or isn't ours
                log.info("%s stays: %s", path.name, error)
