"""What conditions of rules would have caught lately: recent tickets' facts, asked again. Nothing is changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from helpdesk.models import RoutingDecision
from helpdesk.queries.routing import facts_of_decision
from routing_rules.conditions import Condition, tests_of
from routing_rules.examination import examine
from routing_rules.facts import Reader
from routing_rules.operators import function_of
from routing_rules.vocabulary import Event

#: Fifty rules over two hundred tickets take some 20 ms.
LOOK_AT = 200


@dataclass(frozen=True)
class Recent:
    """The facts of one ticket, as they were when it was routed at ``at``."""

    facts: dict[str, object]
    at: datetime


def recent(*, limit: int = LOOK_AT) -> Sequence[Recent]:
    """The newest tickets that rules have placed, each once: by what was known of it when it came."""
    decisions = (
        RoutingDecision.objects.filter(event=Event.TICKET_CREATED)
        .order_by("-id")
        .select_related("message")
        .only("facts", "facts_version", "created_at", "message__new_text", "message__text")[:limit]
    )
    return [Recent(facts=facts_of_decision(row), at=row.created_at) for row in decisions]


def caught(*, conditions: Sequence[Condition], among: Sequence[Recent]) -> list[int]:
    """For each condition, how many of these tickets it holds for; other rules and their stops are not looked at."""
    reader = Reader.of(test for condition in conditions for test in tests_of(condition))
    compiled = [function_of(condition) for condition in conditions]
    counts = [0] * len(conditions)
    for each in among:
        reading = reader.read(facts=each.facts, now=each.at)
        for place, holds in enumerate(compiled):
            if reading.unclear:
                counts[place] += examine(condition=conditions[place], reading=reading).holds is True
            else:
                counts[place] += holds(reading.view)
    return counts
