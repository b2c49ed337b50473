"""Rules from a set moment on: made now, active exactly once at their time, whichever process is awake then.

A plan holds what its author changed, not the whole desk's rules of that day. At its time these changes are put onto the
rules as they then are. Where somebody has changed the same rule meanwhile, nothing of the plan is carried out, and the
list of rules says so.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from helpdesk.actions import changes
from helpdesk.actions.rule_sets import replace_rules, rules_now
from helpdesk.models import Agent
from routing_rules.models import RulePlan, RuleVersion, StaleRules, current_number, rules_of_version
from routing_rules.rule_sets import Snapshot, compare, merge

log = logging.getLogger(__name__)

State = RulePlan.State
_AUTHOR_LENGTH = RuleVersion._meta.get_field("author_name").max_length


class NothingToPlan(ValueError):
    """The rules of the plan are those of today."""


class PlanSettled(Exception):
    """The plan was carried out or cancelled meanwhile."""


@transaction.atomic
def plan_rules(
    *,
    rules: Sequence[Snapshot],
    base_version: int,
    activate_at: datetime,
    reason: str,
    by: Agent,
    at: datetime | None = None,
) -> RulePlan:
    """Let what differs between version ``base_version`` and ``rules`` become active at ``activate_at``.

    Raises NothingToPlan when nothing differs, RuleVersion.DoesNotExist for an unknown base.
    """
    at = at or timezone.now()
    found = compare(rules_of_version(base_version), rules)
    if not found:
        raise NothingToPlan
    plan = RulePlan(
        base_version=base_version,
        rules=list(rules),
        activate_at=activate_at,
        author_name=by.name[:_AUTHOR_LENGTH],
        reason=reason[:500],
        created_at=at,
    )
    plan.save()
    details = {"at": activate_at.isoformat(), "rules": [change.name for change in found][:20], "reason": reason}
    _record(plan, "planned", by=by, at=at, details=details)
    return plan


@transaction.atomic
def extend_plan(
    *, plan: RulePlan, snapshot: Snapshot, expected_version: int, by: Agent, at: datetime | None = None
) -> None:
    """Put one rule more into a plan that waits; a new rule comes last.

    Raises PlanSettled, and StaleRules when ``expected_version`` isn't the newest or others have crossed the plan.
    """
    at = at or timezone.now()
    locked = RulePlan.objects.select_for_update().filter(pk=plan.pk, state=State.WAITING).first()
    if locked is None:
        raise PlanSettled
    newest = current_number()
    merged = merge(base=rules_of_version(locked.base_version), draft=locked.rules, current=rules_of_version(newest))
    if merged.conflicts or newest != expected_version:
        raise StaleRules(number=newest)
    rules = [snapshot if each["uid"] == snapshot["uid"] else each for each in merged.rules]
    if not any(each["uid"] == snapshot["uid"] for each in rules):
        rules.append(snapshot)
    locked.base_version, locked.rules = newest, rules
    locked.save(update_fields=["base_version", "rules"])
    _record(locked, "extended", by=by, at=at, details={"rules": [snapshot["name"]]})


@transaction.atomic
def cancel_plan(*, plan: RulePlan, by: Agent, at: datetime | None = None) -> None:
    """Call a plan off, or put one that was crossed out of sight. Raises PlanSettled when it is too late."""
    at = at or timezone.now()
    alive = RulePlan.objects.filter(pk=plan.pk, state__in=(State.WAITING, State.CROSSED))
    if not alive.update(state=State.CANCELLED, settled_at=at, settled_by_name=by.name[:_AUTHOR_LENGTH]):
        raise PlanSettled
    _record(plan, "cancelled", by=by, at=at)


def activate_due(*, now: datetime) -> list[RulePlan]:
    """Carry out the plans whose time has come, the earliest first. Any number of processes may call it at once."""
    due = RulePlan.objects.filter(state=State.WAITING, activate_at__lte=now)
    settled = []
    for plan in list(due):
        try:
            if _activate(plan, now):
                settled.append(plan)
        except StaleRules:  # somebody saved a rule in this very moment: the next look takes theirs into account
            log.info("the plan for %s waits for a change that was just made", plan)
            break
    return settled


@transaction.atomic
def _activate(plan: RulePlan, now: datetime) -> bool:
    """Claim and carry out in one transaction: another process sees the plan waiting, or all done."""
    claimed = RulePlan.objects.filter(pk=plan.pk, state=State.WAITING, activate_at__lte=now)
    if not claimed.update(state=State.ACTIVE, settled_at=now):
        return False
    plan.refresh_from_db()
    newest = current_number()
    merged = merge(base=rules_of_version(plan.base_version), draft=plan.rules, current=rules_now())
    if merged.conflicts:
        plan.state, plan.crossed = State.CROSSED, [change.name for change in merged.conflicts]
        plan.save(update_fields=["state", "crossed"])
        _record(plan, "crossed", by=None, at=now, details={"rules": plan.crossed})
        return True
    version = replace_rules(
        rules=merged.rules,
        expected_version=newest,
        change="activated",
        reason=plan.reason or "Planned",
        by=None,
        author_name=plan.author_name,
        at=now,
    )
    plan.version = version.number if version else newest
    plan.save(update_fields=["version"])
    return True


def _record(
    plan: RulePlan, change: str, *, by: Agent | None, at: datetime, details: Mapping[str, object] | None = None
) -> None:
    changes.record(what="rule", name=f"{plan.activate_at:%Y-%m-%d %H:%M}", change=change, by=by, at=at, details=details)
