"""Changes of the whole rule set at once: back to an older version, from a file, by a plan. No version is rewritten."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.actions import changes
from helpdesk.models import Agent
from routing_rules.models import Rule, RuleVersion, StaleRules, current_number, take_version
from routing_rules.rule_sets import Change, ChangeKind, Snapshot, compare, content

_AUTHOR_LENGTH = RuleVersion._meta.get_field("author_name").max_length
_MOMENTS = ("active_from", "active_until")


def rules_now() -> list[Snapshot]:
    """The rules as people see them, in their order."""
    return [rule.snapshot() for rule in Rule.objects.all()]


@transaction.atomic
def replace_rules(
    *,
    rules: Sequence[Snapshot],
    expected_version: int,
    change: str,
    reason: str,
    by: Agent | None,
    author_name: str = "",
    at: datetime | None = None,
) -> RuleVersion | None:
    """Make ``rules`` the rule set, as a new version; None when they already are.

    A rule keeps its row as long as its uid is in both; one that comes back gets its old number again, so that decisions
    lead to it as before. Raises StaleRules when ``expected_version`` isn't the newest. ``by`` is None when time did it.
    """
    newest = current_number()
    if newest != expected_version:
        raise StaleRules(number=newest)
    at = at or timezone.now()
    found = compare(rules_now(), rules)
    if not found:
        return None
    _write(rules, found, at)
    author = (by.name if by else author_name)[:_AUTHOR_LENGTH]
    version = take_version(author_name=author, reason=reason[:500], expected_number=expected_version, at=at)
    details = {"version": version.number, "reason": reason, "rules": len(found)}
    changes.record(what="rule", name=str(version.number), change=change, by=by, at=at, details=details)
    return version


def _write(rules: Sequence[Snapshot], found: Sequence[Change], at: datetime) -> None:
    Rule.objects.filter(uid__in=[each.uid for each in found if each.kind is ChangeKind.REMOVED]).delete()
    new = {each.uid for each in found if each.kind is ChangeKind.ADDED}
    rows = {str(row.uid): row for row in Rule.objects.all()}
    taken = set(Rule.objects.values_list("pk", flat=True))
    numbered: list[Rule] = []
    fresh: list[Rule] = []
    changed: list[Rule] = []
    for position, snapshot in enumerate(rules, 1):
        uid = str(snapshot["uid"])
        number = _old_number(snapshot, taken)
        row = rows.get(uid) or Rule(uid=uid, pk=number)
        before = (row.position, *(getattr(row, name) for name in _columns(snapshot)))
        for name, value in _columns(snapshot).items():
            setattr(row, name, value)
        row.position = position
        if uid in new:
            (fresh if number is None else numbered).append(row)
        elif before != (position, *_columns(snapshot).values()):
            row.updated_at = at
            changed.append(row)
    Rule.objects.bulk_create(numbered)
    Rule.objects.bulk_create(fresh)
    Rule.objects.bulk_update(changed, ["position", "updated_at", *content({})], batch_size=50)


def _columns(snapshot: Snapshot) -> Mapping[str, Any]:
    given = content(snapshot)
    moments = {name: datetime.fromisoformat(given[name]) if given[name] else None for name in _MOMENTS}
    return given | moments


def _old_number(snapshot: Snapshot, taken: set[int]) -> int | None:
    """Numbers are never given twice, so a rule that comes back finds its own one free. A file names none."""
    number = snapshot.get("id")
    return number if isinstance(number, int) and number > 0 and number not in taken else None


def restore_version(*, number: int, expected_version: int, by: Agent, at: datetime | None = None) -> RuleVersion | None:
    """Make the rules what they were in version ``number``: a new version with the old content; None: they already are.

    Raises RuleVersion.DoesNotExist, and StaleRules as in ``replace_rules``.
    """
    old = RuleVersion.objects.get(number=number)
    return replace_rules(
        rules=old.rules,
        expected_version=expected_version,
        change="restored",
        reason=_("Back to version %(number)d") % {"number": number},
        by=by,
        at=at,
    )
