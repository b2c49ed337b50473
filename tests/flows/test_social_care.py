"""Once a day: credentials renewed and checked before customers notice, approved texts kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from helpdesk.intake import social_care
from helpdesk.models import AlarmCode, Entry, SocialAccount, SocialTemplate
from helpdesk.queries import trouble_words
from helpdesk.queries.troubles import of_accounts
from tests.flows.meta_accounts import account
from tests.graph_api import GraphApi, graph_api
from tests.meta_samples import BUSINESS, INSTAGRAM, NUMBER, PAGE, TOKEN

pytestmark = pytest.mark.django_db
SCOPES = ["pages_messaging", "pages_manage_metadata", "whatsapp_business_messaging", "whatsapp_business_management"]
BODY = {"type": "BODY", "text": "Hei {{1}}, tilauksesi on valmis."}
TEMPLATE = {"name": "order_ready", "status": "APPROVED", "category": "UTILITY", "language": "fi", "components": [BODY]}


@pytest.fixture
def api(settings: Settings) -> Iterator[GraphApi]:
    with graph_api(settings) as running:
        running.on("GET", "debug_token", {"data": {"is_valid": True, "expires_at": 0, "scopes": SCOPES}})
        running.on("GET", PAGE, {"id": PAGE, "name": "Laine Oy"})
        running.on("GET", NUMBER, {"id": NUMBER, "verified_name": "Laine Oy", "display_phone_number": "+358 20 1"})
        running.on("GET", f"{BUSINESS}/message_templates", {"data": [TEMPLATE]})
        yield running


def look(*, after: timedelta = timedelta()) -> datetime:
    now = timezone.now() + after
    social_care.look_after_all(now=now)
    return now


def told(now: datetime) -> list[tuple[AlarmCode, str]]:
    return [(each.code, trouble_words.told(each.code, each.values)) for each in of_accounts(now=now)]


class TestTheDailyLook:
    def test_is_once_a_day(self, api: GraphApi) -> None:
        account("messenger")

        for after in (0, 1, 23):
            look(after=timedelta(hours=after))
        assert len([asked for asked in api.asked if asked.path.endswith("debug_token")]) == 1
        look(after=timedelta(hours=25))

        assert len([asked for asked in api.asked if asked.path.endswith("debug_token")]) == 2

    def test_raises_an_alarm_when_the_token_is_refused(self, api: GraphApi) -> None:
        account("messenger")
        api.on("GET", "debug_token", {"data": {"is_valid": False}})

        now = look()

        assert told(now) == [(AlarmCode.ACCOUNT, "The platform of Laine Oy refuses its credentials.")]

    def test_raises_an_alarm_a_week_before_the_token_ends(self, api: GraphApi) -> None:
        account("messenger")
        ends = int((timezone.now() + timedelta(days=5, hours=1)).timestamp())
        api.on("GET", "debug_token", {"data": {"is_valid": True, "expires_at": ends, "scopes": SCOPES}})

        now = look()

        assert told(now) == [(AlarmCode.EXPIRY, "The credentials of Laine Oy end in 5 days.")]
        assert told(now - timedelta(days=3)) == []

    def test_says_nothing_against_a_token_while_meta_is_away(self, api: GraphApi) -> None:
        row = account("messenger")
        error: dict[str, Any] = {"error": {"code": 2, "message": "Service temporarily unavailable"}}
        api.always["GET", "debug_token"] = (503, error, {})

        now = look()

        row.refresh_from_db()
        assert row.trouble == ""
        assert told(now) == []
        before = len(api.asked)
        look(after=timedelta(minutes=59))
        assert len(api.asked) == before
        look(after=timedelta(minutes=61))
        assert len(api.asked) > before

    def test_leaves_a_closed_channel_alone(self, api: GraphApi) -> None:
        row = account("messenger")
        row.channel.is_active = False
        row.channel.save()

        look()

        assert api.asked == []

    def test_renews_a_token_of_instagram_s_own_login(self, api: GraphApi) -> None:
        account("instagram", login="instagram")
        api.answers = []
        api.on("GET", "v25.0/refresh_access_token", {"access_token": "IGnew", "expires_in": 60 * 24 * 3600})
        api.on("GET", "v25.0/me", {"user_id": INSTAGRAM, "username": "laine.oy"})

        look()

        row = SocialAccount.objects.get()
        assert row.secrets["access_token"] == "IGnew"
        assert row.secrets["app_secret"]
        assert row.expires_at is not None
        assert row.expires_at > datetime.now(tz=UTC) + timedelta(days=59)
        assert [asked.headers["authorization"] for asked in api.asked] == [f"Bearer {TOKEN}", "Bearer IGnew"]


class TestApprovedTexts:
    def test_are_kept_as_the_platform_has_them_now(self, api: GraphApi) -> None:
        account("whatsapp")
        look()
        kept = SocialTemplate.objects.get()
        assert (kept.name, kept.language, kept.text, kept.places) == ("order_ready", "fi", BODY["text"], ["1"])

        other = {**TEMPLATE, "components": [{"type": "BODY", "text": "Hei {{name}}!"}]}
        new = {**TEMPLATE, "name": "hello", "language": "en"}
        api.on("GET", f"{BUSINESS}/message_templates", {"data": [other, new]})
        look(after=timedelta(hours=25))
        assert [(row.name, row.places) for row in SocialTemplate.objects.all()] == [
            ("hello", ["1"]),
            ("order_ready", ["name"]),
        ]

        api.on("GET", f"{BUSINESS}/message_templates", {"data": [{**new, "status": "PAUSED"}]})
        look(after=timedelta(hours=50))
        assert not SocialTemplate.objects.exists()

    def test_are_written_down_in_the_journal_when_they_change(self, api: GraphApi) -> None:
        account("whatsapp")
        lines = Entry.objects.filter(kind="settings-changed", data__change="templates")

        look()
        look(after=timedelta(hours=25))

        assert [line.data["details"]["added"] for line in lines] == [["order_ready"]]
