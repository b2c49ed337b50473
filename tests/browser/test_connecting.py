"""A mailbox is connected at a provider: what the admin clicks, and where the browser goes and comes back."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect
from pytest_django import Settings

from helpdesk.connectors.oauth import Server
from helpdesk.models import Agent, Mailbox, OAuthGrant
from tests.browser.conftest import Opener, violations
from tests.servers.desk_process import free_port
from tests.servers.oauth_provider import CLIENT_ID, CLIENT_SECRET, Provider, run_provider


@dataclass(frozen=True)
class World:
    """The provider, and the mailbox that is there."""

    provider: Provider
    path: str


@pytest.fixture
def world(server: str, settings: Settings, mailbox: Mailbox) -> Iterator[World]:
    with run_provider() as provider:
        nobody = Server("127.0.0.1", free_port(), "none")
        doors = {"authorize_url": f"{provider.url}/authorize", "token_url": f"{provider.url}/token"}
        settings.OAUTH_VENDORS = {"google": {**doors, "imap": nobody, "smtp": nobody}}
        settings.HTTP_INNER_HOSTS = frozenset({"127.0.0.1"})
        settings.SITE_URL = server
        yield World(provider, f"/channels/{mailbox.channel_id}/")


class TestConnectingAMailbox:
    def test_goes_to_the_provider_and_comes_back_connected(self, open_page: Opener, dora: Agent, world: World) -> None:
        page = open_page(dora, world.path)
        page.get_by_text("Google or Microsoft instead").click()
        expect(page.get_by_label("Directory (tenant) ID")).to_be_hidden()
        page.get_by_label("Client ID").fill(CLIENT_ID)
        page.get_by_label("Client secret").fill(CLIENT_SECRET)
        page.get_by_role("button", name="Save and connect").click()

        expect(page.locator("#login .badge")).to_have_text("Connected")
        expect(page.locator("#trial")).to_contain_text("can't be reached")  # nobody serves mail in this test
        assert page.url.endswith(f"{world.path}?try")
        assert OAuthGrant.objects.get().is_connected
        assert violations(page) == []

    def test_shows_what_the_provider_said_against_it(self, open_page: Opener, dora: Agent, world: World) -> None:
        world.provider.denies_with["error"] = "access_denied"
        page = open_page(dora, world.path)
        page.get_by_text("Google or Microsoft instead").click()
        page.get_by_label("Client ID").fill(CLIENT_ID)
        page.get_by_label("Client secret").fill(CLIENT_SECRET)
        page.get_by_role("button", name="Save and connect").click()

        expect(page.locator("#login [role=alert]")).to_contain_text("access_denied")
        expect(page.get_by_role("button", name="Connect", exact=True)).to_be_visible()
        assert violations(page) == []
