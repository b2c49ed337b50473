"""Pages of the inbox: one to three short queries a page, and their cost doesn't grow with the number of tickets.

Every view reads the first rows of an index that is in the list's order (newest activity first, or first due first). A
view over several teams reads the first rows of each team's stretch of the index and merges them: one condition ``team
IN (…)`` would make the database sort everything these teams ever had. Paging is by key ("after this row"), so the
hundredth page costs as much as the first, and a row that moves meanwhile is neither doubled nor lost.
"""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import BooleanField, F, FilteredRelation, Func, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from helpdesk import references
from helpdesk.models import ACTIVE_STATES, Agent, Priority, State, Ticket
from helpdesk.queries.tickets import teams_of, visible_to

PAGE = 50
_COMPOUND = 100
#: Lists in the order of something that is to come, the first first; all others are in that of the newest activity.
_COMING = {"due": "due_at", "overdue": "due_at", "snoozed": "snoozed_until"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class View(enum.StrEnum):
    """The views of the rail; the value is their place in the address."""

    MINE = "mine"
    TEAMS = "teams"
    UNASSIGNED = "unassigned"
    ALL = "all"

    @property
    def label(self) -> str:
        return str(_LABELS[self])


_LABELS = {View.MINE: _("Mine"), View.TEAMS: _("My teams"), View.UNASSIGNED: _("Unassigned"), View.ALL: _("All")}

#: What the view's state tab may say: all that still has work, one state, or everything.
ACTIVE, EVERY = "active", "every"
#: Those on which a service clock runs, the most pressing first; and of these the ones that have missed their target.
DUE, OVERDUE = "due", "overdue"
#: Those that wait for a time, the first to come back first. They are in no other working list.
SNOOZED = "snoozed"
STATE_CHOICES: tuple[str, ...] = (ACTIVE, SNOOZED, DUE, OVERDUE, *State.values, EVERY)


@dataclass(frozen=True, slots=True)
class Row:
    """One ticket as a list shows it."""

    id: int
    reference: str
    subject: str
    preview: str
    state: str
    priority: int
    channel_kind: str
    contact_name: str
    team_name: str
    owner_name: str
    owner_portrait: str
    last_activity_at: datetime
    is_unread: bool
    due_at: datetime | None = None
    snoozed_until: datetime | None = None

    @property
    def state_label(self) -> str:
        return str(State(self.state).label)

    @property
    def priority_label(self) -> str:
        return str(Priority(self.priority).label)

    def key(self, state: str) -> str:
        """Where the next page of a list in ``state`` begins, when this is the last row of one."""
        coming = getattr(self, _COMING[state]) if state in _COMING else None
        return key_text(coming or self.last_activity_at, self.id)


@dataclass(frozen=True, slots=True)
class Page:
    """``older`` is the key of the page after this one, empty at the end."""

    rows: tuple[Row, ...]
    older: str


_COLUMNS = (
    "id", "subject", "preview", "state", "priority", "channel__kind", "contact__name", "team__name", "owner__name",
    "owner__portrait", "last_activity_at", "message_cursor", "reading__cursor", "due_at", "snoozed_until",
)  # fmt: skip


def page(*, agent: Agent, view: View, state: str = ACTIVE, after: str = "", limit: int = PAGE) -> Page:
    """``limit`` tickets of ``view`` in ``state`` (one of STATE_CHOICES) from key ``after`` on.

    Newest first; DUE, OVERDUE and SNOOZED the first to come first.
    """
    rows = _ordered(_selected(agent, view, state, key_of(after), limit + 1), state).alias(
        reading=FilteredRelation("readings", condition=Q(readings__agent=agent))
    )
    found = [_row(*values) for values in rows.values_list(*_COLUMNS)[: limit + 1]]
    return Page(rows=tuple(found[:limit]), older=found[limit - 1].key(state) if len(found) > limit else "")


def rows_of(*, agent: Agent, tickets: QuerySet[Ticket], limit: int) -> tuple[Row, ...]:
    """The newest ``limit`` of ``tickets`` as rows, for lists outside the inbox. The caller has seen to permission."""
    rows = _ordered(tickets, EVERY).alias(reading=FilteredRelation("readings", condition=Q(readings__agent=agent)))
    return tuple(_row(*values) for values in rows.values_list(*_COLUMNS)[:limit])


def row_of(ticket: Ticket, *, at: datetime) -> Row:
    """A ticket that is loaded with its people, as a row that stands for the time ``at``; unread is not told."""
    return Row(
        id=ticket.pk,
        reference=ticket.reference,
        subject=ticket.subject,
        preview=ticket.preview,
        state=ticket.state,
        priority=ticket.priority,
        channel_kind=ticket.channel.kind,
        contact_name=str(ticket.contact or ""),
        team_name=ticket.team.name,
        owner_name=str(ticket.owner or ""),
        owner_portrait=(ticket.owner.portrait_id if ticket.owner else None) or "",
        last_activity_at=at,
        is_unread=False,
    )


def key_text(last_activity_at: datetime, number: int) -> str:
    """A place in the order of the inbox, as `key_of` reads it."""
    return f"{(last_activity_at - _EPOCH) // _MICROSECOND}-{number}"


def key_of(text: str) -> tuple[datetime, int] | None:
    """The place that a page's key names; None for an empty or a made-up one."""
    stamp, _dash, number = text.partition("-")
    if not (stamp.isascii() and stamp.isdigit() and number.isascii() and number.isdigit()) or len(text) > 40:
        return None
    try:
        return _EPOCH + int(stamp) * _MICROSECOND, int(number)
    except OverflowError:
        return None


def _selected(agent: Agent, view: View, state: str, after: tuple[datetime, int] | None, limit: int) -> QuerySet[Ticket]:
    if view is View.MINE:
        return _in_state(visible_to(agent).filter(owner=agent), state, after)
    if agent.is_admin and view in {View.ALL, View.TEAMS}:
        return _in_state(Ticket.objects.all(), state, after)
    wanted = _in_state(
        Ticket.objects.filter(owner=None) if view is View.UNASSIGNED else Ticket.objects.all(), state, after
    )
    teams = list(teams_of(agent).values_list("pk", flat=True))
    # Ids first: asked for together with the joins, SQLite begins with a small joined table and reads all from there.
    found = [number for some in _chunks(teams) for number in _first_of_each(wanted, some, state, limit)]
    return Ticket.objects.filter(pk__in=found)


def _first_of_each(wanted: QuerySet[Ticket], teams: Sequence[int], state: str, limit: int) -> QuerySet[Ticket, int]:
    """The ids of the first ``limit`` of ``wanted``, each team's stretch of the index read on its own."""
    stretches = [
        # The slice stands one level down because SQLite takes no LIMIT inside a compound.
        Ticket.objects.filter(pk__in=_ordered(wanted.filter(team=team), state).values("pk")[:limit])
        for team in teams
    ]
    both = stretches[0].union(*stretches[1:], all=True) if len(stretches) > 1 else stretches[0]
    order = (_COMING[state], "id") if state in _COMING else ("-last_activity_at", "-id")
    return both.order_by(*order).values_list("pk", flat=True)[:limit]


def _chunks(teams: Sequence[int]) -> Iterator[Sequence[int]]:
    """SQLite's compounds have at most 500 parts."""
    return (teams[start : start + _COMPOUND] for start in range(0, len(teams), _COMPOUND))


def _in_state(tickets: QuerySet[Ticket], state: str, after: tuple[datetime, int] | None) -> QuerySet[Ticket]:
    if state in _COMING:
        return _coming(tickets, state, after)
    if state == ACTIVE:
        tickets = tickets.filter(_is_active(), snoozed_until=None)
    elif state != EVERY:
        tickets = tickets.filter(state=state, snoozed_until=None)
    if after is None:
        return tickets
    moment, number = after
    # The first condition alone bounds the stretch of the index; the second settles rows of one instant.
    return tickets.filter(last_activity_at__lte=moment).exclude(last_activity_at=moment, id__gte=number)


def _coming(tickets: QuerySet[Ticket], state: str, after: tuple[datetime, int] | None) -> QuerySet[Ticket]:
    column = _COMING[state]
    tickets = tickets.filter(**{f"{column}__isnull": False})  # as the indexes say it
    if state == OVERDUE:
        tickets = tickets.filter(due_at__lte=timezone.now())
    if after is None:
        return tickets
    moment, number = after
    return tickets.filter(**{f"{column}__gte": moment}).exclude(**{column: moment, "id__lte": number})


def _is_active() -> Func:
    """The states written out: SQLite takes a partial index only when the condition has literals, not parameters."""
    states = ", ".join(f"'{state.value}'" for state in ACTIVE_STATES)
    return Func(F("state"), template=f"%(expressions)s IN ({states})", output_field=BooleanField())


def _ordered(tickets: QuerySet[Ticket], state: str) -> QuerySet[Ticket]:
    if state in _COMING:
        return tickets.order_by(F(_COMING[state]).asc(), F("id").asc())
    return tickets.order_by(F("last_activity_at").desc(), F("id").desc())


def _row(
    number: int, subject: str, preview: str, state: str, priority: int, channel_kind: str, contact_name: str | None,
    team_name: str, owner_name: str | None, owner_portrait: str | None, last_activity_at: datetime, message_cursor: int,
    read_cursor: int | None, due_at: datetime | None, snoozed_until: datetime | None,
) -> Row:  # fmt: skip
    return Row(
        id=number,
        reference=references.reference_of(number, prefix=settings.REFERENCE_PREFIX),
        subject=subject,
        preview=preview,
        state=state,
        priority=priority,
        channel_kind=channel_kind,
        contact_name=contact_name or "",
        team_name=team_name,
        owner_name=owner_name or "",
        owner_portrait=owner_portrait or "",
        last_activity_at=last_activity_at,
        is_unread=message_cursor > (read_cursor or 0),
        due_at=due_at,
        snoozed_until=snoozed_until,
    )
