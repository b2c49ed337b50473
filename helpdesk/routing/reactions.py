"""What rules do when something happens to a ticket that is there: a message, a change, a rating, time that passes.

Guarantees: it happens in the transaction of the event itself, so both are there or neither; rules set each other off
only where they are marked so, and at most `DEPTH_MAX` times in a row; of two that want to take a rule's only turn with
a ticket, a unique key lets one.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType

from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone

from helpdesk.actions import assignment, clocks, rule_effects, tickets
from helpdesk.actions.assignment import Asked, Handed
from helpdesk.actions.journal import record
from helpdesk.models import Agent, Assignment, Entry, Message, Priority, RoutingDecision, RuleTurn, Ticket
from helpdesk.queries.segments import segments_of
from helpdesk.routing.placement import Placement, Rulebook, decision_of, facts_of, follow_up, recipient_of
from routing_rules.engine import Decision, Outcome, Rule, decide
from routing_rules.models import load_ruleset
from routing_rules.vocabulary import EffectKind, Event
from routing_rules.waiting import occasion_of

#: Decisions in a row that rules may set off, the first not counted.
DEPTH_MAX = 5
NO_FACTS: Mapping[str, object] = MappingProxyType({})

#: Which effects make which event, for rules that may set off others.
_TRIGGERS: Mapping[Event, frozenset[str]] = {
    Event.STATE_CHANGED: frozenset((EffectKind.SET_STATE,)),
    Event.ASSIGNED: frozenset((EffectKind.SET_AGENT, EffectKind.SET_TEAM)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Happening:
    """One event of one ticket. ``depth`` counts the decisions that led to it."""

    ticket: Ticket
    event: Event
    message: Message | None
    facts: Mapping[str, object]
    by: Agent | None
    at: datetime
    rulebook: Rulebook
    depth: int = 0

    @property
    def cause(self) -> str:
        """Who brought it about, as rules know it."""
        if self.depth:
            return "rule"
        if self.by is not None:
            return "agent"
        return "customer" if self.event in {Event.CUSTOMER_MESSAGE, Event.RATING_GIVEN} else "desk"


@transaction.atomic(savepoint=False)
def react(
    *,
    ticket: Ticket,
    event: Event,
    message: Message | None = None,
    extra_facts: Mapping[str, object] = NO_FACTS,
    by: Agent | None = None,
    at: datetime | None = None,
    rulebook: Rulebook | None = None,
) -> RoutingDecision | None:
    """Let the rules of ``event`` decide about ``ticket``, and do what they say, in the caller's transaction.

    ``message`` is the one that the event is about; without one, rules look at the customer's newest. ``extra_facts``
    are fields of the vocabulary that only this event knows. ``by`` is who caused it; None: the customer, or the desk.
    Returns the stored decision; None when no rule listens to the event, which costs one small query, and when time
    has passed but for no rule enough.
    """
    ruleset = rulebook.ruleset if rulebook is not None else load_ruleset()
    if not ruleset.listens(event):
        return None
    return _react(
        _Happening(
            ticket=ticket,
            event=event,
            message=message,
            facts=extra_facts,
            by=by,
            at=at or timezone.now(),
            rulebook=rulebook or Rulebook.load(),
        )
    )


def _react(happening: _Happening) -> RoutingDecision | None:
    ticket, at = happening.ticket, happening.at
    # Nobody else decides about this ticket until we are done, and what the caller knows of it may be old.
    ticket.refresh_from_db(from_queryset=Ticket.objects.select_for_update(of=("self",)))
    message = happening.message or _newest_of_customer(ticket)
    facts = _facts_at(happening, message)
    decision, spent = _decide(happening, facts)
    if happening.event is Event.TIME_PASSED and not any(step.outcome is Outcome.FIRED for step in decision.trace):
        return None  # nothing has happened: it was only looked whether it was time
    placement = Placement(
        rulebook=happening.rulebook,
        team=ticket.team,
        owner=None,
        priority=Priority(ticket.priority),
        tags=set(ticket.tags.values_list("name", flat=True)),
        facts=facts,
    )
    before = _Standing.of(ticket)
    placement.follow(decision)
    if placement.fired:
        record(kind=Entry.Kind.ROUTED, ticket=ticket, data=placement.as_data(), at=at)
        _carry_out(placement, ticket, at)
    row = decision_of(placement, ticket=ticket, message=message, at=at)
    row.depth, row.spent = happening.depth, sorted(spent)
    next_events = _set_off(happening, decision, before)
    if next_events and happening.depth >= DEPTH_MAX:
        row.assignment["problems"] = [*placement.problems, _TOO_DEEP]
        record(kind=Entry.Kind.ROUTED, ticket=ticket, data={"problems": [_TOO_DEEP]}, at=at)
    row.save()
    if happening.depth < DEPTH_MAX:
        for event, extra in next_events:
            if happening.rulebook.ruleset.listens(event):
                _react(_deeper(happening, event, extra))
    return row


_TOO_DEEP = f"Rules set each other off {DEPTH_MAX} times in a row; here it ends."


def _deeper(happening: _Happening, event: Event, facts: Mapping[str, object]) -> _Happening:
    return _Happening(
        ticket=happening.ticket,
        event=event,
        message=None,
        facts=facts,
        by=None,
        at=happening.at,
        rulebook=happening.rulebook,
        depth=happening.depth + 1,
    )


def _newest_of_customer(ticket: Ticket) -> Message | None:
    return ticket.messages.filter(kind=Message.Kind.CUSTOMER).order_by("-id").first()


def _facts_at(happening: _Happening, message: Message | None) -> dict[str, object]:
    """What rules may know of the ticket now; of the message, if there is one."""
    ticket = happening.ticket
    facts = facts_of(
        ticket=ticket,
        message=message or Message(ticket=ticket),
        recipient=recipient_of(message) if message is not None else "",
        has_attachments=message is not None and message.attachments.exists(),
        at=message.created_at if message is not None else happening.at,
    )
    counted = ticket.messages.order_by().values_list("kind").annotate(Count("id"))
    counts = dict(counted.filter(kind__in=[Message.Kind.CUSTOMER, Message.Kind.REPLY]))
    return {
        **facts,
        "event": happening.event.value,
        "segments": segments_of(ticket.contact, among=happening.rulebook.segments, at=happening.at),
        "arrived_at": message.created_at if message is not None else None,
        "tags": frozenset(ticket.tags.values_list("name", flat=True)),
        "changed_by": happening.cause,
        "last_customer_message_at": ticket.last_customer_message_at,
        "last_reply_at": ticket.last_reply_at,
        "customer_messages": counts.get(Message.Kind.CUSTOMER, 0),
        "replies": counts.get(Message.Kind.REPLY, 0),
        **happening.facts,
    }


def _decide(happening: _Happening, facts: Mapping[str, object]) -> tuple[Decision, set[str]]:
    """What the rules want, and which were not asked since they had had their turn; those that fire have it now."""
    ticket, ruleset, event = happening.ticket, happening.rulebook.ruleset, happening.event
    if not ruleset.has_turns(event):
        return decide(ruleset, facts, happening.at), set()
    turns = set(RuleTurn.objects.filter(ticket=ticket).values_list("rule_uid", "occasion"))
    had = {(str(uid), occasion) for uid, occasion in turns}
    occasions = {rule.uid: _occasions(rule, event, facts) for rule in ruleset.rules if event in rule.events}
    spent = {uid for uid, wanted in occasions.items() if any((uid, each) in had for each in wanted)}
    decision = decide(ruleset, facts, happening.at, spent=spent)
    for step in decision.trace:
        uid = ruleset.by_id[step.rule_id].uid
        for occasion in occasions[uid] if step.outcome is Outcome.FIRED else ():
            rule_effects.take_turn(ticket=ticket, uid=uid, occasion=occasion, at=happening.at)
    return decision, spent


def _occasions(rule: Rule, event: Event, facts: Mapping[str, object]) -> list[str]:
    """The occasions on which this rule has one turn with this ticket; none for a rule that fires as often as it may."""
    of_time = [occasion_of(rule.condition, facts)] if event == Event.TIME_PASSED else []
    return [*of_time, *([""] if rule.once_per_ticket else [])]


def _carry_out(placement: Placement, ticket: Ticket, at: datetime) -> None:
    """Do what was decided, each thing by itself: what can't be done is written down and hinders nothing else."""
    known = len(placement.problems)
    attempt = partial(_attempt, placement)
    if placement.asked != Asked():
        assignment.ask_for(ticket=ticket, asked=placement.asked)
    attempt(partial(tickets.set_team, ticket=ticket, team=placement.team, by=None, at=at))
    if placement.owner is not None:
        handed = Handed(cause=Assignment.Cause.RULE)
        attempt(partial(tickets.set_owner, ticket=ticket, owner=placement.owner, by=None, at=at, handed=handed))
    attempt(partial(tickets.set_priority, ticket=ticket, priority=placement.priority, by=None, at=at))
    attempt(partial(tickets.set_tags, ticket=ticket, names=placement.tags, by=None, at=at))
    if placement.state is not None:
        attempt(partial(tickets.set_state, ticket=ticket, state=placement.state, by=None, at=at))
    if placement.policy is not None:
        attempt(partial(clocks.policy_chosen, ticket=ticket, policy=placement.policy, by=None, at=at))
    if new := placement.problems[known:]:
        record(kind=Entry.Kind.ROUTED, ticket=ticket, data={"problems": new}, at=at)
    follow_up(placement, ticket=ticket, at=at)


def _attempt(placement: Placement, action: Callable[[], object]) -> None:
    try:
        with transaction.atomic():
            action()
    except (tickets.NotInTeam, tickets.CannotJoin, IntegrityError) as error:
        placement.problems.append(str(error))


@dataclass(frozen=True, slots=True)
class _Standing:
    """What of a ticket makes an event when it changes."""

    state: str
    owner: Agent | None

    @classmethod
    def of(cls, ticket: Ticket) -> "_Standing":
        return cls(ticket.state, ticket.owner)

    def changes(self, after: "_Standing") -> Iterator[tuple[Event, dict[str, object]]]:
        """The events that lie between, with what only they know."""
        if after.state != self.state:
            yield Event.STATE_CHANGED, {"state_before": self.state}
        if after.owner != self.owner:
            yield Event.ASSIGNED, {"owner_before": self.owner.email if self.owner else ""}


def _set_off(happening: _Happening, decision: Decision, before: _Standing) -> list[tuple[Event, dict[str, object]]]:
    """The events that this decision has made and that count as such, because their rules may set off others."""
    rules = happening.rulebook.ruleset.by_id
    kinds = {effect.kind for effect in decision.effects if rules[effect.rule_id].may_trigger}
    changes = before.changes(_Standing.of(happening.ticket))
    return [(event, facts) for event, facts in changes if not kinds.isdisjoint(_TRIGGERS[event])]


class Watch:
    """What is said while a ticket is watched."""

    def __init__(self) -> None:
        self.reply: Message | None = None

    def replied(self, message: Message) -> None:
        """An agent has answered."""
        self.reply = message


@contextmanager
def watched(*, ticket: Ticket, by: Agent | None, at: datetime | None = None) -> Iterator[Watch]:
    """While this is open, somebody changes ``ticket``; at its end the rules of what has changed are asked.

    One transaction holds both. Where no rule listens to what people do this costs one small query.
    """
    with transaction.atomic():
        watch, ruleset = Watch(), load_ruleset()
        if not any(map(ruleset.listens, (Event.AGENT_REPLY, *_TRIGGERS))):
            yield watch
            return
        rows = Ticket.objects.select_for_update(of=("self",)).select_related("owner")
        before = _Standing.of(rows.get(pk=ticket.pk))
        newest = ticket.messages.order_by("-id").values_list("pk", flat=True).first() or 0
        yield watch
        changes = list(before.changes(_Standing.of(rows.get(pk=ticket.pk))))
        ask = partial(react, ticket=ticket, by=by, at=at, rulebook=Rulebook.load())
        # The same answer sent twice is the first one: nothing has happened then.
        if watch.reply is not None and watch.reply.pk > newest:
            ask(event=Event.AGENT_REPLY, message=watch.reply)
        for event, facts in changes:
            ask(event=event, extra_facts=facts)
