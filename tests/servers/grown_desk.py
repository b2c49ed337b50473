"""A desk of several processes on PostgreSQL, in a database of its own."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.servers.desk_process import Desk

#: The role that .ci/run makes.
SERVER = "postgresql://luotsi_ci:luotsi_ci@127.0.0.1:5432"


@dataclass
class GrownDesk(Desk):
    """`extra` names the database; the test starts the processes that it wants."""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.extra["DATABASE_URL"]) as database:
            return database.execute(query.encode()).fetchall()


def grow(data: Path, *, database: str, **extra: str) -> GrownDesk:
    """A desk on an empty database, whose tables are made here."""
    desk = GrownDesk(data, {**extra, "DATABASE_URL": database})
    done = desk.manage("migrate", "-v0")
    assert done.returncode == 0, done.stderr
    return desk


@contextmanager
def empty_database() -> Iterator[str]:
    """The address of a new database, which is dropped in the end; the test is skipped where there is no server."""
    name = f"luotsi_{secrets.token_hex(6)}"
    try:
        server = psycopg.connect(f"{SERVER}/postgres", autocommit=True)
    except psycopg.OperationalError as error:
        pytest.skip(f"PostgreSQL with the role luotsi_ci doesn't answer: {error}")
    with server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield f"{SERVER}/{name}"
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
