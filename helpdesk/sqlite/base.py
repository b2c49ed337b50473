"""Django's SQLite backend, but writers take turns (see `turns`). Other processes still meet at SQLite's own lock."""

from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from helpdesk.sqlite.turns import turns_of


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions begin when it is its turn to write."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_turn = False

    def _start_transaction_under_autocommit(self) -> None:
        options = self.settings_dict["OPTIONS"]
        if not turns_of(str(self.settings_dict["NAME"])).take(timeout_s=float(options.get("timeout", 5.0))):
            raise OperationalError("database is locked")  # in SQLite's words: it is the same trouble
        self._has_turn = True
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # not in the stubs, nor are the next
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._end_turn()

    def _rollback(self) -> None:
        super()._rollback()  # type: ignore[misc]
        self._end_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _end_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            turns_of(str(self.settings_dict["NAME"])).pass_on()
