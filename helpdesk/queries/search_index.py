"""The search index by database: how a query is said to it, and which way it is read newest first.

SQLite (FTS5) walks the messages of a word backwards by id, for any word in well under a millisecond. PostgreSQL must
choose: a walk back over all messages is good for common words and hopeless for rare ones, the GIN index the other way
round. It chooses by its own estimate of the number of hits (docs/adr/0007).
"""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from django.db import connection
from django.db.models import QuerySet

from helpdesk.models import Ticket
from helpdesk.queries.search_query import Sought
from helpdesk.queries.search_terms import team_term

#: PostgreSQL walks back by id when it expects more hits than this many times the root of (messages × wanted), where
#: both ways take about as long; and never for fewer than WALK_LEAST, which are gathered at once.
WALK_FACTOR, WALK_LEAST = 1.4, 3_000
#: A walk that has found too little by then was a wrong guess: two words may be common and never meet.
_PATIENCE, _LONGEST_WALK = 6, 20_000
_END = 2**63 - 1
#: (message id, ticket id)
Place = tuple[int, int]


class SearchIndex(Protocol):
    """Finds messages; ``teams`` None means all."""

    def newest(
        self, sought: Sequence[Sought], *, teams: Sequence[int] | None, before: int | None, limit: int
    ) -> list[Place]:
        """At most ``limit`` places with all that is sought, newest message first, older than ``before``."""

    def first(
        self, sought: Sequence[Sought], *, teams: Sequence[int] | None, limit: int, cap: int
    ) -> tuple[list[Place], int, bool]:
        """The newest ``limit`` places; to how many tickets ``cap`` places belong; and whether there may be more."""

    def among(self, sought: Sequence[Sought], *, message_ids: Sequence[int]) -> set[int]:
        """Which of these messages have all that is sought."""

    def within(self, sought: Sequence[Sought], *, tickets: QuerySet[Ticket], limit: int) -> list[Place]:
        """At most ``limit`` places in ``tickets``, newest message first; it costs as much as these have messages."""


def search_index() -> SearchIndex:
    """The index of the database in use."""
    return _Postgres() if connection.vendor == "postgresql" else _Sqlite()


_Values = Sequence[Any]


def _rows(statement: str, values: _Values) -> list[Place]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[Place] = cursor.fetchall()
        return rows


def _chosen(tickets: QuerySet[Ticket]) -> tuple[str, list[Any]]:
    """A statement for the ids of ``tickets``, written by Django, with its values."""
    statement, values = tickets.order_by().values("pk").query.sql_with_params()
    return statement, list(values)


class _Sqlite:
    def newest(
        self, sought: Sequence[Sought], *, teams: Sequence[int] | None, before: int | None, limit: int
    ) -> list[Place]:
        return _rows(
            "SELECT rowid, ticket FROM helpdesk_search WHERE helpdesk_search MATCH %s AND rowid < %s"
            " ORDER BY rowid DESC LIMIT %s",
            [self._said(sought, teams), _END if before is None else before, limit],
        )

    def first(
        self, sought: Sequence[Sought], *, teams: Sequence[int] | None, limit: int, cap: int
    ) -> tuple[list[Place], int, bool]:
        places = self.newest(sought, teams=teams, before=None, limit=cap)
        return places[:limit], len({ticket for _message, ticket in places}), len(places) >= cap

    def among(self, sought: Sequence[Sought], *, message_ids: Sequence[int]) -> set[int]:
        said = self._said(sought, None)
        return {
            place[0]
            for message_id in message_ids
            for place in _rows(
                "SELECT rowid, ticket FROM helpdesk_search WHERE helpdesk_search MATCH %s AND rowid = %s",
                [said, message_id],
            )
        }

    def within(self, sought: Sequence[Sought], *, tickets: QuerySet[Ticket], limit: int) -> list[Place]:
        chosen, values = _chosen(tickets)
        return _rows(
            "SELECT rowid, ticket FROM helpdesk_search WHERE helpdesk_search MATCH %s AND rowid IN"
            " (SELECT id FROM helpdesk_message WHERE ticket_id IN (CHOSEN)) ORDER BY rowid DESC LIMIT %s".replace(
                "CHOSEN", chosen
            ),
            [self._said(sought, None), *values, limit],
        )

    def _said(self, sought: Iterable[Sought], teams: Sequence[int] | None) -> str:
        """FTS5's language. Terms are letters and digits only, and quoted all the same."""
        parts = [self._one(each) for each in sought]
        if teams is not None:
            parts.append("(" + " OR ".join(f'"{team_term(team)}"' for team in teams) + ")")
        return " AND ".join(parts)

    def _one(self, each: Sought) -> str:
        star = "*" if each.is_beginning else ""
        said = " OR ".join(f'"{" ".join(reading)}"{star}' for reading in each.readings)
        return f"people : ({said})" if each.is_person else f"({said})"


class _Postgres:
    def newest(
        self, sought: Sequence[Sought], *, teams: Sequence[int] | None, before: int | None, limit: int
    ) -> list[Place]:
        said = self._said(sought, teams)
        walked = self._walk(said, before=before, limit=limit)
        return self._gather(said, before=before, limit=limit) if walked is None else walked

    def first(
        self, sought: Sequence[Sought], *, teams: Sequence[int] | None, limit: int, cap: int
    ) -> tuple[list[Place], int, bool]:
        said = self._said(sought, teams)
        walked = self._walk(said, before=None, limit=limit)
        if walked is not None:  # so many that nobody will count them
            return walked, cap, True
        places = self._gather(said, before=None, limit=cap)
        return places[:limit], len({ticket for _message, ticket in places}), len(places) >= cap

    def among(self, sought: Sequence[Sought], *, message_ids: Sequence[int]) -> set[int]:
        # The ids come first: they are few, and the words may be in half of all messages.
        found = _rows(
            "WITH few AS MATERIALIZED (SELECT * FROM helpdesk_search WHERE message = ANY(%s))"
            " SELECT message, ticket FROM few WHERE document @@ %s::tsquery",
            [list(message_ids), self._said(sought, None)],
        )
        return {message for message, _ticket in found}

    def within(self, sought: Sequence[Sought], *, tickets: QuerySet[Ticket], limit: int) -> list[Place]:
        chosen, values = _chosen(tickets)
        return _rows(
            "WITH few AS MATERIALIZED (SELECT found.* FROM helpdesk_search AS found JOIN helpdesk_message AS said"
            " ON said.id = found.message WHERE said.ticket_id IN (CHOSEN))"
            " SELECT message, ticket FROM few WHERE document @@ %s::tsquery ORDER BY message DESC LIMIT %s".replace(
                "CHOSEN", chosen
            ),
            [*values, self._said(sought, None), limit],
        )

    def _expected(self, said: str) -> tuple[int, int]:
        """How many messages the planner expects to match, and how many there are. It knows each common term's share."""
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (FORMAT JSON) SELECT 1 FROM helpdesk_search WHERE document @@ %s::tsquery", [said])
            plan = cursor.fetchone()[0]
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = 'helpdesk_search'::regclass")
            messages = cursor.fetchone()[0]
        return int((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]["Plan Rows"]), max(1, messages)

    def _walk(self, said: str, *, before: int | None, limit: int) -> list[Place] | None:
        """Back from the newest message until there are enough; None when that is, or turned out, the wrong way."""
        hits, messages = self._expected(said)
        if hits < max(WALK_LEAST, WALK_FACTOR * math.sqrt(messages * limit)):
            return None
        reach = min(_LONGEST_WALK, _PATIENCE * limit * messages // max(1, hits) + limit)
        # The offset makes the stretch a fence: inside it the planner has no other way than to read row by row.
        rows = _rows(
            "SELECT message, ticket FROM (SELECT * FROM helpdesk_search WHERE message < %s ORDER BY message DESC"
            " LIMIT %s OFFSET 0) AS stretch WHERE document @@ %s::tsquery ORDER BY message DESC LIMIT %s",
            [_END if before is None else before, reach, said, limit],
        )
        return rows if len(rows) >= limit else None

    def _gather(self, said: str, *, before: int | None, limit: int) -> list[Place]:
        """All there are, then the newest; materialised, so that the order doesn't tempt the planner to walk back."""
        return _rows(
            "WITH hits AS MATERIALIZED (SELECT message, ticket FROM helpdesk_search WHERE document @@ %s::tsquery)"
            " SELECT * FROM hits WHERE message < %s ORDER BY message DESC LIMIT %s",
            [said, _END if before is None else before, limit],
        )

    def _said(self, sought: Iterable[Sought], teams: Sequence[int] | None) -> str:
        parts = [self._one(each) for each in sought]
        if teams is not None:
            parts.append(" | ".join(f"'{team_term(team)}'" for team in teams))
        return " & ".join(f"({part})" for part in parts)

    def _one(self, each: Sought) -> str:
        weight = "A" if each.is_person else ""
        star = "*" if each.is_beginning else ""
        said = []
        for reading in each.readings:
            *before, last = (f"'{term}'" for term in reading)
            marks = f":{star}{weight}" if star or weight else ""
            first = [f"{term}:{weight}" if weight else term for term in before]
            said.append("(" + " <-> ".join([*first, f"{last}{marks}"]) + ")")
        return " | ".join(said)
