"""Real servers for the tests in this folder."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from mail_gateway.receive import Receiver
from tests.servers import dovecot as dovecot_server
from tests.servers.mail_sender import Client, Desk, receiving
from tests.servers.oauth_provider import Provider, run_provider


@pytest.fixture(scope="session")
def _provider() -> Iterator[Provider]:
    with run_provider() as running:
        yield running


@pytest.fixture
def provider(_provider: Provider) -> Provider:
    """An OAuth 2 provider, whose tokens the Dovecot believes."""
    _provider.reset()
    return _provider


@pytest.fixture(scope="session")
def dovecot(_provider: Provider) -> Iterator[dovecot_server.Dovecot]:
    """One Dovecot for all tests: each takes a user name of its own."""
    if dovecot_server.PROGRAM is None:
        pytest.skip("Dovecot is not installed (Debian: dovecot-imapd)")
    # pytest's own folders are closed to the user that Dovecot reads mails as.
    with tempfile.TemporaryDirectory(prefix="dovecot-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with dovecot_server.run_dovecot(folder, introspection_url=f"{_provider.url}/introspect") as running:
            yield running


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def receiver(desk: Desk) -> Iterator[Receiver]:
    with receiving(desk) as running:
        yield running


@pytest.fixture
def dial() -> Iterator[Callable[[Receiver], Client]]:
    clients: list[Client] = []

    def connect(receiver: Receiver) -> Client:
        clients.append(Client(receiver.port))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def client(receiver: Receiver, dial: Callable[[Receiver], Client]) -> Client:
    return dial(receiver).greet()


@pytest.fixture
def vendors(provider: Provider, settings: Settings) -> Provider:
    """Google and Microsoft are the provider on this machine."""
    settings.HTTP_INNER_HOSTS = frozenset({"127.0.0.1"})
    doors = {"authorize_url": f"{provider.url}/{{tenant}}/authorize", "token_url": f"{provider.url}/{{tenant}}/token"}
    settings.OAUTH_VENDORS = {"google": doors, "microsoft": doors}
    return provider
