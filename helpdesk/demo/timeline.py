"""When each step of the demo's conversations happens, relative to now. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from helpdesk.demo.content import Conversation, Step


@dataclass(frozen=True, slots=True)
class Moment:
    """One step at its time; ``place`` is the step's number within its conversation."""

    at: datetime
    number: int
    place: int
    conversation: Conversation
    step: Step


def timeline(conversations: Iterable[Conversation], *, now: datetime, zone: tzinfo) -> list[Moment]:
    """All steps in the order in which they happen; what would lie in the future is left out."""
    moments = []
    for number, conversation in enumerate(conversations):
        at = _beginning(conversation, now=now, zone=zone)
        for place, step in enumerate(conversation.steps):
            at += step.after
            if at >= now:
                break
            moments.append(Moment(at, number, place, conversation, step))
    return sorted(moments, key=lambda moment: (moment.at, moment.number, moment.place))


def _beginning(conversation: Conversation, *, now: datetime, zone: tzinfo) -> datetime:
    if not conversation.clock:
        return now - timedelta(minutes=conversation.minutes)
    day = now.astimezone(zone).date() - timedelta(days=conversation.days)
    # The seconds differ, as they do in life, and are the same at each seeding.
    seconds = sum(conversation.customer.encode()) % 60
    return datetime.combine(day, time.fromisoformat(conversation.clock), zone) + timedelta(seconds=seconds)
