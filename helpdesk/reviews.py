"""The desk looks at its rules: what can be proved after each change, and once a night also what the past shows.

It runs beside everything else and takes at most half a core: after each stretch of work it rests as long.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from helpdesk.actions import rule_reviews
from helpdesk.actions.rule_reviews import Outcome, row_of
from helpdesk.models import RoutingDecision, RuleFinding, RuleReview, RuleSuggestion, Team
from helpdesk.queries import rule_history
from helpdesk.queries.routing import facts_of_decision
from helpdesk.queries.rule_linting import linter
from routing_rules.engine import Rule, RuleSet, decide
from routing_rules.findings import Certainty
from routing_rules.linter import Linter
from routing_rules.mining import Candidate, Miner, as_tests
from routing_rules.models import current_number, load_ruleset
from routing_rules.vocabulary import EffectKind, Event

LOOK_SECONDS = 10.0
#: Local hour from which the night's review may begin; after a night that was missed it comes as soon as possible.
NIGHT_HOUR = 3
STRETCH_SECONDS = 0.05
STAY_SECONDS = 60.0


class Lost(Exception):
    """Another process has taken the review over, or this one is to stop."""


def run(stop: threading.Event) -> None:
    """Review the rules whenever that is due, until ``stop``."""
    while not stop.is_set():
        look(now=timezone.now(), stop=stop)
        close_old_connections()
        stop.wait(LOOK_SECONDS)


def look(*, now: datetime, stop: threading.Event) -> list[str]:
    """Do the reviews that are due; their names."""
    version = current_number()
    if not version:
        return []
    local = now.astimezone(ZoneInfo(settings.TIME_ZONE))
    names = [f"night {local:%Y-%m-%d}"] if local.hour >= NIGHT_HOUR else []
    names.append(f"version {version}")
    done = set(RuleReview.objects.filter(name__in=names, lease_until=None).values_list("name", flat=True))
    reviewed = []
    for name in names:
        review = None if name in done else rule_reviews.claim(name=name, rules_version=version, now=now)
        if review is not None and _review(review, now=now, stop=stop):
            reviewed.append(name)
    return reviewed


@dataclass(slots=True)
class _Pace:
    """Rests after each stretch of work, and keeps the review's lease."""

    review: RuleReview
    stop: threading.Event
    since: float = field(default_factory=time.monotonic)
    stayed: float = field(default_factory=time.monotonic)

    def __call__(self) -> None:
        spent = time.monotonic() - self.since
        if spent < STRETCH_SECONDS:
            return
        if self.stop.wait(min(spent, 1.0)):
            raise Lost
        if time.monotonic() - self.stayed > STAY_SECONDS:
            if not rule_reviews.stay(review=self.review, now=timezone.now()):
                raise Lost
            self.stayed = time.monotonic()
        self.since = time.monotonic()


def _review(review: RuleReview, *, now: datetime, stop: threading.Event) -> bool:
    pace = _Pace(review, stop)
    try:
        outcome = _nightly(now, pace) if review.name.startswith("night") else _proved(now, pace)
    except Lost:
        return False
    return rule_reviews.finish(review=review, outcome=outcome, at=now)


def _uids(ready: Linter) -> dict[int, str]:
    return {rule.id: rule.uid for rule in ready.arena.rules.values()}


def _proved(now: datetime, pace: Callable[[], None]) -> Outcome:
    """What can be proved about every rule."""
    ready = linter(now=now)
    return _prove(ready, now, pace)


def _prove(ready: Linter, now: datetime, pace: Callable[[], None]) -> Outcome:
    uids, rows, skipped = _uids(ready), [], []
    for rule in ready.arena.rules.values():
        report = ready.examine(rule)
        rows += [row_of(finding, uids=uids, at=now) for finding in report.findings]
        skipped += [{"rule": rule.uid, "code": code.value} for code in report.not_examined]
        pace()
    return Outcome(findings=rows, rules=len(uids), not_examined=skipped, certainties=(Certainty.PROVED,))


def _nightly(now: datetime, pace: Callable[[], None]) -> Outcome:
    """What can be proved, what the past shows, and what people do by hand."""
    ready = linter(now=now)
    proved, uids = _prove(ready, now, pace), _uids(ready)
    miner = Miner(rule_history.moved_by_hand(now=now, pause=pace))
    history = rule_history.History()
    for each in rule_history.walk(now=now, pause=pace):
        history.add(each)
        rule_history.count_into(miner, each)
    seen = [
        row_of(finding, uids=uids, at=now, ticket_ids=ids) for finding, ids in rule_history.observed(history, ready)
    ]
    return Outcome(
        findings=[*proved.findings, *seen],
        rules=proved.rules,
        tickets=history.decisions.total(),
        not_examined=proved.not_examined,
        suggestions=_suggestions(miner, ready.arena.ruleset, now),
    )


def _suggestions(miner: Miner, ruleset: RuleSet, now: datetime) -> list[RuleSuggestion]:
    """What is worth suggesting and not done by the rules as they are."""
    teams = {team.slug: team for team in Team.objects.filter(is_active=True)}
    rows = []
    for candidate in miner.best():
        team = teams.get(candidate.team)
        evidence = sorted(miner.moved(candidate), reverse=True)[: rule_history.EXAMPLES_MAX]
        places, above = _as_it_would_be_now(evidence, ruleset, now)
        if team is None or places.count(candidate.team) * 2 >= max(1, len(places)):
            continue
        rows.append(_suggestion(candidate, team, evidence=evidence, above=above, now=now))
    return rows


def _as_it_would_be_now(ticket_ids: list[int], ruleset: RuleSet, now: datetime) -> tuple[list[str], Rule | None]:
    """Where the rules of today would place these tickets, and the topmost rule that places one."""
    decisions = RoutingDecision.objects.filter(ticket__in=ticket_ids, event=Event.TICKET_CREATED)
    order = {rule.id: place for place, rule in enumerate(ruleset.rules)}
    places, winners = [], []
    for row in decisions.select_related("message"):
        decision = decide(ruleset, facts_of_decision(row), now)
        places.append(decision.value_of(EffectKind.SET_TEAM) or "")
        winners += [effect.rule_id for effect in decision.effects if effect.kind == EffectKind.SET_TEAM]
    top = min(winners, key=order.__getitem__, default=None)
    return places, None if top is None else ruleset.rules[order[top]]


def _suggestion(
    candidate: Candidate, team: Team, *, evidence: list[int], above: Rule | None, now: datetime
) -> RuleSuggestion:
    told = json.dumps([candidate.features, team.slug], ensure_ascii=False)
    return rule_reviews.suggestion_row(
        key=hashlib.sha256(told.encode()).hexdigest()[:32],
        team=team,
        at=now,
        tests=as_tests(candidate.features),
        matching=candidate.matching,
        agreeing=candidate.agreeing,
        moved=candidate.moves,
        bound=candidate.bound,
        above_uid=UUID(above.uid) if above is not None and above.uid else None,
        evidence=evidence,
        exceptions=candidate.exceptions,
    )


def note_rule(*, rule_id: int, now: datetime) -> list[RuleFinding]:
    """Examine one rule that was just saved, and write down what is proved; the rows."""
    ready = linter(now=now, rules=load_ruleset().rules)
    rule = ready.arena.rules.get(rule_id)
    if rule is None or not rule.uid:
        return []
    rows = [row_of(finding, uids=_uids(ready), at=now) for finding in ready.examine(rule).findings]
    rule_reviews.note_rule(uid=UUID(rule.uid), findings=rows, at=now)
    return rows
