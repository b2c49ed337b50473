"""What people decide about mail in quarantine: try again, open plainly, discard, bring back.

Only states change here; the intake does the work and is woken after commit. Rows in other states than the decision is
about are left alone, so that two people who click at once do it once.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from helpdesk import live
from helpdesk.actions import changes
from helpdesk.models import Agent, InboundEvent
from helpdesk.queries.quarantine import discarded, stopped

#: Mails that change in one transaction.
_BATCH = 500
_State, _Reason = InboundEvent.State, InboundEvent.Reason


class Decision(StrEnum):
    """What somebody wants done; the values are the words of forms."""

    RETRY = "retry"
    OPEN_PLAIN = "plain"
    DISCARD = "discard"
    BRING_BACK = "bring-back"


#: How the journal says that it was done.
_DONE = {
    Decision.RETRY: "retried",
    Decision.OPEN_PLAIN: "opened-plain",
    Decision.DISCARD: "discarded",
    Decision.BRING_BACK: "brought-back",
}


def decide(*, decision: Decision, events: Collection[int], by: Agent, at: datetime | None = None) -> Sequence[int]:
    """Carry a decision out for the mails with these ids; returns those whose state it fitted."""
    now, numbers = at or timezone.now(), sorted(events)
    batches = [numbers[start : start + _BATCH] for start in range(0, len(numbers), _BATCH)]
    return [number for batch in batches for number in _decide(decision, batch, by=by, at=now)]


def retry_all(*, by: Agent, at: datetime | None = None) -> int:
    """Let intake read everything again that is in quarantine now, as after an update; the number of mails."""
    numbers = list(stopped().values_list("pk", flat=True))
    return len(decide(decision=Decision.RETRY, events=numbers, by=by, at=at))


@transaction.atomic
def _decide(decision: Decision, numbers: Collection[int], *, by: Agent, at: datetime) -> Sequence[int]:
    rows = (discarded() if decision is Decision.BRING_BACK else stopped()).filter(pk__in=numbers)
    if decision is Decision.OPEN_PLAIN:
        rows = rows.filter(is_social=False)  # without its platform's words nobody knows who wrote, and where to
    found = {
        number: live.intake_bell(is_social=is_social, is_slow=is_slow)
        for number, is_social, is_slow in rows.select_for_update()
        .order_by("pk")
        .values_list("pk", "is_social", "is_slow")
    }
    if not found:
        return ()
    InboundEvent.objects.filter(pk__in=found).update(**_values(decision, at))
    names = ", ".join(f"#{number}" for number in found)
    changes.record(what="quarantine", name=names, change=_DONE[decision], by=by, at=at)
    if decision in {Decision.RETRY, Decision.OPEN_PLAIN}:
        for bell in set(found.values()):
            live.wake(bell)
    return list(found)


def _values(decision: Decision, at: datetime) -> dict[str, Any]:
    match decision:
        case Decision.DISCARD:
            return {
                "state": _State.IGNORED,
                "former_reason": F("reason"),
                "reason": _Reason.DISCARDED,
                "processed_at": at,
                "quarantined_at": Coalesce("quarantined_at", "received_at"),
            }
        case Decision.BRING_BACK:
            # What was discarded by a desk that didn't keep the reason has its details still.
            reason = Case(When(former_reason="", then=Value(_Reason.BUG)), default=F("former_reason"))
            return {"state": _State.QUARANTINED, "reason": reason, "former_reason": "", "processed_at": None}
    return {
        "state": _State.WAITING,
        "reason": "",
        "detail": "",
        "is_plain": decision is Decision.OPEN_PLAIN,
        "attempts": 0,
        "next_attempt_at": at,
        "lease_until": None,
        "quarantined_at": Coalesce("quarantined_at", "received_at"),
    }
