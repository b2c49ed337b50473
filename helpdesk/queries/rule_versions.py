"""Versions of the rules and plans for them, read for people: what each changed, and what a plan will do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from helpdesk.queries.mailroom import Key, Page, page_of
from routing_rules.models import Rule, RulePlan, RuleVersion, rules_of_version
from routing_rules.rule_sets import Change, Snapshot, compare, merge

PAGE = 20


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version in the list, with what it changed over the one before it."""

    version: RuleVersion
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A plan that waits or that others have crossed.

    `changes` is what it will do to the rules as they stand (as far as it isn't crossed), `conflicts` what others have
    changed since it was made. Plans are looked at in the order of their times, each after the ones before it.
    """

    plan: RulePlan
    changes: tuple[Change, ...]
    conflicts: tuple[Change, ...]

    @property
    def is_crossed(self) -> bool:
        """Its time has come, and it was not carried out."""
        return self.plan.state == RulePlan.State.CROSSED


def versions(*, key: Key, size: int = PAGE) -> tuple[Page[RuleVersion], tuple[VersionLine, ...]]:
    """A page of versions, newest first, and its lines."""
    page = page_of(RuleVersion.objects.defer("rules"), key=key, size=size)
    numbers = [number for row in page.rows for number in (row.number, row.number - 1)]
    uids = dict(RuleVersion.objects.filter(number__in=numbers).values_list("number", "uid"))
    lines = [VersionLine(row, _changes(uids.get(row.number - 1), row.uid)) for row in page.rows]
    return page, tuple(lines)


@lru_cache(maxsize=256)
def _changes(before: UUID | None, after: UUID) -> tuple[Change, ...]:
    """What one version changed. Versions never change, so neither does this."""
    rules = dict(
        RuleVersion.objects.filter(uid__in=[uid for uid in (before, after) if uid]).values_list("uid", "rules")
    )
    return compare(rules[before] if before else (), rules[after])


def compared(*, start: int, end: int) -> tuple[Change, ...]:
    """What differs between two versions; 0 is the time before the first. Raises RuleVersion.DoesNotExist."""
    return compare(rules_of_version(start), rules_of_version(end))


def plans() -> tuple[PlanLine, ...]:
    """The plans that somebody has to know of."""
    waiting = list(RulePlan.objects.filter(state__in=(RulePlan.State.WAITING, RulePlan.State.CROSSED)))
    if not waiting:
        return ()
    current: Sequence[Snapshot] = [rule.snapshot() for rule in Rule.objects.all()]
    lines = []
    for plan in waiting:
        merged = merge(base=rules_of_version(plan.base_version), draft=plan.rules, current=current)
        lines.append(PlanLine(plan, compare(current, merged.rules), merged.conflicts))
        if plan.state == RulePlan.State.WAITING and not merged.conflicts:
            current = merged.rules
    return tuple(lines)


def planned_for(*, uid: str, among: Iterable[PlanLine]) -> tuple[RulePlan, ...]:
    """The waiting plans that change this rule: whoever edits it now crosses them."""
    return tuple(
        line.plan
        for line in among
        if not line.is_crossed and any(change.uid == uid for change in (*line.changes, *line.conflicts))
    )
