"""Reads of the mailroom: what leaves, and pages of rows.

An outgoing mail belongs to a ticket, so agents see only those of the tickets that they may see.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Count, Exists, Model, OuterRef, QuerySet

from helpdesk.models import Agent, Channel, Delivery, Message
from helpdesk.models.transport import DeliveryState

PAGE = 50

#: Filters of the outgoing page, by their word in the address.
OUTGOING_FILTERS: dict[str, tuple[DeliveryState, ...]] = {
    "waiting": (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.RETRY),
    "held": (DeliveryState.HELD,),
    "failed": (DeliveryState.FAILED, DeliveryState.UNKNOWN),
    "sent": (DeliveryState.SENT,),
    "discarded": (DeliveryState.CANCELLED,),
}

_Row = TypeVar("_Row", bound=Model)
_Shown = TypeVar("_Shown")


@dataclass(frozen=True)
class Page(Generic[_Shown]):
    """One page of rows, newest first. ``newer`` and ``older`` are the keys to ask for the next ones, None at an end."""

    rows: Sequence[_Shown]
    newer: int | None
    older: int | None


@dataclass(frozen=True)
class Key:
    """Where a page begins: rows older than ``before``, or the ones just newer than ``after``; neither: the newest."""

    before: int | None = None
    after: int | None = None


def outgoing(*, agent: Agent, only: str = "", key: Key | None = None, size: int = PAGE) -> Page[Delivery]:
    """The outgoing mails that ``agent`` may see; ``only`` is a word of OUTGOING_FILTERS or empty for all.

    The finished bytes of each mail stay in the database: a page of fifty would otherwise read megabytes.
    """
    rows = _visible_deliveries(agent).defer("mime").select_related("channel", "message__ticket", "message__agent")
    if only in OUTGOING_FILTERS:
        rows = rows.filter(state__in=OUTGOING_FILTERS[only])
    return page_of(rows, key=key or Key(), size=size)


def outgoing_counts(*, agent: Agent) -> dict[str, int]:
    """How many mails stand still, for each filter that asks somebody to act: held, failed, waiting."""
    stuck = [state for name in ("waiting", "held", "failed") for state in OUTGOING_FILTERS[name]]
    by_state = dict(
        _visible_deliveries(agent).filter(state__in=stuck).order_by().values_list("state").annotate(number=Count("id"))
    )
    return {
        name: sum(by_state.get(state, 0) for state in OUTGOING_FILTERS[name]) for name in ("waiting", "held", "failed")
    }


def held(*, agent: Agent, channel: Channel | None = None) -> QuerySet[Delivery]:
    """The mails that a breaker has held back and that ``agent`` may see, of one channel or of all."""
    rows = _visible_deliveries(agent).filter(state=DeliveryState.HELD)
    return rows.filter(channel=channel) if channel else rows


def held_by_channel(*, agent: Agent) -> dict[int, int]:
    """How many such mails there are, by the id of their channel."""
    return dict(held(agent=agent).order_by().values_list("channel_id").annotate(number=Count("id")))


def delivery_for(*, agent: Agent, delivery_id: int) -> Delivery:
    """One outgoing mail with its bytes; raises Delivery.DoesNotExist when the agent may not see its ticket."""
    return _visible_deliveries(agent).select_related("channel", "message__ticket", "message__agent").get(pk=delivery_id)


def _visible_deliveries(agent: Agent) -> QuerySet[Delivery]:
    if agent.is_admin:
        return Delivery.objects.all()
    teams = list(agent.memberships.values_list("team_id", flat=True))
    # Asked of each row as it comes, newest first. As a join, SQLite collects all mails of these teams and sorts them.
    return Delivery.objects.filter(Exists(Message.objects.filter(pk=OuterRef("message_id"), ticket__team__in=teams)))


def page_of(rows: QuerySet[_Row], *, key: Key, size: int = PAGE) -> Page[_Row]:
    """Keyset paging over the id: page ten thousand costs what page one costs."""
    if key.after is not None:
        found = list(rows.filter(pk__gt=key.after).order_by("pk")[: size + 1])
        has_newer, shown = len(found) > size, list(reversed(found[:size]))
        return _between(shown, has_newer=has_newer, has_older=True)
    if key.before is not None:
        rows = rows.filter(pk__lt=key.before)
    found = list(rows.order_by("-pk")[: size + 1])
    return _between(found[:size], has_newer=key.before is not None, has_older=len(found) > size)


def _between(shown: Sequence[_Row], *, has_newer: bool, has_older: bool) -> Page[_Row]:
    keys = _ids(shown)
    return Page(
        rows=shown,
        newer=keys[0] if keys and has_newer else None,
        older=keys[-1] if keys and has_older else None,
    )


def _ids(rows: Iterable[Model]) -> list[int]:
    return [row.pk for row in rows]
