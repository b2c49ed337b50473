"""Who reviews the rules when, and what stays of it.

Guarantee: a review has a name (a night, a version of the rules) that is taken once, by a unique key; who dies in it
loses it to another when the lease is over. Its outcome is written in one transaction with its end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from helpdesk.actions import changes
from helpdesk.models import Agent, Noted, RuleFinding, RuleReview, RuleSuggestion, Team
from routing_rules.findings import Certainty, Finding

LEASE = timedelta(minutes=5)
KEPT = 100

Row = TypeVar("Row", bound=Noted)


@dataclass(frozen=True)
class Outcome:
    """What a review has found. ``suggestions`` is None when it didn't look for any."""

    findings: Sequence[RuleFinding]
    rules: int
    tickets: int = 0
    not_examined: Sequence[Mapping[str, str]] = ()
    suggestions: Sequence[RuleSuggestion] | None = None
    certainties: Sequence[str] = field(default=(Certainty.PROVED, Certainty.OBSERVED))


def claim(*, name: str, rules_version: int, now: datetime) -> RuleReview | None:
    """Take the turn of the review ``name``; None when it is done, or somebody is at it."""
    lease_until = now + LEASE
    review, is_new = RuleReview.objects.get_or_create(
        name=name, defaults={"rules_version": rules_version, "started_at": now, "lease_until": lease_until}
    )
    if is_new:
        return review
    mine = RuleReview.objects.filter(pk=review.pk, finished_at=None, lease_until__lte=now)
    return review if mine.update(lease_until=lease_until, started_at=now) else None


def stay(*, review: RuleReview, now: datetime) -> bool:
    """Keep the turn for another while; False when it was lost."""
    rows = RuleReview.objects.filter(pk=review.pk, finished_at=None, started_at=review.started_at)
    return rows.update(lease_until=now + LEASE) == 1


@transaction.atomic
def finish(*, review: RuleReview, outcome: Outcome, at: datetime) -> bool:
    """Write down what was found, and that the review is done. False, and nothing is written, when the turn was lost."""
    mine = RuleReview.objects.filter(pk=review.pk, finished_at=None, started_at=review.started_at)
    done = {"rules": outcome.rules, "tickets": outcome.tickets, "not_examined": list(outcome.not_examined)}
    if not mine.update(finished_at=at, lease_until=None, **done):
        return False
    _keep(outcome.findings, among=RuleFinding.objects.filter(certainty__in=outcome.certainties), at=at)
    if outcome.suggestions is not None:
        _keep(outcome.suggestions, among=RuleSuggestion.objects.all(), at=at)
    newest = RuleReview.objects.order_by("-id").values_list("pk", flat=True)[:KEPT]
    RuleReview.objects.filter(pk__lt=min(newest)).delete()
    return True


@transaction.atomic
def note_rule(*, uid: UUID, findings: Sequence[RuleFinding], at: datetime) -> None:
    """Write down what the linter has just proved about one rule, in place of what it proved before."""
    _keep(findings, among=RuleFinding.objects.filter(rule_uid=uid, certainty=Certainty.PROVED), at=at)


def row_of(finding: Finding, *, uids: Mapping[int, str], at: datetime, ticket_ids: Sequence[int] = ()) -> RuleFinding:
    """A finding as a row, not stored."""
    return RuleFinding(
        key=finding.key(uids=uids),
        code=finding.code.value,
        certainty=finding.certainty.value,
        rule_uid=uids.get(finding.rule_id) or None,
        other_uids=[uids[rule_id] for rule_id in finding.others],
        details=dict(finding.details),
        ticket_ids=list(ticket_ids),
        first_seen_at=at,
        seen_at=at,
    )


def _keep(rows: Iterable[Row], *, among: QuerySet[Row], at: datetime) -> None:
    """Let ``rows`` be what stands of ``among``: the known ones are refreshed, and only what was dismissed outlives."""
    new = {row.key: row for row in rows}
    model = among.model
    everything = model._default_manager
    names = [each.name for each in model._meta.concrete_fields if each.name not in _STAYING]
    known = {row.key: row for row in everything.filter(key__in=new)}
    for key, row in known.items():
        for name in names:
            setattr(row, name, getattr(new[key], name))
    everything.bulk_update(known.values(), names, batch_size=200)
    everything.bulk_create([row for key, row in new.items() if key not in known], batch_size=200)
    gone = among.exclude(key__in=new)
    gone.filter(dismissed_at=None).delete()
    gone.update(is_current=False)


_STAYING = frozenset(("id", "key", "first_seen_at", "dismissed_at", "dismissed_by", "dismissed_reason"))


@transaction.atomic
def dismiss(*, row: RuleFinding | RuleSuggestion, reason: str, by: Agent, at: datetime) -> None:
    """Say that nothing is to be done about it; it stays out of sight until somebody takes that back."""
    row.dismissed_at, row.dismissed_by, row.dismissed_reason = at, by, reason[:300]
    _settle(row, change="dismissed", by=by, at=at, details={"reason": reason} if reason else {})


@transaction.atomic
def restore(*, row: RuleFinding | RuleSuggestion, by: Agent, at: datetime) -> None:
    """Take a dismissal back."""
    row.dismissed_at, row.dismissed_by, row.dismissed_reason = None, None, ""
    _settle(row, change="restored", by=by, at=at, details={})


def _settle(
    row: RuleFinding | RuleSuggestion, *, change: str, by: Agent, at: datetime, details: dict[str, Any]
) -> None:
    row.save(update_fields=["dismissed_at", "dismissed_by", "dismissed_reason"])
    name = row.code if isinstance(row, RuleFinding) else row.team.name
    what: changes.Subject = "finding" if isinstance(row, RuleFinding) else "suggestion"
    changes.record(what=what, name=name, change=change, by=by, at=at, details=details)


def suggestion_row(*, key: str, team: Team, at: datetime, **fields: Any) -> RuleSuggestion:
    """A suggestion as a row, not stored."""
    return RuleSuggestion(key=key, team=team, first_seen_at=at, seen_at=at, **fields)
