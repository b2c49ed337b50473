"""Mails that join a ticket are events to rules: the customer wrote again, and the ticket may be open again by that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from helpdesk import routing
from helpdesk.intake.passage import Passage
from helpdesk.intake.standing import Standing
from helpdesk.models import Agent, Message
from routing_rules.vocabulary import Event

_EVENTS = (Event.CUSTOMER_MESSAGE, Event.STATE_CHANGED, Event.ASSIGNED)


@dataclass(frozen=True, slots=True)
class Heard:
    """Passages that rules are to hear of, with the states and owners that their tickets had before."""

    passages: Sequence[tuple[Passage, str, Agent | None]]
    standing: Standing

    @classmethod
    def of(cls, passages: Sequence[Passage], standing: Standing) -> "Heard":
        """Look before anything is stored; where no rule listens, nothing is looked at."""
        ruleset = standing.rulebook.ruleset
        if not any(map(ruleset.listens, _EVENTS)):
            return cls((), standing)
        wanted = [each for each in passages if not each.event.is_silent]
        return cls([(each, each.ticket.state, each.ticket.owner) for each in wanted], standing)

    def tell(self, *, now: datetime) -> None:
        """Ask the rules, after everything is stored."""
        for passage, state, owner in self.passages:
            ticket = passage.ticket
            events = self._events(passage, state, owner)
            for event, facts in events:
                routing.react(
                    ticket=ticket,
                    event=event,
                    message=passage.message,
                    extra_facts=facts,
                    at=now,
                    rulebook=self.standing.rulebook,
                )

    @staticmethod
    def _events(passage: Passage, state: str, owner: Agent | None) -> list[tuple[Event, dict[str, object]]]:
        placement, ticket = passage.placement, passage.ticket
        if placement is not None:
            # Who gets a new ticket by the desk's own choice is news; what its rules said is not, unless they may.
            is_news = ticket.owner is not None and not placement.is_owner_named
            return [(Event.ASSIGNED, {"owner_before": "", "changed_by": "desk"})] if is_news else []
        events: list[tuple[Event, dict[str, object]]] = []
        is_customer = passage.message.kind == Message.Kind.CUSTOMER
        if is_customer:
            events.append((Event.CUSTOMER_MESSAGE, {}))
        if ticket.state != state:  # a report that our answer came back opens a ticket as well
            cause = "customer" if is_customer else "desk"
            events.append((Event.STATE_CHANGED, {"state_before": state, "changed_by": cause}))
        if ticket.owner != owner:
            events.append((Event.ASSIGNED, {"owner_before": owner.email if owner else "", "changed_by": "desk"}))
        return events
