"""Tickets by what was said in them, who wrote, what the files are called, or by their reference. Newest first.

Permission is part of the fetch twice: each document carries the team of its ticket, so an agent of a small team finds
everything there is however common the word; and the tickets are fetched through ``visible_to``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Left

from helpdesk import references
from helpdesk.models import Agent, Message, Ticket
from helpdesk.queries.highlights import Span, window
from helpdesk.queries.inbox import key_of, key_text
from helpdesk.queries.search_index import Place, search_index
from helpdesk.queries.search_query import SearchQuery, understand
from helpdesk.queries.search_terms import places
from helpdesk.queries.tickets import teams_of, visible_to

#: "1000+" rather than a count that costs as much as reading everything.
COUNT_CAP = 1_000
#: How many messages are looked through for tickets in a certain state or of a certain owner before we say so and stop.
REACH = 8_000
_CHUNK = 1_000
_EXCERPT_LETTERS = 180
_READ_LETTERS = 20_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A ticket, with its newest message that matches (None for a reference, or when only filters were given)."""

    ticket: Ticket
    message_id: int | None
    excerpt: tuple[Span, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """``before`` leads to the next page, empty at the end. ``count`` of tickets: on the first page, without filters.

    ``is_cut_short``: more may lie further back than the search looks for tickets in one state or of one owner.
    """

    hits: tuple[Hit, ...]
    has_more: bool = False
    before: str = ""
    count: int | None = None
    is_count_capped: bool = False
    is_cut_short: bool = False


def search(*, agent: Agent, query: str, limit: int = 25, before: str = "") -> Page:
    """One page of tickets that ``agent`` may see; ``before`` is the mark that the page before gave."""
    number = references.ticket_id(query, prefix=settings.REFERENCE_PREFIX)
    if number is not None:
        tickets = _with_people(visible_to(agent)).filter(pk=number)
        return Page(hits=tuple(Hit(ticket, None, (), ticket.created_at) for ticket in tickets), count=len(tickets))
    wanted = understand(query)
    teams = _teams(agent, wanted)
    if wanted.is_empty or wanted.is_contradictory or teams == []:
        return Page(hits=(), count=0)
    if not wanted.sought:
        return _filtered(agent, wanted, teams, limit=limit, before=before)
    return _worded(agent, wanted, teams, limit=limit, before=_number(before))


@dataclass(frozen=True, slots=True)
class Found:
    """Of some tickets those that a query finds, and the newest message of each that it was found by."""

    tickets: QuerySet[Ticket]
    messages: dict[int, int]
    wanted: SearchQuery
    is_cut_short: bool = False


def found_among(tickets: QuerySet[Ticket], *, agent: Agent, query: str) -> Found:
    """Those of ``tickets`` that ``query`` finds, which may be those of one customer; the caller has seen to permission.

    One statement, and it costs as much as these tickets have messages, however common the words are elsewhere.
    """
    wanted = understand(query)
    number = references.ticket_id(query, prefix=settings.REFERENCE_PREFIX)
    if number is not None:
        return Found(tickets.filter(pk=number), {}, wanted)
    if wanted.is_contradictory:
        return Found(tickets.none(), {}, wanted)
    tickets = _in_filters(tickets, agent, wanted)
    if not wanted.sought:
        return Found(tickets, {}, wanted)
    places = search_index().within(wanted.sought, tickets=tickets, limit=COUNT_CAP)
    newest = _first_of_each(places, known={})
    return Found(tickets.filter(pk__in=newest), newest, wanted, is_cut_short=len(places) >= COUNT_CAP)


def excerpts_of(found: Found, tickets: Sequence[int]) -> dict[int, tuple[Span, ...]]:
    """What stands around the words, by the id of the ticket; of those that were found by words."""
    by_message = {found.messages[ticket]: ticket for ticket in tickets if ticket in found.messages}
    texts = Message.objects.filter(pk__in=by_message).order_by()
    columns = ("pk", "language", Left("new_text", _READ_LETTERS), Left("text", _READ_LETTERS))
    return {
        by_message[number]: _excerpt(new or whole, language, found.wanted)
        for number, language, new, whole in texts.values_list(*columns)
    }


def _worded(agent: Agent, wanted: SearchQuery, teams: list[int] | None, *, limit: int, before: int | None) -> Page:
    index = search_index()
    found: dict[int, int] = {}
    count, is_capped = None, False
    at, reach, step = before, REACH, _CHUNK if wanted.has_filters else limit * 3
    is_exhausted = False
    while len(found) <= limit and reach > 0 and not is_exhausted:
        if at is None and not wanted.has_filters:
            some, count, is_capped = index.first(wanted.sought, teams=teams, limit=step, cap=COUNT_CAP)
        else:
            some = index.newest(wanted.sought, teams=teams, before=at, limit=step)
        is_exhausted = len(some) < step
        new = _first_of_each(some, known=found)
        if new and before is not None:
            new = _not_on_earlier_pages(new, wanted, before=before)
        found |= _visible(agent, wanted, new)
        at, reach, step = (some[-1][0] if some else at), reach - len(some), _CHUNK
    shown = dict(list(found.items())[:limit])
    return Page(
        hits=_hits(agent, shown, wanted) if shown else (),
        has_more=len(found) > limit,
        before=str(list(shown.values())[-1]) if len(found) > limit else "",
        count=count,
        is_count_capped=is_capped,
        is_cut_short=len(found) <= limit and not is_exhausted,
    )


def _first_of_each(some: Sequence[Place], *, known: dict[int, int]) -> dict[int, int]:
    """Ticket id to its newest message of these, without tickets that are known."""
    new: dict[int, int] = {}
    for message_id, ticket_id in some:
        if ticket_id not in known:
            new.setdefault(ticket_id, message_id)
    return new


def _not_on_earlier_pages(new: dict[int, int], wanted: SearchQuery, *, before: int) -> dict[int, int]:
    """Without tickets that an earlier page has shown for a newer message."""
    newer = dict(Message.objects.filter(ticket__in=new, id__gte=before).order_by().values_list("id", "ticket"))
    shown = {newer[message_id] for message_id in search_index().among(wanted.sought, message_ids=list(newer))}
    return {ticket_id: message_id for ticket_id, message_id in new.items() if ticket_id not in shown}


def _visible(agent: Agent, wanted: SearchQuery, new: dict[int, int]) -> dict[int, int]:
    if not new:
        return {}
    allowed = set(_in_filters(visible_to(agent), agent, wanted).filter(pk__in=new).values_list("pk", flat=True))
    return {ticket_id: message_id for ticket_id, message_id in new.items() if ticket_id in allowed}


def _hits(agent: Agent, shown: dict[int, int], wanted: SearchQuery) -> tuple[Hit, ...]:
    tickets = _with_people(visible_to(agent)).in_bulk(list(shown))
    messages = {
        message_id: (_excerpt(new or whole, language, wanted), at)
        for message_id, at, language, new, whole in Message.objects.filter(pk__in=shown.values())
        .order_by()
        .values_list("pk", "created_at", "language", Left("new_text", _READ_LETTERS), Left("text", _READ_LETTERS))
    }
    return tuple(
        Hit(tickets[ticket_id], message_id, *messages[message_id])
        for ticket_id, message_id in shown.items()
        if ticket_id in tickets and message_id in messages
    )


def _excerpt(text: str, language: str, wanted: SearchQuery) -> tuple[Span, ...]:
    line = " ".join(text.split())
    terms, beginnings = wanted.terms(), wanted.beginnings()
    hits: list[tuple[int, int]] = []
    for begin, end, term in places(line, language):
        if hits and begin > hits[0][0] + _EXCERPT_LETTERS:
            break
        if term in terms or (beginnings and term.startswith(beginnings)):
            hits.append((begin, end))
    return window(line, hits, letters=_EXCERPT_LETTERS)


def _filtered(agent: Agent, wanted: SearchQuery, teams: list[int] | None, *, limit: int, before: str) -> Page:
    """No words, only filters: tickets in the order of the inbox.

    Each team and state has its own stretch of an index in that order; reading the first rows of each and merging them
    costs the same at any size, which one query over all of them does not.
    """
    tickets = _in_filters(visible_to(agent), agent, wanted)
    if key := key_of(before):
        tickets = tickets.filter(last_activity_at__lte=key[0]).exclude(last_activity_at=key[0], pk__gte=key[1])
    stretches: list[tuple[datetime, int]] = []
    states: list[str | None] = [*sorted(wanted.states)] or [None]
    for team in teams if teams is not None else teams_of(agent).values_list("pk", flat=True):
        for state in states:
            stretch = tickets.filter(team=team) if state is None else tickets.filter(team=team, state=state)
            rows = stretch.order_by("-last_activity_at", "-pk").values_list("last_activity_at", "pk")
            stretches += rows[: limit + 1]
    newest = sorted(stretches, reverse=True)[: limit + 1]
    loaded = _with_people(visible_to(agent)).in_bulk([number for _at, number in newest[:limit]])
    hits = tuple(
        Hit(ticket, None, (Span(ticket.preview, is_hit=False),), at)
        for at, number in newest[:limit]
        if (ticket := loaded.get(number))
    )
    mark = key_text(*newest[limit - 1]) if len(newest) > limit else ""
    return Page(hits=hits, has_more=bool(mark), before=mark)


def _teams(agent: Agent, wanted: SearchQuery) -> list[int] | None:
    """Ids of the teams to look in; None: all there are, for an admin."""
    if agent.is_admin and not wanted.teams:
        return None
    teams = list(teams_of(agent))
    for name in wanted.teams:
        teams = [team for team in teams if name in {team.slug.lower(), team.name.lower()}]
    return [team.pk for team in teams]


def _in_filters(tickets: QuerySet[Ticket], agent: Agent, wanted: SearchQuery) -> QuerySet[Ticket]:
    if wanted.states:
        tickets = tickets.filter(state__in=sorted(wanted.states))
    if wanted.is_unassigned:
        tickets = tickets.filter(owner=None)
    for name in wanted.owners:
        mine = Q(owner=agent)
        named = Q(owner__name__istartswith=name) | Q(owner__email=name)
        tickets = tickets.filter(mine if name in {"me", "minä"} else named)
    return tickets


def _with_people(tickets: QuerySet[Ticket]) -> QuerySet[Ticket]:
    return tickets.select_related("contact", "team", "owner", "channel")


def _number(mark: str) -> int | None:
    return int(mark) if mark.isascii() and mark.isdigit() and len(mark) <= 18 else None
