"""What reviews of the rules have found and suggest, with the tickets that the reader may see."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from helpdesk.models import Agent, RuleFinding, RuleReview, RuleSuggestion, Ticket
from helpdesk.queries.tickets import visible_to
from routing_rules.findings import Certainty, Code
from routing_rules.models import Rule

#: Of one kind of finding; who has sorted these out sees the next ones.
SHOWN = 100


@dataclass(frozen=True)
class Findings:
    """Stored findings, the rules that they name by uid, and the tickets that show them by id."""

    rows: Sequence[RuleFinding]
    rules: Mapping[str, Rule]
    tickets: Mapping[int, Ticket]


def findings(*, agent: Agent, is_dismissed: bool = False) -> Findings:
    """Current findings about rules that are still there; those that were dismissed, if asked for."""
    stored = RuleFinding.objects.filter(is_current=True, dismissed_at__isnull=not is_dismissed)
    rows = list(stored.select_related("dismissed_by").order_by("code", "id"))
    rules = {str(rule.uid): rule for rule in Rule.objects.all()}
    seen = {_pair(row) for row in rows if row.code == Code.CONFLICT and row.certainty == Certainty.OBSERVED}
    kept = [row for row in rows if _is_there(row, rules) and not _is_said_better(row, seen)]
    return Findings(rows=kept, rules=rules, tickets=_visible(agent, (row.ticket_ids for row in kept)))


def _is_there(row: RuleFinding, rules: Mapping[str, Rule]) -> bool:
    uids = [*([str(row.rule_uid)] if row.rule_uid else []), *row.other_uids]
    return all(uid in rules for uid in uids)


def _pair(row: RuleFinding) -> tuple[str, ...]:
    return (str(row.rule_uid), *row.other_uids)


def _is_said_better(row: RuleFinding, seen: set[tuple[str, ...]]) -> bool:
    """Whether a conflict that can happen is listed among those that did."""
    return row.code == Code.CONFLICT and row.certainty == Certainty.PROVED and _pair(row) in seen


def _visible(agent: Agent, ids: Iterable[Iterable[int]]) -> dict[int, Ticket]:
    wanted = {number for each in ids for number in each}
    return {ticket.pk: ticket for ticket in visible_to(agent).filter(pk__in=wanted)}


@dataclass(frozen=True)
class Suggestions:
    """Suggested rules, and the tickets that speak for and against them by id."""

    rows: Sequence[RuleSuggestion]
    rules: Mapping[str, Rule]
    tickets: Mapping[int, Ticket]


def suggestions(*, agent: Agent, is_dismissed: bool = False) -> Suggestions:
    """Current suggestions, the best first; those that were dismissed, if asked for."""
    stored = RuleSuggestion.objects.filter(is_current=True, dismissed_at__isnull=not is_dismissed)
    rows = list(stored.select_related("team", "dismissed_by").order_by("-moved", "id"))
    uids = [row.above_uid for row in rows if row.above_uid]
    return Suggestions(
        rows=rows,
        rules={str(rule.uid): rule for rule in Rule.objects.filter(uid__in=uids)},
        tickets=_visible(agent, ([*row.evidence, *row.exceptions] for row in rows)),
    )


def counts() -> tuple[int, int]:
    """How many findings and suggestions wait for somebody."""
    return (
        RuleFinding.objects.filter(is_current=True, dismissed_at=None).count(),
        RuleSuggestion.objects.filter(is_current=True, dismissed_at=None).count(),
    )


def last_review(*, is_nightly: bool = False) -> RuleReview | None:
    """The newest review that came to its end; or the newest of those that look at the past as well."""
    reviews = RuleReview.objects.filter(finished_at__isnull=False).order_by("-finished_at", "-id")
    return (reviews.filter(name__startswith="night") if is_nightly else reviews).first()
