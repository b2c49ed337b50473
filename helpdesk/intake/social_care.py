"""Once a day each social account is looked after: newer credentials, whether they are still good, approved texts.

So that an admin hears a week before a token ends, and not from a customer after it has. A platform that can't be
reached says nothing about a token: it is asked again an hour later.
"""

import logging
import threading
from datetime import datetime, timedelta

from django.db import close_old_connections
from django.utils import timezone

from helpdesk.actions import social_accounts, social_templates
from helpdesk.connectors.registry import account_connector
from helpdesk.models import Agent, SocialAccount
from mail_gateway.errors import GatewayError, Temporary

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
AGAIN = timedelta(hours=1)
PAUSE_SECONDS = 60.0


def run(stop: threading.Event) -> None:
    """Look after accounts until ``stop``."""
    while not stop.is_set():
        look_after_all(now=timezone.now())
        close_old_connections()
        stop.wait(PAUSE_SECONDS)


def look_after_all(*, now: datetime) -> int:
    """Look after each account whose turn it is, in whichever process is first; returns how many."""
    rows = SocialAccount.objects.filter(channel__is_active=True).exclude(checked_at__gt=now - EVERY)
    claimed = [
        account
        for number in rows.values_list("pk", flat=True)
        if (account := social_accounts.claim_look(account_id=number, at=now, every=EVERY)) is not None
    ]
    for account in claimed:
        look_after(account=account, now=now)
    return len(claimed)


def look_after(*, account: SocialAccount, now: datetime) -> None:
    """Renew, check, and learn what is approved, with the network outside of every transaction."""
    connector = account_connector(account)
    try:
        if (renewed := connector.renew(account)) is not None:
            social_accounts.note_renewed(account=account, renewed=renewed)
    except GatewayError as error:  # the old ones may still be good: the check tells
        log.warning("social account %s: its credentials were not renewed: %s", account.pk, error)
    try:
        checked = connector.check(account)
        social_accounts.note_checked(account=account, checked=checked, at=now)
        if checked.ok:
            learn_templates(account=account, by=None, at=now)
    except Temporary as error:
        log.warning("social account %s could not be looked after: %s", account.pk, error)
        social_accounts.look_again(account=account, since=now - EVERY + AGAIN)
    except GatewayError as error:
        log.warning("social account %s: %s", account.pk, error)


def learn_templates(*, account: SocialAccount, by: Agent | None, at: datetime) -> bool:
    """Keep the texts that the platform has approved by now. Raises the errors of the connector."""
    found = account_connector(account).templates(account)
    return social_templates.store(account=account, found=found, by=by, at=at)
