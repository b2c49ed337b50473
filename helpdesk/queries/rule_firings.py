"""How often each rule has fired lately: the counts, and the few decisions that aren't counted yet."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Max, Q, Sum

from helpdesk.models import FiringCursor, RoutingDecision, RuleDay

SPAN = timedelta(days=30)
#: A desk whose worker stands still must not make the list wait.
UNCOUNTED_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule's firings of the last 30 days, and the last one ever."""

    times: int
    last_at: datetime


def fired(*, now: datetime) -> dict[int, Fired]:
    """By the rule's number; rules that never fired are left out."""
    counted = FiringCursor.objects.values_list("counted", flat=True).first() or 0
    since = (now - SPAN).astimezone(UTC)
    days = RuleDay.objects.values("rule_number").annotate(
        last=Max("last_at"), lately=Sum("times", filter=Q(on__gt=since.date()), default=0)
    )
    found = {row["rule_number"]: Fired(row["lately"], row["last"]) for row in days}
    uncounted = RoutingDecision.objects.filter(pk__gt=counted).order_by("-pk").values_list("fired", "created_at")
    for steps, at in uncounted[:UNCOUNTED_MAX]:
        for step in steps:
            before = found.get(step["rule_id"], Fired(0, at))
            found[step["rule_id"]] = Fired(before.times + (at > since), max(before.last_at, at))
    return found
