"""What is said in chats: a moment's words, of visitors and agents, stored together in one transaction.

Guarantee: when `exchange` has returned, each of the words is stored once, with its number, or refused with a code. The
same client id by the same author is the same line, however often it comes: so whoever hears nothing may say it again.
Chat needs no inbound event (docs/adr): its message is complete when it comes, and its sender keeps it until the ack.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, InterfaceError, OperationalError, transaction

from helpdesk import routing
from helpdesk.actions import chats, visitors
from helpdesk.chats.moment import Moment
from helpdesk.chats.words import TRY_AGAIN, Attached, Exchange, News, NotStored, Outcome, Refused, Stored, Words
from helpdesk.models import Conversation, Rating
from routing_rules.vocabulary import Event

log = logging.getLogger(__name__)

__all__ = [
    "TRY_AGAIN",
    "Attached",
    "Exchange",
    "News",
    "NotStored",
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

    If they can't be stored together, each is tried alone, so that nobody's words can hold up those of others. Raises
    OperationalError or InterfaceError when it is the database that is away or busy, not the words that are at fault.
    """
    try:
        return _try(words)
    except IntegrityError:
        if len(words) == 1:
            return _try(words)  # another process was first: now it is there
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        if len(words) == 1:
            raise
    each_alone = [_alone(each) for each in words]
    news: dict[int, News] = {}
    for one in each_alone:
        for number, found in one.news.items():
            before = news[number].lines if number in news else []
            news[number] = News([*before, *found.lines], found.marks)
    return Exchange([outcome for one in each_alone for outcome in one.outcomes], news)


def _alone(words: Words) -> Exchange:
    try:
        return exchange(words=[words])
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("chat: a fault of the desk; one message was not stored")
        return Exchange([Refused(TRY_AGAIN)], {})


def _try(words: Sequence[Words]) -> Exchange:
    with visitors.as_before_if_it_fails(*(each.guest for each in words)), transaction.atomic():
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
