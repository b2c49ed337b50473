"""Servers that other people wrote. `make test-platforms` installs and runs them; `make test` leaves this folder out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from tests.platforms import bluesky_server, mastodon_server, telegram_server


@pytest.fixture(autouse=True, scope="session")
def _inner_hosts() -> Iterator[None]:
    with override_settings(HTTP_INNER_HOSTS=frozenset({"127.0.0.1", "localhost"})):
        yield


@pytest.fixture(scope="session")
def mastodon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all tests."""
    if not mastodon_server.PROGRAM.exists():
        pytest.skip("mastodon_mock is not installed: `make test-platforms` does it")
    with mastodon_server.run_mastodon(Path(tmp_path_factory.mktemp("mastodon"))) as url:
        yield url


@pytest.fixture(scope="session")
def bluesky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bluesky_server.Network]:
    """One network for all tests."""
    if bluesky_server.NODE is None or not (bluesky_server.FOLDER / "node_modules" / "@atproto" / "dev-env").exists():
        pytest.skip("@atproto/dev-env is not installed: `make test-platforms` does it where there are node and npm")
    with bluesky_server.run_bluesky(Path(tmp_path_factory.mktemp("bluesky"))) as network:
        yield network


@pytest.fixture(scope="session")
def telegram(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all tests; each test has a bot of its own."""
    if not telegram_server.PYTHON.exists():
        pytest.skip("lo-bot-api-emulator is not installed: `make test-platforms` does it")
    with telegram_server.run_telegram(Path(tmp_path_factory.mktemp("telegram"))) as url:
        yield url
