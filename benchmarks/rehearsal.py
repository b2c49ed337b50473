"""How many tickets a second a rehearsal of 1,000 rules goes through, from stored facts to stored changes.

Everything that a worker does is timed, in processor time of one thread: reading decisions and texts from the
database, deciding, writing what differs. `rehearsal_tickets_s` is a lead's usual question (one rule changed, which
catches two in a hundred), `rehearsal_import_tickets_s` the worst one (another rule set altogether).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.place import Place
from benchmarks.progress import say
from benchmarks.rules import NOW, facts_of_mails, make_rules

RULES = 1_000
TICKETS = 10_000
CHUNK = 1_000


def _snapshots(*, seed: int) -> list[dict[str, Any]]:
    from routing_rules import conditions
    from routing_rules.models import effects_to_json

    return [
        {
            "id": rule.id,
            "uid": str(rule.id),
            "name": rule.name,
            "condition": conditions.to_json(rule.condition),
            "effects": effects_to_json(rule.effects),
            "is_stop": False,
            "is_enabled": True,
        }
        for rule in make_rules(count=RULES, seed=seed)
    ]


def _fill(version: int) -> None:
    """Tickets with a message of 700 to 2,000 characters and the decision that was made about each."""
    from benchmarks.bulk import furnish
    from helpdesk.models import Message, RoutingDecision, Ticket
    from routing_rules.facts import VERSION, facts_to_json

    house = furnish()
    for number in range(TICKETS // CHUNK):
        facts = facts_of_mails(count=CHUNK, seed=number)
        common = {"channel": house.channel, "team": house.teams[0], "created_at": NOW, "last_activity_at": NOW}
        tickets = Ticket.objects.bulk_create(Ticket(subject=str(each["subject"]), **common) for each in facts)
        messages = Message.objects.bulk_create(
            Message(ticket=ticket, kind=Message.Kind.CUSTOMER, text=str(each["body"]), created_at=NOW)
            for ticket, each in zip(tickets, facts, strict=True)
        )
        RoutingDecision.objects.bulk_create(
            RoutingDecision(
                ticket=ticket,
                message=message,
                rules_version=version,
                facts=facts_to_json({name: value for name, value in each.items() if name != "body"}),
                facts_version=VERSION,
                fired=[],
                created_at=NOW,
            )
            for ticket, message, each in zip(tickets, messages, facts, strict=True)
        )


def _rate(rules: Sequence[dict[str, Any]]) -> float:
    """Tickets a second of processor time; compiling both rule sets is counted in."""
    from datetime import timedelta

    from helpdesk import rehearsals
    from helpdesk.actions.rehearsals import request
    from helpdesk.models import Agent

    by = Agent.objects.earliest("id")
    rehearsal = request(rules=rules, title="Benchmark", days=30, by=by, at=NOW + timedelta(days=1))
    start = time.thread_time()
    rehearsals.work_once(threading.Event())
    spent = time.thread_time() - start
    rehearsal.refresh_from_db()
    if (rehearsal.state, rehearsal.done) != ("done", TICKETS):
        raise RuntimeError(f"the rehearsal is {rehearsal.state} after {rehearsal.done} tickets: {rehearsal.error}")
    say(f"  {rehearsal.changes.count():>6} changes, {TICKETS / spent:,.0f} tickets/s")
    return TICKETS / spent


def measure(place: Place) -> dict[str, float]:
    """Both shapes, over 10,000 tickets."""
    place.migrate()
    from django.utils import timezone

    from routing_rules.models import RuleVersion

    rules = _snapshots(seed=1)
    version = RuleVersion(number=1, author_name="Benchmark", rules=rules, created_at=timezone.now())
    version.save()
    _fill(version.number)
    one = [dict(each) for each in rules]
    place_of_one = random.Random("one rule").randrange(RULES)
    one[place_of_one] |= {
        "condition": {
            "all": [
                {"field": "body", "operator": "contains_any", "value": ["warehouse", "Lager"]},
                {"field": "has_attachments", "operator": "is_true"},
            ]
        },
        "effects": [{"kind": "set_team", "value": "payments"}],
    }
    return {
        "rehearsal_tickets_s": round(_rate(one)),
        "rehearsal_import_tickets_s": round(_rate(_snapshots(seed=2))),
    }
