"""What every test can ask for. The people are in tests/cast.py, things to make in tests/make.py."""

from pathlib import Path

import pytest
from pytest_django import Settings

pytest_plugins = ["tests.cast"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-crash-point", action="store_true", help="kill the desk at all of them, not at some")


@pytest.fixture(autouse=True)
def _own_data_folder(settings: Settings, tmp_path: Path) -> None:
    """Files that a test makes stay in its own folder."""
    settings.DATA_DIR = tmp_path
    settings.BLOB_DIR = tmp_path / "blobs"
    settings.OUTGOING_DIR = tmp_path / "outgoing"
    settings.STATIC_ROOT = tmp_path  # must exist, and stays empty: pages find their files in static/ itself
