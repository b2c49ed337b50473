"""Writing rows by the million past the ORM: executemany on SQLite, COPY on PostgreSQL. Ten times bulk_create."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models


class Writer:
    """Rows of one model: `fields` are given with each row, all others get their defaults."""

    def __init__(self, model: type[models.Model], *fields: str) -> None:
        self.model = model
        of_model = {field.attname: field for field in model._meta.concrete_fields}
        rest = [field for name, field in of_model.items() if name not in fields]
        self._constants = tuple(field.get_db_prep_save(_default(field), connection) for field in rest)
        columns = [of_model[name].column for name in fields] + [field.column for field in rest]
        names = ", ".join(f'"{column}"' for column in columns)
        places = ", ".join(["%s"] * len(columns))
        self._insert = f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({places})'
        self._copy = f'COPY "{model._meta.db_table}" ({names}) FROM STDIN'

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Insert `rows`, each with the values of `fields` in their order, ids included."""
        whole = ((*row, *self._constants) for row in rows)
        with connection.cursor() as cursor:
            if connection.vendor != "postgresql":
                cursor.executemany(self._insert, list(whole))
                return
            with cursor.copy(self._copy) as copy:
                for row in whole:
                    copy.write_row(row)


def moment(unix: int) -> datetime | str:
    """A point in time as the database takes it: SQLite keeps text, always UTC."""
    at = datetime.fromtimestamp(unix, UTC)
    return at if connection.vendor == "postgresql" else f"{at:%Y-%m-%d %H:%M:%S}"


_INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    " AND tbl_name LIKE 'helpdesk\\_%' ESCAPE '\\'",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'helpdesk\\_%'"
    " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)",
}
"""The desk's indexes and how they were made, without those that belong to a constraint."""


@contextlib.contextmanager
def indexes_made_afterwards() -> Iterator[None]:
    """Without the desk's indexes; they are made again at the end: sorting once beats finding two million places."""
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES[connection.vendor])
        indexes: list[tuple[str, str]] = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        for _, statement in indexes:
            cursor.execute(statement)


def finish(*written: type[models.Model]) -> None:
    """Let ids go on after those written, and tell the planner how much there is, as autovacuum does on a grown desk."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(written)):
            cursor.execute(statement)
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


def relax_durability() -> None:
    """For a database that is thrown away: don't wait for the disk."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF" if connection.vendor == "sqlite" else "SET synchronous_commit=off")


def _default(field: models.Field[Any, Any]) -> Any:
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return datetime.now(UTC)
    return field.get_default()
