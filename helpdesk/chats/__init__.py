"""What is said in chats: a moment's words, of visitors and agents, stored together in one transaction.

Guarantee: when `exchange` has returned, each of the words is stored once, with its number, or refused with a code. The
same client id by the same author is the same line, however often it comes: so whoever hears nothing may say it again.
Chat needs no inbound event (docs/adr): its message is complete when it comes, and its sender keeps it until the ack.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from helpdesk import routing
from helpdesk.actions import chats
from helpdesk.chats.moment import Moment
from helpdesk.chats.words import Attached, Exchange, News, Outcome, Refused, Stored, Words
from helpdesk.models import Conversation, Rating
from routing_rules.vocabulary import Event

__all__ = [
    "Attached",
    "Exchange",
    "News",
    "Outcome",
    "Refused",
    "Stored",
    "Words",
    "exchange",
    "rate",
    "say",
    "say_all",
]


def exchange(*, words: Sequence[Words]) -> Exchange:
    """Store a moment's words, in their order; what became of each, and what is new in their conversations.

    If they can't be stored together, each is tried alone, so that one can't hold up the others.
    """
    try:
        return _try(words)
    except IntegrityError:
        if len(words) == 1:
            return _try(words)  # another process was first: now it is there
    each_alone = [exchange(words=[each]) for each in words]
    news: dict[int, News] = {}
    for one in each_alone:
        for number, found in one.news.items():
            before = news[number].lines if number in news else []
            news[number] = News([*before, *found.lines], found.marks)
    return Exchange([outcome for one in each_alone for outcome in one.outcomes], news)


def _try(words: Sequence[Words]) -> Exchange:
    with transaction.atomic():
        moment = Moment(words)
        return Exchange(moment.outcomes(), moment.news)


def say_all(*, words: Sequence[Words]) -> list[Outcome]:
    """The outcomes of `exchange` alone."""
    return exchange(words=words).outcomes


def say(*, words: Words) -> Outcome:
    """One message, as `exchange`."""
    return say_all(words=[words])[0]


@transaction.atomic
def rate(*, conversation: Conversation, score: int, effort: int | None, comment: str, at: datetime) -> Rating:
    """The customer's word on the help, which rules may react to."""
    rating = chats.rate(conversation=conversation, score=score, effort=effort, comment=comment, at=at)
    facts = {"rating": score}
    routing.react(ticket=conversation.ticket, event=Event.RATING_GIVEN, extra_facts=facts, at=at)
    return rating
