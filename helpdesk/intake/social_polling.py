"""Platforms that don't call us are asked: each account in turn, by one process at a time, in a lane of its own.

Guarantee: what was handed over is stored before the next look begins after it; a crash in between asks once more, and
repeats are known by their ids.
"""

import logging
import threading
from collections.abc import Collection
from datetime import datetime, timedelta

from django.utils import timezone

from helpdesk import live
from helpdesk.actions import social_accounts
from helpdesk.connectors.registry import account_connector
from helpdesk.connectors.social import Unreadable
from helpdesk.intake.social import take_items
from helpdesk.lanes import Work, run_lanes
from helpdesk.models import SocialAccount, SocialTrouble
from mail_gateway.errors import GatewayError, Temporary

log = logging.getLogger(__name__)

#: One look takes at most as long.
LEASE = timedelta(minutes=2)
#: After an error: a host that is away is asked again soon, a refusal waits for somebody to do something about it.
WAIT, WAIT_REFUSED = timedelta(seconds=30), timedelta(minutes=5)


def run(stop: threading.Event) -> None:
    """Ask until ``stop``."""
    work = Work(
        name="polls", bell=live.SOCIAL_POLLS, find=accounts_due, do=lambda number, _ending: poll_once(account_id=number)
    )
    run_lanes(work, stop)


def accounts_due(busy: Collection[int] = ()) -> list[int]:
    """The accounts that are to be asked now."""
    now = timezone.now()
    rows = SocialAccount.objects.filter(next_poll_at__lte=now, channel__is_active=True).exclude(pk__in=busy)
    return list(rows.exclude(lease_until__gt=now).values_list("pk", flat=True))


def poll_once(*, account_id: int) -> int:
    """Ask for one account, if it is time and nobody else does; returns how many items came."""
    now = timezone.now()
    account = social_accounts.claim_poll(account_id=account_id, at=now, until=now + LEASE)
    if account is None:
        return 0
    connector = account_connector(account)
    every = connector.poll_every(account)
    try:
        items, cursor = connector.poll(account, account.cursor) if every is not None else ([], account.cursor)
        take_items(account=account, items=items, at=timezone.now())
    except Temporary as error:
        wait = max(WAIT, timedelta(seconds=error.retry_after or 0))
        _note(account, SocialTrouble.UNREACHABLE, str(error), again_at=now + wait)
        return 0
    except (GatewayError, Unreadable) as error:
        _note(account, SocialTrouble.REFUSED, str(error), again_at=now + WAIT_REFUSED)
        return 0
    then = timezone.now()
    again_at = then + every if every is not None else None
    social_accounts.note_polled(account=account, cursor=cursor, again_at=again_at, has_news=bool(items), at=then)
    return len(items)


def _note(account: SocialAccount, trouble: SocialTrouble, words: str, *, again_at: datetime) -> None:
    log.warning("social account %s: %s: %s", account.pk, trouble.value, words)
    social_accounts.note_trouble(account=account, trouble=trouble, detail=words, at=timezone.now())
    social_accounts.postpone_poll(account=account, again_at=again_at)
