"""What time alone causes: what is due, missed service levels, planned rules, at once; alarms each minute; a sweep."""

import logging
import threading
import time
from datetime import timedelta
from importlib import import_module

from axes.models import AccessAttempt
from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from helpdesk import due, escalation, leases
from helpdesk.actions import (
    alarms,
    calendars,
    chat_letters,
    chats,
    merging,
    rehearsals,
    rule_firings,
    rule_plans,
    visitors,
)
from helpdesk.queries.chats import left_alone
from helpdesk.queries.troubles import troubles
from mail_gateway.crash_points import crash_point

log = logging.getLogger(__name__)

DAY_SECONDS = 24 * 3600.0
#: More often than alarms are due: whichever process comes first takes the turn, and none falls behind by a minute.
LOOK_SECONDS = 10.0
SERVICE_SECONDS = 5.0
POLL_SECONDS = 1.0
#: No file takes so long to write; another process may be at work in the same folder.
UNFINISHED_SECONDS = 3600.0


def sweep_sessions() -> None:
    """Forget the sessions that have expired."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


def sweep_login_failures() -> None:
    """Forget failed logins that no longer lock anybody out."""
    over = timezone.now() - timedelta(hours=settings.AXES_COOLOFF_TIME)
    AccessAttempt.objects.filter(attempt_time__lt=over).delete()


def look_for_trouble() -> None:
    """Raise and clear alarms, unless another process has just looked."""
    now = timezone.now()
    if alarms.is_due(now=now):
        alarms.note(troubles=troubles(now=now), now=now)


def look_after_chats() -> None:
    """Answers that a visitor won't see in the chat go by mail; chats that their agents have left alone to the queue.

    Each is done once, however many processes look: the row decides.
    """
    now = timezone.now()
    chat_letters.mail_unread(now=now)
    for conversation in left_alone(now=now):
        chats.give_back(conversation=conversation, at=now)


def run(stop: threading.Event) -> None:
    """Do what is due until ``stop``. The first sweep is at start: a desk that is restarted daily must sweep as well."""
    swept_at = looked_at = announced_at = float("-inf")
    while not stop.is_set():
        if time.monotonic() - swept_at > DAY_SECONDS:
            swept_at = time.monotonic()
            sweep_sessions()
            crash_point("timers.swept")
            sweep_login_failures()
            calendars.learn_new_years(now=timezone.now())
            rehearsals.sweep(now=timezone.now())
            visitors.sweep(at=timezone.now())
            leases.remove_unfinished(older_than_s=UNFINISHED_SECONDS)
            close_old_connections()
        if time.monotonic() - looked_at > LOOK_SECONDS:
            looked_at = time.monotonic()
            look_for_trouble()
            look_after_chats()
            due.mail_the_absent(now=timezone.now())
            rule_firings.count(now=timezone.now())
            merging.catch_up(now=timezone.now())
            close_old_connections()
        if time.monotonic() - announced_at > SERVICE_SECONDS:
            announced_at = time.monotonic()
            escalation.announce_due(now=timezone.now())
            close_old_connections()
        rule_plans.activate_due(now=timezone.now())
        due.carry_out(now=timezone.now())
        stop.wait(POLL_SECONDS)
