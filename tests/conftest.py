"""What every test can ask for. The people are in tests/cast.py, things to make in tests/make.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from pytest_django import Settings

from tests import databases

pytest_plugins = ["tests.cast"]
#: Those with the longest files begin, so that no worker stands idle at the end. Browsers come after the flows: a loop
#: runs in their process from then on, and sockets in flows want one of their own.
_ORDER = ("servers", "flows", "browser", "unit")
#: Without `available_apps` Django writes the permissions of every model anew after each test.
_WHOLE_DATABASE = pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-crash-point", action="store_true", help="kill the desk at all of them, not at some")


def pytest_configure() -> None:
    databases.run_folder()  # before there are workers, who take it over


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and "transactional_db" in item.fixturenames:
            item.add_marker(_WHOLE_DATABASE)
    items.sort(key=lambda item: _ORDER.index(room) if (room := item.path.parent.name) in _ORDER else len(_ORDER))


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb: bool) -> bool:
    """On SQLite the database is there already, see below, and goes with its folder."""
    return django_db_keepdb or connection.vendor == "sqlite"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, worker_id: str) -> None:
    """On SQLite each process has a copy of a migrated file; what is still to be migrated, Django finds."""
    if connection.vendor == "sqlite":
        path = databases.run_folder() / f"{worker_id}.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = path
        databases.copy_migrated(path)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", databases.delete_rows)
        yield


@pytest.fixture(autouse=True)
def _own_data_folder(settings: Settings, tmp_path: Path) -> None:
    """Files that a test makes stay in its own folder."""
    settings.DATA_DIR = tmp_path
    settings.BLOB_DIR = tmp_path / "blobs"
    settings.OUTGOING_DIR = tmp_path / "outgoing"
    settings.STATIC_ROOT = tmp_path  # must exist, and stays empty: pages find their files in static/ itself
