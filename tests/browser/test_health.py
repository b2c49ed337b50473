"""The health page and the banner stay true on screens that nobody touches."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from helpdesk.actions import alarms
from helpdesk.models import Agent, AlarmCode, Channel, Heartbeat
from helpdesk.queries import troubles
from helpdesk.queries.troubles import Trouble
from tests.browser.conftest import Opener, violations

DISK = Trouble(AlarmCode.DISK, values={"free": 4096, "folder": "/var/lib/luotsi"})


@pytest.fixture
def _alive(transactional_db: None) -> None:
    now = timezone.now()
    for name in (*troubles.WORKER_LOOPS, *troubles.mail_loops()):
        Heartbeat.objects.create(process="host:1", loop=name, started_at=now, beat_at=now)


@pytest.mark.usefixtures("_alive")
class TestAnAlarm:
    @pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
    def test_appears_on_open_pages_within_the_second_and_goes_when_it_is_well(
        self, open_page: Opener, dora: Agent, channel: Channel, width: int, scheme: str
    ) -> None:
        page = open_page(dora, "/channels/", width=width, scheme=scheme)
        expect(page.locator("html")).to_have_attribute("data-connection", "open")
        now = timezone.now() - timedelta(minutes=16)

        for minute in range(16):
            alarms.note(troubles=[DISK], now=now + timedelta(minutes=minute))
        expect(page.locator(".alarm")).to_contain_text("The disk is nearly full")
        assert violations(page) == []

        for minute in range(16, 22):
            alarms.note(troubles=[], now=now + timedelta(minutes=minute))
        expect(page.locator(".alarm")).to_have_count(0)


@pytest.mark.usefixtures("_alive")
class TestTheHealthPage:
    def test_turns_red_and_calm_again_by_itself(self, open_page: Opener, dora: Agent, channel: Channel) -> None:
        page = open_page(dora, "/settings/status/")
        expect(page.locator("#verdict h2")).to_contain_text("All is well")

        Channel.objects.update(paused_reason="535 wrong password")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("#verdict")).to_contain_text("535 wrong password")

        Channel.objects.update(paused_reason="")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("#verdict h2")).to_contain_text("All is well")
