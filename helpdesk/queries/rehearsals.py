"""What rehearsals found: totals, groups, the decisions that differ, and both ways that one of them goes.

Numbers count every ticket; a ticket is named only to those who may see it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet

from helpdesk.models import Agent, Rehearsal, RehearsedChange, RoutingDecision, Ticket
from helpdesk.queries.mailroom import Key, Page
from helpdesk.queries.routing import facts_of_decision
from helpdesk.queries.tickets import visible_to
from routing_rules.engine import Rule, RuleSet, Step, compile_rules, explain
from routing_rules.models import RuleVersion, load_ruleset, rule_from_snapshot
from routing_rules.rehearsal import Change, Comparison, Turns
from routing_rules.vocabulary import Event

PAGE = 50
LISTED = 30
#: Groups beyond these are counted together: tags that rules make of names can be thousands.
GROUPS = 40


@dataclass(frozen=True, slots=True)
class Group:
    """Tickets that would change in the same way."""

    change: Change
    tickets: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A rehearsal in numbers. ``unknown`` are tickets of which only can't be told whether they would change."""

    changed: int
    unknown: int
    groups: tuple[Group, ...]
    more_groups: int
    #: Events that the tried rules listen to and of which nothing was recorded: the rules then did not.
    silent_events: tuple[str, ...]
    has_new_waiting: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One decision that would come out otherwise."""

    decision_id: int
    reference: str
    subject: str
    event: str
    at: datetime
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """One rule in both runs; a step is None where the rule isn't in that rule set."""

    name: str
    before: Step | None
    after: Step | None

    @property
    def is_different(self) -> bool:
        return _bare(self.before) != _bare(self.after)


@dataclass(frozen=True, slots=True)
class Traces:
    """Both ways that a decision goes."""

    row: Row
    rules: tuple[Beside, ...]


def listed() -> Sequence[Rehearsal]:
    """The newest rehearsals of everybody who makes rules."""
    return list(Rehearsal.objects.select_related("agent").defer("rules").order_by("-id")[:LISTED])


def summary_of(rehearsal: Rehearsal) -> Summary:
    """The totals, as they stand now."""
    changes = rehearsal.changes.all()
    certain = changes.filter(is_unknown=False).order_by()
    changed = certain.aggregate(count=Count("ticket", distinct=True))["count"]
    unclear = changes.filter(is_unknown=True).exclude(ticket__in=certain.values("ticket")).order_by()
    groups = [
        Group(Change(kind, before, after, is_unknown), tickets)
        for kind, before, after, is_unknown, tickets in changes.order_by()
        .values_list("kind", "before", "after", "is_unknown")
        .annotate(tickets=Count("ticket", distinct=True))
        .order_by("is_unknown", "-tickets", "kind", "after", "before")
    ]
    return Summary(
        changed=changed,
        unknown=unclear.aggregate(count=Count("ticket", distinct=True))["count"],
        groups=tuple(groups[:GROUPS]),
        more_groups=max(0, len(groups) - GROUPS),
        silent_events=_silent_events(rehearsal),
        has_new_waiting=_has_new_waiting(rehearsal),
    )


def _silent_events(rehearsal: Rehearsal) -> tuple[str, ...]:
    wanted = {
        str(event)
        for data in rehearsal.rules
        if data.get("is_enabled")
        for event in data.get("events", ())
        if event not in {Event.TICKET_CREATED, Event.TIME_PASSED}
    }
    if not wanted:
        return ()
    rows = RoutingDecision.objects.filter(created_at__gte=rehearsal.since, created_at__lt=rehearsal.until)
    return tuple(sorted(each for each in wanted if not rows.filter(event=each).exists()))


def _has_new_waiting(rehearsal: Rehearsal) -> bool:
    """Whether a rule that waits for time to pass is new or changed: when it would have been due, nobody recorded."""
    waiting = [
        data for data in rehearsal.rules if data.get("is_enabled") and Event.TIME_PASSED in data.get("events", ())
    ]
    if not waiting:
        return False
    known = RuleVersion.objects.filter(number=rehearsal.base_version).values_list("rules", flat=True).first() or []
    return any(data not in known for data in waiting)


def rows_of(rehearsal: Rehearsal, *, agent: Agent, change: Change | None, key: Key) -> Page[Row]:
    """The decisions that would come out otherwise (in the way ``change``), of tickets that ``agent`` may see."""
    changes = _of(rehearsal, change).filter(ticket__in=visible_to(agent))
    if key.before is not None:
        changes = changes.filter(decision__lt=key.before)
    ids = list(changes.order_by("-decision").values_list("decision", flat=True).distinct()[: PAGE + 1])
    rows = list(_rows(rehearsal, ids[:PAGE]))
    return Page(rows=rows, newer=None, older=ids[PAGE - 1] if len(ids) > PAGE else None)


def all_rows(rehearsal: Rehearsal, *, agent: Agent) -> Iterator[Row]:
    """Every one of them, newest first, read bit by bit."""
    key = Key(before=None, after=None)
    while True:
        page = rows_of(rehearsal, agent=agent, change=None, key=key)
        yield from page.rows
        if page.older is None:
            return
        key = Key(before=page.older, after=None)


def hidden_from(rehearsal: Rehearsal, *, agent: Agent, change: Change | None) -> int:
    """How many of these tickets are in teams that ``agent`` doesn't see."""
    rest = _of(rehearsal, change).exclude(ticket__in=visible_to(agent)).order_by()
    return int(rest.aggregate(count=Count("ticket", distinct=True))["count"])


def traces_of(rehearsal: Rehearsal, *, agent: Agent, decision_id: int) -> Traces:
    """One decision by either rule set. Raises RoutingDecision.DoesNotExist, also when the agent may not see it."""
    rows = RoutingDecision.objects.select_related("message").filter(ticket__in=visible_to(agent))
    decision = rows.get(pk=decision_id)
    row = next(_rows(rehearsal, [decision_id]), None)
    if row is None:
        raise RoutingDecision.DoesNotExist
    old, new = rulesets_of(rehearsal)
    comparison = Comparison(old=old.rules, new=new.rules)
    turns = _turns_before(rehearsal, decision, comparison)
    facts, at = facts_of_decision(decision), decision.created_at
    old_spent, new_spent = comparison.spent(turns, frozenset(decision.spent))
    before, after = explain(old, facts, at, spent=old_spent), explain(new, facts, at, spent=new_spent)
    return Traces(row, tuple(_beside(before, after)))


def rulesets_of(rehearsal: Rehearsal) -> tuple[RuleSet, RuleSet]:
    """The rules in force and the tried ones, compiled. Raises RuleVersion.DoesNotExist."""
    old = load_ruleset(number=rehearsal.base_version) if rehearsal.base_version else compile_rules(())
    return old, compile_rules([rule_from_snapshot(data) for data in rehearsal.rules])


def comparison_of(rehearsal: Rehearsal) -> Comparison:
    """Both rule sets, ready to be compared. Raises RuleVersion.DoesNotExist."""
    old: Sequence[Rule] = load_ruleset(number=rehearsal.base_version).rules if rehearsal.base_version else ()
    return Comparison(old=old, new=[rule_from_snapshot(data) for data in rehearsal.rules])


def _turns_before(rehearsal: Rehearsal, decision: RoutingDecision, comparison: Comparison) -> Turns:
    """Whose turn was over by then: the ticket's earlier decisions of the span, gone through once more."""
    turns = Turns(set(decision.spent), set(decision.spent))
    if not comparison.has_turns:
        return turns
    earlier = RoutingDecision.objects.filter(
        ticket=decision.ticket_id, pk__lt=decision.pk, created_at__gte=rehearsal.since
    )
    for place, each in enumerate(earlier.select_related("message").order_by("pk")):
        if place == 0:
            turns = Turns(set(each.spent), set(each.spent))
        spent = frozenset(each.spent)
        comparison.changes(facts=facts_of_decision(each), now=each.created_at, turns=turns, spent=spent)
    return turns


def _beside(before: Sequence[Step], after: Sequence[Step]) -> Iterator[Beside]:
    """The rules in the order of the new set; those that are gone stand where they stood."""
    old = {step.rule_id: step for step in before}
    new = {step.rule_id for step in after}
    gone = [step for step in before if step.rule_id not in new]
    place = {step.rule_id: number for number, step in enumerate(before)}
    for step in after:
        while gone and place[gone[0].rule_id] < place.get(step.rule_id, -1):
            left = gone.pop(0)
            yield Beside(left.rule_name, left, None)
        yield Beside(step.rule_name, old.get(step.rule_id), step)
    for left in gone:
        yield Beside(left.rule_name, left, None)


def _bare(step: Step | None) -> tuple[object, ...] | None:
    if step is None:
        return None
    return (step.outcome, step.effects, step.overridden)


def _of(rehearsal: Rehearsal, change: Change | None) -> QuerySet[RehearsedChange]:
    rows = rehearsal.changes.all()
    if change is None:
        return rows
    return rows.filter(kind=change.kind, before=change.before, after=change.after, is_unknown=change.is_unknown)


def _rows(rehearsal: Rehearsal, decisions: Sequence[int]) -> Iterator[Row]:
    found: dict[int, list[Change]] = defaultdict(list)
    for row in rehearsal.changes.filter(decision__in=decisions).order_by("is_unknown", "id"):
        found[row.decision_id].append(Change(row.kind, row.before, row.after, row.is_unknown))
    stored = RoutingDecision.objects.filter(pk__in=found.keys()).values_list("pk", "ticket_id", "event", "created_at")
    of_decision = {number: (ticket_id, event, at) for number, ticket_id, event, at in stored}
    tickets = Ticket.objects.only("id", "subject").in_bulk({ticket_id for ticket_id, _, _ in of_decision.values()})
    for number in sorted(of_decision, reverse=True):
        ticket_id, event, at = of_decision[number]
        ticket = tickets[ticket_id]
        yield Row(number, ticket.reference, ticket.subject, event, at, tuple(found[number]))
