"""The inbox in a real browser: live rows, keys, widths, accessibility."""

import re

import pytest
from playwright.sync_api import expect

from helpdesk.models import Agent, Channel, Identity, State, Team
from tests import make
from tests.browser.conftest import Opener, violations

ROWS = "#rows .ticket-row"


@pytest.fixture
def billed(channel: Channel, billing: Team) -> Channel:
    """The channel whose mail goes to billing, Ben's team."""
    channel.team = billing
    channel.save()
    return channel


class TestLiveList:
    def test_shows_a_mail_that_arrives_without_reloading(self, open_page: Opener, ben: Agent, billed: Channel) -> None:
        page = open_page(ben, "/inbox/teams/")
        expect(page.locator("html")).to_have_attribute("data-connection", "open")

        make.deliver(billed, make.mail(subject="Where is my parcel"))

        expect(page.locator(ROWS)).to_have_count(1)
        expect(page.locator(ROWS)).to_contain_text("Where is my parcel")
        expect(page.locator("#rows .is-unread")).to_have_count(1)

    def test_gathers_new_rows_behind_a_pill_while_the_pointer_is_in_the_list(
        self, open_page: Opener, ben: Agent, billed: Channel
    ) -> None:
        make.deliver(billed, make.mail(subject="First"))
        page = open_page(ben, "/inbox/teams/")
        expect(page.locator("html")).to_have_attribute("data-connection", "open")
        page.locator(ROWS).first.hover()

        make.deliver(billed, make.mail(subject="Second", message_id="second@customer.example"))

        expect(page.locator("[data-pill]")).to_have_text("1 new")
        expect(page.locator(ROWS)).to_have_count(1)
        page.locator("[data-pill]").click()
        expect(page.locator(ROWS)).to_have_count(2)
        expect(page.locator(ROWS).first).to_contain_text("Second")

    def test_shows_nothing_of_other_teams(self, open_page: Opener, cleo: Agent, billed: Channel) -> None:
        page = open_page(cleo, "/inbox/all/?state=every")
        expect(page.locator("html")).to_have_attribute("data-connection", "open")

        make.deliver(billed, make.mail(subject="Not for tech"))
        page.reload()

        expect(page.locator(ROWS)).to_have_count(0)


class TestKeys:
    def test_walk_through_the_list_and_open_a_ticket(
        self, open_page: Opener, ben: Agent, channel: Channel, billing: Team, ann: Identity
    ) -> None:
        for subject in ("One", "Two"):
            make.ticket(channel=channel, team=billing, identity=ann, subject=subject)
        page = open_page(ben, "/inbox/teams/")

        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("Enter")

        expect(page.locator("#ticket-subject")).to_have_text("One")
        expect(page).to_have_url(re.compile(r"/tickets/LU-"))

    def test_go_to_a_view_by_two_keys(self, open_page: Opener, ben: Agent) -> None:
        page = open_page(ben, "/inbox/teams/")

        page.keyboard.press("g")
        page.keyboard.press("u")

        expect(page).to_have_url(re.compile("/inbox/unassigned/"))

    def test_do_nothing_when_an_agent_has_turned_them_off(self, open_page: Opener, ben: Agent) -> None:
        ben.has_single_keys = False
        ben.save()
        page = open_page(ben, "/inbox/teams/")

        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_hidden()

        page.keyboard.press("Control+k")
        expect(page.locator("#palette")).to_be_visible()

    def test_palette_finds_a_ticket_by_its_reference(
        self, open_page: Opener, ben: Agent, channel: Channel, billing: Team, ann: Identity
    ) -> None:
        ticket = make.ticket(channel=channel, team=billing, identity=ann, subject="Sail torn")
        page = open_page(ben, "/inbox/teams/")

        page.keyboard.press("Control+k")
        page.keyboard.type(ticket.reference)
        expect(page.locator("#palette [role=option]", has_text="Sail torn")).to_be_visible()
        page.keyboard.press("Enter")

        expect(page.locator("#ticket-subject")).to_have_text("Sail torn")


class TestInboxForEveryone:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [1440, 1024, 390])
    def test_has_no_violations(
        self, open_page: Opener, ben: Agent, channel: Channel, billing: Team, ann: Identity, width: int, scheme: str
    ) -> None:
        for number, state in enumerate(State):
            make.ticket(channel=channel, team=billing, identity=ann, state=state, priority=number % 4 + 1)

        page = open_page(ben, "/inbox/teams/?state=every", width=width, scheme=scheme)

        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    def test_has_no_violations_when_empty(self, open_page: Opener, ben: Agent) -> None:
        page = open_page(ben, "/inbox/mine/")

        expect(page.get_by_text("All done here")).to_be_visible()
        assert violations(page) == []

    def test_has_no_violations_in_palette_and_list_of_keys(self, open_page: Opener, dora: Agent) -> None:
        page = open_page(dora, "/inbox/all/")

        page.keyboard.press("Control+k")
        expect(page.locator("#palette")).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(page.locator("#palette")).to_be_hidden()
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        assert violations(page) == []
