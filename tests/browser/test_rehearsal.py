"""A lead tries a change of a rule on the past before saving it, in a real browser."""

import re
import threading

from playwright.sync_api import expect

from helpdesk import rehearsals
from helpdesk.models import Agent, Channel, Team
from routing_rules.models import Rule
from tests import make
from tests.browser.conftest import Opener, violations
from tests.flows import desk


class TestTryingARule:
    def test_shows_what_would_change_down_to_the_traces_and_saves_nothing(
        self, open_page: Opener, eli: Agent, channel: Channel, tech: Team
    ) -> None:
        rule = desk.rule(by=eli)
        for number, subject in enumerate(("Invoice 1", "Invoice 2", "Printer")):
            make.deliver(channel, make.mail(subject=subject, message_id=f"{number}@customer.example"))
        page = open_page(eli, f"/rules/{rule.pk}/")
        page.locator("#row-e-0").get_by_label("Value").select_option("tech")
        expect(page.locator("#verdict .sentence")).to_contain_text("team Tech")

        page.get_by_role("button", name="Try on the last 30 days").click()
        expect(page).to_have_url(re.compile("/rules/rehearsals/"))
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        assert rehearsals.work_once(threading.Event())

        expect(page.locator("p.total")).to_have_text(re.compile(r"2\s+of 3 tickets would change"))
        expect(page.locator("#running")).to_have_count(0)
        page.locator("#groups").get_by_role("link", name="Tech").click()
        expect(page.locator("#groups [aria-current]")).to_contain_text("Billing")
        row = page.locator("#differing li").filter(has_text="Invoice 2")
        row.get_by_text("Both traces").click()
        expect(row.locator(".is-different ins")).to_have_text("team Tech")
        expect(row.locator(".is-different del")).to_have_text("team Billing")
        assert violations(page) == []
        assert Rule.objects.get().effects == desk.TO_BILLING
