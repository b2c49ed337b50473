"""Conditions that a partial index was made for, written so that the database recognises them."""

import re
from collections.abc import Iterable
from typing import Any

from django.db.models import BooleanField, F, Func

_WORD = re.compile(r"[a-z-]+")


class OneOf(Func):
    """``OneOf("state", ["queued", "retry"])``: the field has one of these values.

    The values stand in the statement itself, in the order of the index's own condition: of ``state IN (?, ?)`` SQLite
    can't see that it is the condition of a partial index, and reads the whole table. ``likely()`` says besides that the
    condition excludes little, or another index on the column would be taken.
    """

    def __init__(self, field: str, values: Iterable[str]) -> None:
        words = [str(value) for value in values]
        if not words or not all(map(_WORD.fullmatch, words)):
            raise ValueError(f"not fit to stand in a statement: {words}")
        listed = ", ".join(f"'{word}'" for word in words)
        super().__init__(F(field), template=f"%(expressions)s IN ({listed})", output_field=BooleanField())

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template=f"likely({self.extra['template']})", **context)
