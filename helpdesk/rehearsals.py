"""The loop that tries rules on the past (docs/adr/0020): rows of Rehearsal are its queue.

Guarantee: no ticket can change. Decisions are read and compared while the database refuses every write of this thread;
between two batches only the rehearsal's own rows are written. A kill costs the batch that was at work.
"""

import logging
import threading
from collections.abc import Sequence

from django.db import close_old_connections
from django.utils import timezone

from helpdesk import live
from helpdesk.actions import rehearsals
from helpdesk.actions.rehearsals import Differing, Span
from helpdesk.models import Rehearsal
from helpdesk.queries.rehearsals import comparison_of
from helpdesk.queries.replay import Stored, batch_after, extent_of, reading_only
from routing_rules.models import RuleVersion
from routing_rules.rehearsal import Comparison, Turns

log = logging.getLogger(__name__)

BATCH = 500
POLL_SECONDS = 5.0


def run(stop: threading.Event) -> None:
    """Carry out what is asked for until ``stop``: at once when woken, and every few seconds as a safety net."""
    called = live.bell(live.REHEARSALS)
    while not stop.is_set():
        called.clear()
        if not work_once(stop):
            close_old_connections()  # on PostgreSQL back into the pool, and a broken one is replaced
            called.wait(POLL_SECONDS)


def work_once(stop: threading.Event) -> bool:
    """Carry out one rehearsal, unless ``stop`` is set in between; whether there was one."""
    rehearsal = rehearsals.claim(now=timezone.now())
    if rehearsal is None:
        return False
    try:
        replay = Replay.of(rehearsal)
    except RuleVersion.DoesNotExist:
        rehearsals.fail(rehearsal=rehearsal, error="The rules to compare with are gone.", now=timezone.now())
        return True
    replay.carry_out(stop)
    return True


class Replay:
    """One rehearsal at work."""

    def __init__(self, rehearsal: Rehearsal, comparison: Comparison, *, has_body: bool) -> None:
        self._rehearsal = rehearsal
        self._comparison = comparison
        self._has_body = has_body
        self._turns: dict[int, Turns] = {}

    @classmethod
    def of(cls, rehearsal: Rehearsal) -> "Replay":
        """Compile both rule sets. Raises RuleVersion.DoesNotExist."""
        comparison = comparison_of(rehearsal)
        return cls(rehearsal, comparison, has_body="body" in comparison.fields)

    def carry_out(self, stop: threading.Event) -> None:
        """Go on where it was left. With rules of one turn a ticket it starts anew: whose turn it was isn't stored."""
        rehearsal = self._rehearsal
        is_new = rehearsal.last is None
        if (is_new or self._comparison.has_turns) and not self._begin():
            return
        last = rehearsal.last or 0
        while rehearsal.cursor < last:
            if stop.is_set():
                rehearsals.give_back(rehearsal=rehearsal)
                return
            if not self._batch(last):
                return
        rehearsals.finish(rehearsal=rehearsal, now=timezone.now())

    def _begin(self) -> bool:
        rehearsal = self._rehearsal
        with reading_only():
            found = extent_of(since=rehearsal.since, until=rehearsal.until)
        span = Span(max(found.first - 1, 0), found.last, found.decisions, found.tickets)
        return rehearsals.begin(rehearsal=rehearsal, span=span, now=timezone.now())

    def _batch(self, last: int) -> bool:
        rehearsal = self._rehearsal
        with reading_only():
            stored, cursor = batch_after(
                rehearsal.cursor,
                last=last,
                since=rehearsal.since,
                until=rehearsal.until,
                limit=BATCH,
                has_body=self._has_body,
            )
            found = self.compare(stored)
        return rehearsals.carry_on(
            rehearsal=rehearsal, cursor=cursor, done=len(stored), found=found, now=timezone.now()
        )

    def compare(self, stored: Sequence[Stored]) -> list[Differing]:
        """Those of the decisions that would have come out otherwise."""
        found = []
        for each in stored:
            turns = None
            if self._comparison.has_turns:
                turns = self._turns.setdefault(each.ticket_id, Turns(set(each.spent), set(each.spent)))
            changes = self._comparison.changes(facts=each.facts, now=each.at, turns=turns, spent=each.spent)
            if changes:
                found.append(Differing(each.id, each.ticket_id, changes))
        return found
