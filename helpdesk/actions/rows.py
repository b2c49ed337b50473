"""Many rows stored with one statement whose text is made once.

What Django makes of a `bulk_update` is one long CASE for each column; to build it takes a hundred times as long as the
database needs to run it, and was a third of what a chat message cost. A `bulk_create` builds its statement anew each
time, which takes three times as long as the rest of it.
"""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from django.db import connection, models

#: SQLite takes 32,766 values in a statement, and each length of statement is remembered.
_AT_ONCE = 100


def change_each(rows: Collection[models.Model], columns: Sequence[str]) -> None:
    """Store ``columns`` of rows of one model, each as it stands in memory: a value, not an expression such as F()."""
    if not rows:
        return
    statement, fields = _change(type(next(iter(rows))), tuple(columns), connection.vendor)
    values = [
        (*(field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields), row.pk) for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def add_all(rows: Sequence[models.Model]) -> None:
    """Store new rows of one model, in their order, and give them their numbers; as `bulk_create` without options."""
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        statement, fields = _insert(type(part[0]), len(part), connection.vendor)
        values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in part for field in fields]
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            numbers = cursor.fetchall()
        for row, (number,) in zip(part, numbers, strict=True):
            row.pk, row._state.adding, row._state.db = number, False, connection.alias


@cache
def _insert(model: type[models.Model], count: int, _vendor: str) -> tuple[str, list[Any]]:
    quote, options = connection.ops.quote_name, model._meta
    key: Any = options.pk
    fields: list[Any] = [field for field in options.concrete_fields if field is not key]
    columns = ", ".join(quote(field.column) for field in fields)
    one = f"({', '.join(['%s'] * len(fields))})"
    rows = ", ".join([one] * count)
    statement = f"INSERT INTO {quote(options.db_table)} ({columns}) VALUES {rows} RETURNING {quote(key.column)}"  # noqa: S608
    return statement, fields


@cache
def _change(model: type[models.Model], columns: tuple[str, ...], _vendor: str) -> tuple[str, list[Any]]:
    quote, options = connection.ops.quote_name, model._meta
    fields: list[Any] = [options.get_field(name) for name in columns]
    key: Any = options.pk
    wanted = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    statement = f"UPDATE {quote(options.db_table)} SET {wanted} WHERE {quote(key.column)} = %s"  # noqa: S608  # our names
    return statement, fields
