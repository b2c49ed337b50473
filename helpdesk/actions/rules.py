"""Changes of the routing rules. Each ends in a new version of the whole rule set, which the next decision follows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from helpdesk.actions import changes
from helpdesk.models import Agent
from routing_rules.models import Rule, RuleVersion, StaleRules, current_number, take_version
from routing_rules.rule_sets import DEFAULTS
from routing_rules.vocabulary import Event

_AUTHOR_LENGTH = RuleVersion._meta.get_field("author_name").max_length


@dataclass(frozen=True)
class RuleFields:
    """A rule as people write it; ``condition`` and ``effects`` are JSON as routing_rules.models.Rule keeps it."""

    name: str
    comment: str
    is_stop: bool
    is_enabled: bool
    condition: Any
    effects: Any
    events: Sequence[str] = (Event.TICKET_CREATED.value,)
    folder: str = ""
    once_per_ticket: bool = False
    active_from: datetime | None = None
    active_until: datetime | None = None
    may_trigger: bool = False

    def as_data(self) -> dict[str, Any]:
        """Field by field, with the events as JSON gives them back."""
        return asdict(self) | {"events": list(self.events)}


@transaction.atomic
def save_rule(
    *,
    rule: Rule | None,
    fields: RuleFields,
    expected_version: int | None,
    reason: str,
    by: Agent,
    at: datetime | None = None,
    above: Rule | None = None,
) -> Rule:
    """Write a rule; a new one comes behind its folder, else last, or right ``above`` another.

    An unchanged rule makes no version.

    ``expected_version`` is the version that the author was looking at: raises routing_rules.models.StaleRules when
    somebody else has changed the rules since.
    """
    before = {} if rule is None else {name: getattr(rule, name) for name in fields.as_data()}
    changed = changes.differences(before, fields.as_data())
    if rule is not None and not changed:
        return rule
    is_new = rule is None
    rule = rule or Rule(position=_free_position(above or _behind_folder(fields.folder)))
    for name, value in fields.as_data().items():
        setattr(rule, name, value)
    rule.save()
    _seal(
        rule,
        change="created" if is_new else "changed",
        by=by,
        at=at or timezone.now(),
        reason=reason,
        expected=expected_version,
        details={} if is_new else changed,
    )
    return rule


@transaction.atomic
def move_rule(
    *,
    rule: Rule,
    to: int,
    by: Agent,
    folder: str | None = None,
    expected_version: int | None = None,
    at: datetime | None = None,
) -> None:
    """Put ``rule`` at place ``to`` (0 is first) of the order in which rules are asked, and into ``folder`` if given.

    Raises StaleRules when ``expected_version`` isn't the newest, also when the rule has gone meanwhile.
    """
    expected = _expected(expected_version)
    order = list(Rule.objects.all())
    place = next((index for index, row in enumerate(order) if row.pk == rule.pk), None)
    if place is None:
        raise StaleRules(number=expected)
    to = max(0, min(to, len(order) - 1))
    into = rule.folder if folder is None else folder
    if place == to and into == rule.folder:
        return
    if into != rule.folder:
        Rule.objects.filter(pk=rule.pk).update(folder=into)
    order.insert(to, order.pop(place))
    for position, row in enumerate(order, 1):
        if row.position != position:
            Rule.objects.filter(pk=row.pk).update(position=position)
    details: dict[str, Any] = {"place": {"from": place + 1, "to": to + 1}}
    if into != rule.folder:
        details["folder"] = {"from": rule.folder, "to": into}
    _seal(rule, change="moved", by=by, at=at or timezone.now(), details=details, expected=expected)


@transaction.atomic
def set_enabled(
    *, rule: Rule, is_enabled: bool, by: Agent, expected_version: int | None = None, at: datetime | None = None
) -> None:
    """Turn a rule on or off; it keeps its place. Raises StaleRules when ``expected_version`` isn't the newest."""
    expected = _expected(expected_version)
    if rule.is_enabled == is_enabled:
        return
    at = at or timezone.now()
    rule.is_enabled = is_enabled
    if not Rule.objects.filter(pk=rule.pk).update(is_enabled=is_enabled, updated_at=at):
        raise StaleRules(number=expected)
    _seal(rule, change="turned-on" if is_enabled else "turned-off", by=by, at=at, expected=expected)


@transaction.atomic
def delete_rule(*, rule: Rule, by: Agent, expected_version: int | None = None, at: datetime | None = None) -> None:
    """Delete a rule. Decisions that it made keep naming it, through the version that they followed.

    Raises StaleRules when ``expected_version`` isn't the newest.
    """
    expected = _expected(expected_version)
    deleted = Rule(name=rule.name)
    rule.delete()
    _seal(deleted, change="deleted", by=by, at=at or timezone.now(), expected=expected)


@transaction.atomic
def duplicate_rule(*, rule: Rule, name: str, by: Agent, at: datetime | None = None) -> Rule:
    """Put a copy right behind ``rule``, turned off, so that nothing changes before somebody has looked at it."""
    expected = _expected(None)
    Rule.objects.filter(position__gt=rule.position).update(position=F("position") + 1)
    copy = Rule(position=rule.position + 1, **{field: getattr(rule, field) for field in DEFAULTS})
    copy.name, copy.is_enabled = name[:120], False
    copy.save()
    _seal(copy, change="created", by=by, at=at or timezone.now(), expected=expected, details={"copy_of": rule.name})
    return copy


def _expected(version: int | None) -> int:
    """The version that the change starts from. Whoever commits one in between is noticed when ours is taken."""
    newest = current_number()
    if version is not None and version != newest:
        raise StaleRules(number=newest)
    return newest


def _behind_folder(folder: str) -> Rule | None:
    """The rule that follows the last one of a folder; None when none does."""
    last = Rule.objects.filter(folder=folder).last() if folder else None
    return Rule.objects.filter(position__gt=last.position).first() if last else None


def _free_position(above: Rule | None) -> int:
    if above is None:
        return _last_position() + 1
    Rule.objects.filter(position__gte=above.position).update(position=F("position") + 1)
    return above.position


def _last_position() -> int:
    return Rule.objects.aggregate(last=Max("position"))["last"] or 0


def _seal(
    rule: Rule,
    *,
    change: str,
    by: Agent,
    at: datetime,
    reason: str = "",
    expected: int | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    version = take_version(
        author_name=by.name[:_AUTHOR_LENGTH],
        reason=reason,
        expected_number=expected,
        at=at,
    )
    told = {**(details or {}), "version": version.number, **({"reason": reason} if reason else {})}
    changes.record(what="rule", name=rule.name, change=change, by=by, at=at, details=told)
