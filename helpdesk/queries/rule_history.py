"""What past decisions say about the rules: which fired, which overruled which, and what no rule placed."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef

from helpdesk.models import Channel, Entry, RoutingDecision, State, Ticket
from routing_rules.engine import Rule
from routing_rules.findings import Certainty, Code, Finding
from routing_rules.linter import Linter
from routing_rules.mining import Miner, Moved, features_of
from routing_rules.vocabulary import EffectKind, Event

SINCE = timedelta(days=180)
#: Newest first; what is beyond is not looked at.
DECISIONS_MAX = 100_000
CHUNK = 1_000
EXAMPLES_MAX = 20
#: Fewer tickets are chance.
UNCOVERED_MIN = 5
UNCOVERED_SHARE = 0.8
#: So many decisions must have been there for a rule's silence to mean something.
DECISIONS_MIN = 50


@dataclass(frozen=True, slots=True)
class Decided:
    """One stored decision, as far as it matters here; ``team`` and ``is_hand_placed`` are how the ticket stands now."""

    ticket_id: int
    event: str
    fired: list[dict[str, Any]]
    facts: Mapping[str, Any]
    team: str
    is_hand_placed: bool
    counts: bool


@dataclass(slots=True)
class Tally:
    """How often something was seen, and the newest tickets of it."""

    total: int = 0
    seen: int = 0
    tickets: list[int] = field(default_factory=list)

    def see(self, ticket_id: int) -> None:
        """Count a ticket; those that are shown are few."""
        self.seen += 1
        if len(self.tickets) < EXAMPLES_MAX and ticket_id not in self.tickets:
            self.tickets.append(ticket_id)


@dataclass(slots=True)
class History:
    """What was seen in one walk through the past."""

    decisions: Counter[str] = field(default_factory=Counter)
    fired: set[int] = field(default_factory=set)
    overruled: dict[tuple[int, int, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    combinations: dict[tuple[str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))

    def add(self, each: Decided) -> None:
        """Take one decision in."""
        self.decisions[each.event] += 1
        self.fired.update(step["rule_id"] for step in each.fired)
        winners = {
            effect["kind"]: (step["rule_id"], effect["value"]) for step in each.fired for effect in step["effects"]
        }
        for step in each.fired:
            for effect in step.get("overridden", ()):
                winner, value = winners.get(effect["kind"], (None, None))
                if winner is not None and value != effect["value"]:
                    self.overruled[winner, step["rule_id"], effect["kind"]].see(each.ticket_id)
        if each.event == Event.TICKET_CREATED:
            tally = self.combinations[str(each.facts.get("channel") or ""), str(each.facts.get("language") or "")]
            tally.total += 1
            if EffectKind.SET_TEAM not in winners:
                tally.see(each.ticket_id)


def walk(*, now: datetime, pause: Callable[[], None] = lambda: None, only_moved: bool = False) -> Iterator[Decided]:
    """Every decision of the last half year, newest first. ``pause`` is called between chunks.

    ``only_moved`` leaves out tickets that no person has brought to another team.
    """
    last, left = None, DECISIONS_MAX
    by_hand = Entry.objects.filter(ticket=OuterRef("ticket"), kind=Entry.Kind.TEAM_CHANGED, agent__isnull=False)
    while left > 0:
        rows = RoutingDecision.objects.filter(created_at__gte=now - SINCE).order_by("-id")
        if only_moved:
            rows = rows.filter(Exists(by_hand))
        if last is not None:
            rows = rows.filter(pk__lt=last)
        chunk = list(rows.values("pk", "ticket_id", "event", "fired", "facts")[: min(CHUNK, left)])
        if not chunk:
            return
        last, left = chunk[-1]["pk"], left - len(chunk)
        yield from _decided(chunk)
        pause()


def _decided(chunk: Sequence[Mapping[str, Any]]) -> Iterator[Decided]:
    ids = {row["ticket_id"] for row in chunk}
    tickets = {
        pk: (slug, state, merged)
        for pk, slug, state, merged in Ticket.objects.filter(pk__in=ids).values_list(
            "pk", "team__slug", "state", "merged_into"
        )
    }
    moves = Entry.objects.filter(ticket__in=ids, kind=Entry.Kind.TEAM_CHANGED).order_by("id")
    last_by_hand = {ticket_id: agent_id is not None for ticket_id, agent_id in moves.values_list("ticket", "agent")}
    for row in chunk:
        slug, state, merged = tickets.get(row["ticket_id"], ("", State.SPAM, None))
        yield Decided(
            ticket_id=row["ticket_id"],
            event=row["event"],
            fired=row["fired"],
            facts=row["facts"],
            team=slug,
            is_hand_placed=last_by_hand.get(row["ticket_id"], False),
            counts=state != State.SPAM and merged is None,
        )


def observed(history: History, linter: Linter) -> Iterator[tuple[Finding, list[int]]]:
    """What the past shows and the linter can't prove, with tickets to look at."""
    yield from _silent(history, linter)
    yield from _overruled(history, linter)
    yield from _uncovered(history)


def _silent(history: History, linter: Linter) -> Iterator[tuple[Finding, list[int]]]:
    for rule in linter.arena.rules.values():
        asked = sum(history.decisions[event] for event in dict.fromkeys(rule.events))
        if rule.is_enabled and not rule.problem and rule.id not in history.fired and asked >= DECISIONS_MIN:
            details = {"days": SINCE.days, "asked": asked}
            yield Finding(Code.NEVER_FIRED, rule.id, certainty=Certainty.OBSERVED, details=details), []


def _overruled(history: History, linter: Linter) -> Iterator[tuple[Finding, list[int]]]:
    rules = linter.arena.rules
    for (winner, loser, kind), tally in history.overruled.items():
        first, second = rules.get(winner), rules.get(loser)
        if first is None or second is None or not linter.is_silent(first, second):
            continue
        details = {"kinds": [kind], "tickets": tally.seen}
        yield Finding(Code.CONFLICT, loser, (winner,), Certainty.OBSERVED, details), tally.tickets


def _uncovered(history: History) -> Iterator[tuple[Finding, list[int]]]:
    """Combinations of channel and language that fell to the default team nearly always."""
    at_home = set(Channel.objects.exclude(team=None).values_list("slug", flat=True))
    for (channel, language), tally in sorted(history.combinations.items()):
        if channel in at_home or tally.seen < UNCOVERED_MIN or tally.seen < UNCOVERED_SHARE * tally.total:
            continue
        details = {"combination": {"channel": channel, "language": language}, "tickets": tally.seen, "of": tally.total}
        yield Finding(Code.UNCOVERED, 0, certainty=Certainty.OBSERVED, details=details), tally.tickets


def moved_by_hand(*, now: datetime, pause: Callable[[], None] = lambda: None) -> Iterator[Moved]:
    """Tickets that people brought to another team than the rules had, with what was known of them at first."""
    for each in walk(now=now, pause=pause, only_moved=True):
        if each.counts and each.is_hand_placed and each.event == Event.TICKET_CREATED:
            yield Moved(each.ticket_id, features_of(each.facts), each.team)


def placed_by(rules: Mapping[int, Rule], steps: list[dict[str, Any]]) -> Rule | None:
    """The rule that chose the team in a stored decision."""
    for step in steps:
        if any(effect["kind"] == EffectKind.SET_TEAM for effect in step["effects"]):
            return rules.get(step["rule_id"])
    return None


def count_into(miner: Miner, each: Decided) -> None:
    """Let the miner count one decision about a new ticket."""
    if each.counts and each.event == Event.TICKET_CREATED:
        miner.count(ticket_id=each.ticket_id, features=features_of(each.facts), team=each.team)
