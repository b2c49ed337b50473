"""A desk of its own for a measurement: a temporary folder, free ports, a database that is thrown away."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from benchmarks.progress import say

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Place:
    """Where the measured desk lives; the environment says the same, for Django here and for child processes."""

    folder: Path
    http_port: int
    smtp_port: int

    @classmethod
    @contextlib.contextmanager
    def fresh(cls) -> Iterator[Place]:
        """A new place with an empty database; all of it is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="luotsi-bench-") as folder, _own_database():
            place = cls(folder=Path(folder), http_port=free_port(), smtp_port=free_port())
            os.environ |= {
                "DJANGO_SETTINGS_MODULE": "helpdesk.settings",
                "LUOTSI_DATA": folder,
                "LUOTSI_HTTP": f"127.0.0.1:{place.http_port}",
                "LUOTSI_SMTP": f"127.0.0.1:{place.smtp_port}",
                "LUOTSI_SITE_URL": place.url,
                "LUOTSI_LOG_LEVEL": "WARNING",
                # The breaker for a mailbox that runs wild must not end the measurement.
                "LUOTSI_AUTOMATIC_MAIL_PER_HOUR": "1000000000",
                "LUOTSI_DESK_AUTOMATIC_MAIL_PER_HOUR": "1000000000",
            }
            yield place

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def migrate(self) -> None:
        """Set Django up in this process and bring the database to its newest shape."""
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _own_database() -> Iterator[None]:
    """With DATABASE_URL: a new database on that server, dropped afterwards; without it SQLite in the folder."""
    given = os.environ.get("DATABASE_URL", "")
    if not given.startswith("postgres"):
        yield
        return
    import psycopg

    name = f"luotsi_bench_{secrets.token_hex(4)}"
    with psycopg.connect(given, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    os.environ["DATABASE_URL"] = urlunsplit(urlsplit(given)._replace(path=f"/{name}"))
    say(f"PostgreSQL, database {name}")
    try:
        yield
    finally:
        os.environ["DATABASE_URL"] = given
        with psycopg.connect(given, autocommit=True) as server:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
