"""A customer's page in a real browser: on a phone as on a wide screen, and more of the timeline as one scrolls."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from helpdesk.models import Agent, Channel, Identity, Team
from helpdesk.queries.timeline import PAGE
from tests import make
from tests.browser.conftest import Opener, violations


class TestACustomersPage:
    @pytest.mark.parametrize("width", [390, 1440])
    def test_shows_who_it_is_takes_a_note_and_loads_the_past_while_one_scrolls(
        self, open_page: Opener, ben: Agent, billing: Team, channel: Channel, ann: Identity, width: int
    ) -> None:
        for number in range(PAGE + 5):
            at = make.NOON - timedelta(days=number)
            make.ticket(channel=channel, team=billing, identity=ann, subject=f"Number {number}", at=at)
        long = "The engine stops whenever somebody opens the cupboard below the chart table, since Monday or so"
        make.ticket(channel=channel, team=billing, identity=ann, subject=long, at=make.NOON + timedelta(hours=1))
        page = open_page(ben, f"/customers/{ann.contact_id}/", width=width)

        expect(page.locator(".about-reached-at")).to_be_visible()
        page.get_by_text("Write something down").click()
        page.get_by_label("What colleagues should know").fill("Calls at night")
        page.get_by_role("button", name="Add as agreed").click()
        expect(page.locator(".kept-notes")).to_contain_text("Calls at night")
        assert violations(page) == []
        page.locator(".timeline-of li").last.scroll_into_view_if_needed()
        expect(page.get_by_role("link", name=f"Number {PAGE + 4}")).to_be_attached()
        title = page.get_by_role("link", name=long)
        assert title.evaluate("a => a.getBoundingClientRect().right <= a.closest('div').getBoundingClientRect().right")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
