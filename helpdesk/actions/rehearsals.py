"""Rehearsals: asked for, claimed, carried on batch by batch, cancelled, forgotten. Only their own rows are written.

Guarantee: one worker at a time (a lease); changes, counts and cursor of a batch are committed together and only if
nobody else has carried on meanwhile, so what is counted is counted once, whatever is killed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from helpdesk import live
from helpdesk.models import Agent, Rehearsal, RehearsedChange
from helpdesk.models.conditions import OneOf
from routing_rules.models import RuleVersion, current_number
from routing_rules.rehearsal import Change

SPANS = (7, 30, 90)
LEASE = timedelta(minutes=1)
#: A worker that died so often without getting further isn't followed by another.
MAX_ATTEMPTS = 3
KEPT = timedelta(days=7)

_State = Rehearsal.State
_OPEN = OneOf("state", (_State.WAITING, _State.WORKING))
_TITLE, _VALUE = (
    Rehearsal._meta.get_field("title").max_length,
    RehearsedChange._meta.get_field("after").max_length,
)


@dataclass(frozen=True, slots=True)
class Span:
    """The decisions that a rehearsal looks at, as they stand when it begins."""

    before: int
    last: int
    decisions: int
    tickets: int


@dataclass(frozen=True, slots=True)
class Differing:
    """A decision that would have come out otherwise."""

    decision_id: int
    ticket_id: int
    changes: tuple[Change, ...]


@transaction.atomic
def request(
    *, rules: Sequence[Mapping[str, Any]], title: str, days: int, by: Agent, at: datetime | None = None
) -> Rehearsal:
    """Ask for ``rules`` (as RuleVersion.rules) to be held against today's over the last ``days`` days.

    Asked twice for the same while it runs, there is one.
    """
    at = at or timezone.now()
    base = current_number()
    wanted = _numbered(rules, base)
    running = Rehearsal.objects.filter(_OPEN, agent=by, base_version=base, days=days).order_by("-id")
    same = next((row for row in running if row.rules == wanted), None)
    if same is not None:
        return same
    rehearsal = Rehearsal.objects.create(
        title=title[:_TITLE],
        agent=by,
        rules=wanted,
        base_version=base,
        days=days,
        since=at - timedelta(days=days),
        until=at,
        created_at=at,
    )
    live.wake(live.REHEARSALS)
    return rehearsal


def _numbered(rules: Sequence[Mapping[str, Any]], base: int) -> list[dict[str, Any]]:
    """The rules with an id each: of the rule of today that they are (by uid), else one that nobody has."""
    today = RuleVersion.objects.filter(number=base).values_list("rules", flat=True).first() or []
    ids = {data["uid"]: data["id"] for data in today}
    taken: set[int] = set()
    numbered = []
    for place, data in enumerate(rules):
        number = ids.get(str(data.get("uid", ""))) or data.get("id") or -place - 1
        number = -place - 1 if number in taken else number
        taken.add(number)
        numbered.append({**data, "id": number})
    return numbered


def cancel(*, rehearsal: Rehearsal, at: datetime | None = None) -> None:
    """End it where it is; what was found so far stays."""
    Rehearsal.objects.filter(_OPEN, pk=rehearsal.pk).update(
        state=_State.CANCELLED, lease_until=None, finished_at=at or timezone.now()
    )


def claim(*, now: datetime) -> Rehearsal | None:
    """Take the oldest that nobody works on, under a lease. One whose workers died again and again has failed."""
    with transaction.atomic():
        due = Q(state=_State.WAITING) | Q(state=_State.WORKING, lease_until__lt=now)
        rows = Rehearsal.objects.filter(_OPEN, due).order_by("id")
        if connection.vendor == "postgresql":
            rows = rows.select_for_update(skip_locked=True)
        # SQLite transactions begin IMMEDIATE, so nobody else can claim between these two statements.
        row = rows.first()
        if row is None:
            return None
        row.attempts += 1
        row.state, row.lease_until = _State.WORKING, now + LEASE
        if row.attempts > MAX_ATTEMPTS:
            row.error, row.state = "The worker ended three times while it worked on this.", _State.FAILED
            row.lease_until, row.finished_at = None, now
        row.save(update_fields=["attempts", "state", "lease_until", "error", "finished_at"])
    return row if row.state == _State.WORKING else None


def begin(*, rehearsal: Rehearsal, span: Span, now: datetime) -> bool:
    """Note what there is to look at, from its beginning; False when somebody else has taken or ended it."""
    with transaction.atomic():
        values = {
            "cursor": span.before,
            "last": span.last,
            "total": span.decisions,
            "done": 0,
            "tickets": span.tickets,
            "lease_until": now + LEASE,
        }
        is_ours = bool(_mine(rehearsal).update(**values))
        if is_ours:
            RehearsedChange.objects.filter(rehearsal=rehearsal).delete()
    for name, value in values.items():
        setattr(rehearsal, name, value)
    return is_ours


def carry_on(*, rehearsal: Rehearsal, cursor: int, done: int, found: Sequence[Differing], now: datetime) -> bool:
    """Write what a batch of ``done`` decisions up to ``cursor`` brought; False when it is somebody else's, or over."""
    with transaction.atomic():
        values = {"cursor": cursor, "done": F("done") + done, "lease_until": now + LEASE, "attempts": 0}
        if not _mine(rehearsal).update(**values):
            return False
        RehearsedChange.objects.bulk_create(
            RehearsedChange(
                rehearsal=rehearsal,
                ticket_id=each.ticket_id,
                decision_id=each.decision_id,
                kind=change.kind,
                before=change.before[:_VALUE],
                after=change.after[:_VALUE],
                is_unknown=change.is_unknown,
            )
            for each in found
            for change in each.changes
        )
    rehearsal.cursor, rehearsal.done = cursor, rehearsal.done + done
    return True


def finish(*, rehearsal: Rehearsal, now: datetime) -> None:
    """It has seen everything."""
    _mine(rehearsal).update(state=_State.DONE, lease_until=None, finished_at=now, done=F("total"))


def fail(*, rehearsal: Rehearsal, error: str, now: datetime) -> None:
    """It can't be carried out; trying again would not help."""
    _mine(rehearsal).update(state=_State.FAILED, error=error[:300], lease_until=None, finished_at=now)


def give_back(*, rehearsal: Rehearsal) -> None:
    """The worker ends in order: the next one goes on at once."""
    _mine(rehearsal).update(state=_State.WAITING, lease_until=None, attempts=0)


def sweep(*, now: datetime) -> int:
    """Forget rehearsals that have been over for some days; how many."""
    return Rehearsal.objects.filter(finished_at__lt=now - KEPT).delete()[0]


def _mine(rehearsal: Rehearsal) -> Any:
    """The row, as long as nobody else has carried on with it and nobody has ended it."""
    return Rehearsal.objects.filter(pk=rehearsal.pk, state=_State.WORKING, cursor=rehearsal.cursor)
