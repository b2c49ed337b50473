"""The page that connects a social channel: tried out first, then stored; what came in and what is wrong stand there."""

import pytest
from django.test import Client
from pytest_django import Settings

from helpdesk.models import Agent, Channel, SocialAccount
from tests.flows.social_platforms import SECRET, account, deliver, event, partner, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(dora: Agent, support: object, settings: Settings) -> Client:
    """Dora's browser."""
    settings.HTTP_INNER_HOSTS = frozenset({"127.0.0.1"})
    client = Client()
    client.force_login(dora)
    return client


def typed(url: str = "", secret: str = SECRET) -> dict[str, str]:
    return {"name": "Shop app", "team": "", "is_active": "on", "own_secret": secret, "own_url": url}


class TestConnecting:
    def test_stores_what_has_worked_and_shows_the_address(self, desk: Client) -> None:
        with partner() as shop:
            answer = desk.post("/channels/social/new/generic/", typed(f"http://127.0.0.1:{shop.port}/in"), follow=True)

        row = SocialAccount.objects.get()
        assert (row.channel.kind, row.channel.slug, row.trouble) == ("generic", "shop-app", "")
        assert f"/hooks/{row.key}/" in answer.content.decode()
        assert SECRET not in answer.content.decode()
        assert shop.requests

    def test_stores_nothing_before_it_has_worked(self, desk: Client) -> None:
        with partner("401 Unauthorized", body=b"who are you") as shop:
            answer = desk.post("/channels/social/new/generic/", typed(f"http://127.0.0.1:{shop.port}/in"))

        assert not Channel.objects.exists()
        assert "who are you" in answer.content.decode()

    def test_keeps_a_secret_that_is_not_typed_again(self, desk: Client) -> None:
        row = account()

        desk.post(f"/channels/social/{row.channel_id}/", typed(secret=""))

        row.refresh_from_db()
        assert row.secrets == {"secret": SECRET}

    def test_renews_the_address(self, desk: Client) -> None:
        row = account()

        desk.post(f"/channels/social/{row.channel_id}/renew/")

        assert deliver(row, event()).status_code == 404

    def test_is_for_admins(self, eli: Agent) -> None:
        row, client = account(), Client()
        client.force_login(eli)

        for where in ("new/", "new/generic/", f"{row.channel_id}/"):
            assert client.get(f"/channels/social/{where}").status_code == 403


class TestThePage:
    def test_shows_what_came_in_and_what_is_wrong(self, desk: Client) -> None:
        row = account()
        deliver(row, event(), {"id": "bad"})
        work()
        deliver(row, event("m2"), headers={})

        shown = desk.get(f"/channels/social/{row.channel_id}/").content.decode()

        assert "could not prove that it comes from the platform" in shown
        assert "It is not what the platform usually sends" in shown
        assert "/tickets/LU-" in shown
        assert "In trouble" in desk.get("/channels/").content.decode()
