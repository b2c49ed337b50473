"""What happened with a customer or an organisation, newest first: tickets of every channel, and what else there is.

A fixed number of queries a page, whatever there is: each source gives its newest rows beyond the key, and they are
merged. Tickets, and promises made in them, are those that the agent may see; what agents wrote down about a person,
what the person allows, and what other systems tell of them, every agent sees.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q

from helpdesk import references
from helpdesk.models import ACTIVE_STATES, Agent, State
from helpdesk.queries.highlights import Span
from helpdesk.queries.inbox import key_of, key_text
from helpdesk.queries.search import Found, excerpts_of, found_among
from helpdesk.queries.timeline_sources import SOURCES, RowItem, Whose

PAGE = 30
#: What may be shown alone, by its word in the address; every other source has its own.
EVERYTHING, TICKETS, OPEN, RATED = "", "tickets", "open", "rated"
FILTERS = (EVERYTHING, TICKETS, OPEN, RATED, *(source.only for source in SOURCES))
_TICKET_FILTERS = frozenset({EVERYTHING, TICKETS, OPEN, RATED})


@dataclass(frozen=True, slots=True)
class TicketItem:
    """A ticket, at its newest message. ``score`` is the rating from 1 to 5, None for none."""

    id: int
    at: datetime
    reference: str
    subject: str
    excerpt: tuple[Span, ...]
    state: str
    channel_kind: str
    channel_name: str
    contact_name: str
    team_name: str
    owner_name: str
    opened_at: datetime
    score: int | None
    comment: str
    kind: str = "ticket"

    @property
    def state_label(self) -> str:
        return str(State(self.state).label)


Item = TicketItem | RowItem
#: Rows of the same moment stand in this order.
_ORDER = ("ticket", *(source.kind for source in SOURCES))


@dataclass(frozen=True, slots=True)
class Page:
    """``older`` is the key of the next page, empty at the end. ``is_cut_short``: older messages were not searched."""

    items: tuple[Item, ...]
    older: str = ""
    is_cut_short: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asked for; every field may be empty. ``channel`` is a kind of channel."""

    only: str = EVERYTHING
    channel: str = ""
    query: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class _Key:
    at: datetime
    place: int
    number: int

    @classmethod
    def of(cls, text: str) -> "_Key | None":
        kind, _dot, rest = text.partition(".")
        found = key_of(rest)
        return cls(found[0], _ORDER.index(kind), found[1]) if found and kind in _ORDER else None

    def after(self, kind: str, *, field: str) -> Q:
        """Rows of ``kind`` that stand after this key; ``field`` holds their time."""
        same = Q(**{field: self.at})
        place = _ORDER.index(kind)
        if place < self.place:
            same = Q(pk__in=[])
        elif place == self.place:
            same &= Q(pk__lt=self.number)
        # The first part says nothing new; by it an index on the time is used.
        return Q(**{f"{field}__lte": self.at}) & (Q(**{f"{field}__lt": self.at}) | same)


def page(*, agent: Agent, whose: Whose, wanted: Wanted, limit: int = PAGE) -> Page:
    """One page of what happened."""
    key = _Key.of(wanted.before)
    only = wanted.only if wanted.only in FILTERS else EVERYTHING
    found = found_among(whose.tickets(agent), agent=agent, query=wanted.query) if wanted.query else None
    items: list[Item] = []
    if only in _TICKET_FILTERS:
        items += _tickets(agent, whose, wanted, only, key, limit + 1, found)
    for source in SOURCES:
        if only in {EVERYTHING, source.only} and not wanted.channel:
            after = key.after(source.kind, field=source.time) if key is not None else Q()
            items += source.items(agent, whose, wanted.query, after, limit + 1)
    items = sorted(items, key=_place)[: limit + 1]
    last = items[limit - 1] if len(items) > limit else None
    return Page(
        items=tuple(items[:limit]),
        older=f"{last.kind}.{key_text(last.at, last.id)}" if last else "",
        is_cut_short=found is not None and found.is_cut_short,
    )


def channel_kinds(*, agent: Agent, whose: Whose) -> list[str]:
    """The kinds of channel that they have used."""
    kinds = whose.tickets(agent).order_by().values_list("channel__kind", flat=True).distinct()
    return sorted(kinds)


def _place(item: Item) -> tuple[float, int, int]:
    return -item.at.timestamp(), _ORDER.index(item.kind), -item.id


_COLUMNS = (
    "id", "last_activity_at", "subject", "preview", "state", "channel__kind", "channel__name", "contact__name",
    "team__name", "owner__name", "created_at", "rating__score", "rating__comment",
)  # fmt: skip


def _tickets(
    agent: Agent, whose: Whose, wanted: Wanted, only: str, key: _Key | None, limit: int, found: Found | None
) -> list[Item]:
    rows = found.tickets if found is not None else whose.tickets(agent)
    if only == OPEN:
        rows = rows.filter(state__in=ACTIVE_STATES)
    if only == RATED:
        rows = rows.filter(rating__isnull=False)
    if wanted.channel:
        rows = rows.filter(channel__kind=wanted.channel)
    if key is not None:
        rows = rows.filter(key.after("ticket", field="last_activity_at"))
    values = list(rows.order_by("-last_activity_at", "-id").values_list(*_COLUMNS)[:limit])
    shown = excerpts_of(found, [row[0] for row in values]) if found is not None else {}
    return [_ticket(row, shown) for row in values]


def _ticket(row: Any, shown: Mapping[int, tuple[Span, ...]]) -> TicketItem:
    number, at, subject, preview, state, kind, channel, contact, team, owner, opened_at, score, comment = row
    return TicketItem(
        id=number,
        at=at,
        reference=references.reference_of(number, prefix=settings.REFERENCE_PREFIX),
        subject=subject,
        excerpt=shown.get(number) or (Span(preview, is_hit=False),),
        state=state,
        channel_kind=kind,
        channel_name=channel,
        contact_name=contact or "",
        team_name=team,
        owner_name=owner or "",
        opened_at=opened_at,
        score=score,
        comment=comment or "",
    )
