"""Databases for tests: migrated once in a run, copied by whoever needs one, emptied row by row.

The migrations take longer than most files of tests, and PostgreSQL needs seconds to truncate a hundred empty tables.
"""

import atexit
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.db import connection

ROOT = Path(__file__).resolve().parents[1]
MIGRATED = "luotsi.sqlite3"
_DEADLINE_S = 300.0
_RUN_FOLDER = "LUOTSI_TEST_RUN"  # from the first process of a run to its workers


def run_folder() -> Path:
    """A folder that all processes of this run share, and that is gone after it."""
    if _RUN_FOLDER not in os.environ:  # noqa: TID251 - the test run's own variable
        folder = tempfile.mkdtemp(prefix="luotsi-tests-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ[_RUN_FOLDER] = folder  # noqa: TID251
    return Path(os.environ[_RUN_FOLDER])  # noqa: TID251


def copy_migrated(target: Path) -> None:
    """Put an empty SQLite database with all tables at ``target``, by the migrations that a new desk would run."""
    folder = run_folder() / "migrated"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / MIGRATED).exists():
            _migrate(folder / "new")
            (folder / "new" / MIGRATED).rename(folder / MIGRATED)
    shutil.copyfile(folder / MIGRATED, target)


def _migrate(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    environment = {"PATH": os.defpath, "LUOTSI_DATA": str(folder)}
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=ROOT, env=environment, check=True, timeout=_DEADLINE_S)


def delete_rows(_self: object, _style: Any, tables: list[str], **_options: object) -> list[str]:
    """In place of PostgreSQL's ``sql_flush``: foreign keys are checked at the end of the transaction, in any order."""
    return ["; ".join(f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables)] if tables else []
