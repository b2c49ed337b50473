"""Lists of promises, page by page: the first due first, of the settled ones the last settled first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q, QuerySet

from helpdesk.models import Agent, Promise, PromiseState
from helpdesk.queries.inbox import key_of, key_text
from helpdesk.queries.promises import promises_of

PAGE = 50
OVERDUE, OPEN, MINE, SETTLED = "overdue", "open", "mine", "settled"


@dataclass(frozen=True, slots=True)
class PromisePage:
    """``older`` is the key of the page after this one, empty at the end."""

    rows: Sequence[Promise]
    older: str


def page(*, agent: Agent, which: str, now: datetime, after: str = "", limit: int = PAGE) -> PromisePage:
    """``limit`` promises that ``agent`` may see: OVERDUE, still to come (OPEN), their own open ones (MINE), SETTLED."""
    rows = promises_of(agent).select_related("ticket__contact", "ticket__team", "contact", "owner")
    rows = _chosen(rows, which, agent, now)
    column = "settled_at" if which == SETTLED else "due_at"
    if (key := key_of(after)) is not None:
        moment, number = key
        later = Q(**{f"{column}__lt": moment}) if which == SETTLED else Q(**{f"{column}__gt": moment})
        twin = Q(pk__lt=number) if which == SETTLED else Q(pk__gt=number)
        rows = rows.filter(later | (Q(**{column: moment}) & twin))
    order = (F(column).desc(), F("pk").desc()) if which == SETTLED else (F(column).asc(), F("pk").asc())
    found = list(rows.order_by(*order)[: limit + 1])
    last = found[limit - 1] if len(found) > limit else None
    return PromisePage(found[:limit], key_text(getattr(last, column), last.pk) if last is not None else "")


def _chosen(rows: QuerySet[Promise], which: str, agent: Agent, now: datetime) -> QuerySet[Promise]:
    if which == SETTLED:
        return rows.exclude(state=PromiseState.OPEN)
    rows = rows.filter(state=PromiseState.OPEN)
    if which == MINE:
        return rows.filter(owner=agent)
    return rows.filter(due_at__lte=now) if which == OVERDUE else rows.filter(due_at__gt=now)
