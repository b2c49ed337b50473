"""Who looks after the rules that wait for time to pass, and how far they have come."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import Q

from helpdesk.models import RuleWatch

#: Renewed at each batch; a worker that was killed is replaced after this.
LEASE = timedelta(minutes=1)
_THE_ONE = 1


def claim(*, now: datetime) -> RuleWatch | None:
    """Take the watch; None while another worker has it."""
    RuleWatch.objects.get_or_create(pk=_THE_ONE, defaults={"looked_until": now})
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    if not RuleWatch.objects.filter(free, pk=_THE_ONE).update(lease_until=now + LEASE):
        return None
    return RuleWatch.objects.get(pk=_THE_ONE)


def hold(*, until: datetime) -> None:
    """Keep the watch for another while."""
    RuleWatch.objects.filter(pk=_THE_ONE).update(lease_until=until)


def release(*, now: datetime, cursor: int, clocks: Mapping[str, str]) -> None:
    """Give the watch back: every ticket was asked about that had to be by ``now``."""
    RuleWatch.objects.filter(pk=_THE_ONE).update(looked_until=now, cursor=cursor, clocks=dict(clocks), lease_until=None)


def give_up() -> None:
    """Give the watch back undone: the next worker begins where this one did."""
    RuleWatch.objects.filter(pk=_THE_ONE).update(lease_until=None)
