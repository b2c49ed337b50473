"""What arrives of social channels is written down here, before the platform hears "yes".

Guarantee: each item is stored once, whatever comes again and in whatever order; an item that makes no sense stays as
raw as it came, and hinders none of the others.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from helpdesk.connectors.registry import social_connector
from helpdesk.connectors.social import Unreadable
from helpdesk.intake.accept import accept
from helpdesk.models import SocialAccount


def take_delivery(*, account: SocialAccount, body: bytes, at: datetime) -> bool:
    """Store the items of a delivery whose signature was checked; False when it made no sense, and is kept whole.

    Raises Temporary when disk or database refuse: the platform keeps its copy, and what is stored already is known
    when it comes again.
    """
    try:
        items = social_connector(account.provider).split(account, body)
    except Unreadable:
        take_items(account=account, items=[(f"body:{hashlib.sha256(body).hexdigest()}", body)], at=at)
        return False
    take_items(account=account, items=items, at=at)
    return True


def take_items(*, account: SocialAccount, items: Sequence[tuple[str, bytes]], at: datetime) -> None:
    """Store items as (external id, raw bytes), each once. Raises Temporary."""
    for external_id, raw in items:
        accept(channel=account.channel, external_id=f"social:{external_id}", raw=raw, received_at=at, is_social=True)
