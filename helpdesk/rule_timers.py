"""Rules that wait for time to pass: "waiting for the customer for three days".

Guarantee: such a rule fires once for a ticket and a wait, whatever workers there are and wherever they die: its turn is
written under a unique key in the transaction of what it does. A wait that ends while no worker runs is found by the
next one. Days are days of the calendar in the rule's own time zone.
"""

import hashlib
import json
import logging
import threading
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db import OperationalError, close_old_connections, transaction
from django.utils import timezone

from helpdesk import routing
from helpdesk.actions import rule_watch
from helpdesk.models import RuleTurn, RuleWatch, Ticket
from helpdesk.queries.ripening import COLUMNS, Wait, newest_entry, ripe
from mail_gateway.crash_points import crash_point
from routing_rules import conditions
from routing_rules.engine import Rule
from routing_rules.models import load_ruleset
from routing_rules.vocabulary import Event
from routing_rules.waiting import clock_of, occasion_of

log = logging.getLogger(__name__)

POLL_SECONDS = 10.0
BATCH = 200


def run(stop: threading.Event) -> None:
    """Look after waiting rules until ``stop`` is set."""
    while not stop.is_set():
        try:
            look(now=timezone.now(), stop=stop)
        except OperationalError as error:  # busy or restarting: the next round comes soon
            log.warning("rules that wait for time wait for the database: %s", error)
        close_old_connections()
        stop.wait(POLL_SECONDS)


def look(*, now: datetime, stop: threading.Event | None = None) -> int:
    """Ask the rules about every ticket whose time has come by ``now``; how many decisions came of it.

    Costs one small query while no rule waits for time to pass.
    """
    ruleset = load_ruleset()
    if not ruleset.listens(Event.TIME_PASSED):
        return 0
    watch = rule_watch.claim(now=now)
    if watch is None:
        return 0
    rules = [rule for rule in ruleset.rules if rule.is_enabled and Event.TIME_PASSED in rule.events]
    clocks = {rule.uid: _clock(rule, now) for rule in rules}
    cursor = newest_entry()
    waits = [Wait(rule, _since(watch, rule, clocks)) for rule in rules if rule.is_active(at=now)]
    numbers = ripe(waits=waits, now=now, cursor=watch.cursor)
    made = 0
    try:
        rulebook = routing.Rulebook.load()
        for start in range(0, len(numbers), BATCH):
            made += ask(numbers[start : start + BATCH], [wait.rule for wait in waits], rulebook, now)
            if stop is not None and stop.is_set():
                rule_watch.give_up()
                return made
            rule_watch.hold(until=timezone.now() + rule_watch.LEASE)
    except BaseException:
        rule_watch.give_up()
        raise
    rule_watch.release(now=now, cursor=cursor, clocks=clocks)
    return made


def _clock(rule: Rule, now: datetime) -> str:
    """What the rule is, and how everything in it stands that hangs on the clock alone."""
    span = [moment.isoformat() if moment else "" for moment in (rule.active_from, rule.active_until)]
    text = json.dumps([conditions.to_json(rule.condition), *span])
    what = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{what} {int(rule.is_active(at=now))} {clock_of(rule.condition, now=now)}"


def _since(watch: RuleWatch, rule: Rule, clocks: Mapping[str, str]) -> datetime | None:
    return watch.looked_until if watch.clocks.get(rule.uid) == clocks[rule.uid] else None


def ask(numbers: Sequence[int], rules: Sequence[Rule], rulebook: routing.Rulebook, now: datetime) -> int:
    """Ask about these tickets, each in a transaction of its own."""
    rows = Ticket.objects.filter(pk__in=numbers).order_by("pk")
    rows = rows.select_related("channel", "contact__organisation", "team", "owner")
    turns: dict[int, set[tuple[str, str]]] = {}
    had = RuleTurn.objects.filter(ticket__in=numbers).values_list("ticket_id", "rule_uid", "occasion")
    for ticket_id, uid, occasion in had:
        turns.setdefault(ticket_id, set()).add((str(uid), occasion))
    made = 0
    for ticket in rows:
        if _has_turn_left(ticket, rules, turns.get(ticket.pk, set())):
            made += _ask_about(ticket, rulebook, now)
    return made


@transaction.atomic
def _ask_about(ticket: Ticket, rulebook: routing.Rulebook, now: datetime) -> bool:
    decision = routing.react(ticket=ticket, event=Event.TIME_PASSED, at=now, rulebook=rulebook)
    if decision is not None:
        crash_point("rules.waited")
    return decision is not None


def _has_turn_left(ticket: Ticket, rules: Sequence[Rule], turns: Collection[tuple[str, str]]) -> bool:
    """Whether any rule could still fire: cheap, before everything else is read."""
    moments = {name: getattr(ticket, column) for name, column in COLUMNS.items()}
    return any((rule.uid, occasion_of(rule.condition, moments)) not in turns for rule in rules)
