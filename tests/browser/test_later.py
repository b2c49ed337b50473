"""Snoozing, being reminded and promising in a real browser, by keyboard."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from helpdesk import due
from helpdesk.actions import promises, reminders, snoozing
from helpdesk.actions.promises import Terms
from helpdesk.models import Agent, Channel, Identity, Promise, Reminder, Team, Ticket
from tests import make
from tests.browser.conftest import Opener, violations

ROWS = "#rows .ticket-row"
HOUR = timedelta(hours=1)


@pytest.fixture
def ticket(channel: Channel, billing: Team, ann: Identity, ben: Agent) -> Ticket:
    return make.ticket(channel=channel, team=billing, identity=ann, owner=ben, subject="Where is my refund")


class TestLater:
    def test_a_snooze_ends_while_the_agent_looks_at_the_list(
        self, open_page: Opener, ben: Agent, ticket: Ticket, channel: Channel, billing: Team
    ) -> None:
        make.ticket(channel=channel, team=billing, subject="Another one")
        page = open_page(ben, f"/tickets/{ticket.reference}/?view=teams&state=active")
        expect(page.locator("html")).to_have_attribute("data-connection", "open")
        expect(page.locator(ROWS)).to_have_count(2)

        page.keyboard.press("z")
        page.keyboard.type("in 2 hours")
        expect(page.locator("#snooze-understood")).to_contain_text("in 2 h")
        page.keyboard.press("Enter")

        expect(page.locator("#ticket-head")).to_contain_text("Snoozed until")
        expect(page.locator(ROWS)).to_have_count(1)
        expect(page.locator(ROWS)).to_contain_text("Another one")

        assert due.carry_out(now=timezone.now() + 2 * HOUR) == 1

        expect(page.locator(ROWS)).to_have_count(2)
        expect(page.locator(ROWS).first).to_contain_text("Where is my refund")
        expect(page.locator("#ticket-head")).not_to_contain_text("Snoozed until")

    def test_a_promise_is_written_down_told_of_and_kept(self, open_page: Opener, ben: Agent, ticket: Ticket) -> None:
        page = open_page(ben, f"/tickets/{ticket.reference}/", refusal="422")
        expect(page.locator("html")).to_have_attribute("data-connection", "open")

        page.keyboard.press("p")
        page.keyboard.type("Call back about the refund")
        page.keyboard.press("Tab")
        page.keyboard.type("3/4")
        page.keyboard.press("Enter")
        expect(page.locator("#later-promise [data-problem]")).to_contain_text("two ways")
        page.locator("#promise-when").fill("tomorrow 9:00")
        page.keyboard.press("Enter")
        expect(page.locator("#promised .promise")).to_contain_text("Call back about the refund")

        due.carry_out(now=timezone.now() + timedelta(days=2))
        expect(page.locator("#reminders .reminder")).to_contain_text("Call back about the refund")
        page.locator("#reminders").get_by_role("button", name="Kept").click()

        expect(page.locator("#reminders .reminder")).to_have_count(0)
        expect(page.locator("#promised .is-kept")).to_have_count(1)
        assert Promise.objects.get().settled_by == ben

    @pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
    def test_has_no_violations(self, open_page: Opener, ben: Agent, ticket: Ticket, width: int, scheme: str) -> None:
        now = timezone.now()
        terms = Terms(text="Send the credit note", due_at=now + HOUR, owner=ben, remind_minutes=15)
        promises.make(terms=terms, by=ben, at=now, ticket=ticket)
        reminders.remind(ticket=ticket, agent=ben, due_at=now + HOUR, at=now, text="Has the bank answered?")
        snoozing.snooze(ticket=ticket, until=now + 3 * HOUR, by=ben, at=now)
        Reminder.objects.exclude(purpose="wake").update(due_at=now - HOUR)
        Promise.objects.update(due_at=now - HOUR)
        due.carry_out(now=now)

        page = open_page(ben, f"/tickets/{ticket.reference}/", width=width, scheme=scheme)
        expect(page.locator("#reminders .reminder")).to_have_count(2)
        assert violations(page) == []
        page.evaluate("document.getElementById('later-promise').showModal()")
        assert violations(page) == []
        page.goto("/inbox/promises/")
        expect(page.locator(ROWS)).to_have_count(1)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
