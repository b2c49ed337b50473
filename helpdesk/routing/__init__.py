"""Decide, then apply: facts of a ticket go into the rules, the decision's effects come out onto the ticket.

`placement` is for a ticket that is being opened, `reactions` for what happens to it afterwards. The deciding half is
`routing_rules`, which is pure; so a dry run is the first half of it. Every decision is stored with its facts, so that
"why is it here?" can be answered exactly, later.
"""

from helpdesk.routing.detaching import detach
from helpdesk.routing.placement import (
    APPLY,
    Placed,
    Placement,
    Rulebook,
    decision_of,
    facts_of,
    follow_up,
    place,
    record_placed,
)
from helpdesk.routing.reactions import react, watched

__all__ = [
    "APPLY",
    "Placed",
    "Placement",
    "Rulebook",
    "decision_of",
    "detach",
    "facts_of",
    "follow_up",
    "place",
    "react",
    "record_placed",
    "watched",
]
