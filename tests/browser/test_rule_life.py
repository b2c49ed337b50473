"""A lead builds a rule, saves it, finds it, moves it, and takes it back: mostly by keyboard."""

from playwright.sync_api import expect

from helpdesk.models import Agent, Team
from routing_rules.models import Rule, RuleVersion
from tests.browser.conftest import Opener
from tests.flows import desk


class TestALead:
    def test_builds_saves_moves_and_goes_back(self, open_page: Opener, eli: Agent, billing: Team) -> None:
        desk.rule(by=eli, name="Usual", folder="Billing")
        page = open_page(eli, "/rules/")

        page.get_by_role("link", name="New rule in “Billing”").press("Enter")
        page.get_by_label("Name", exact=True).fill("Overdue")
        page.get_by_label("customer wrote again").check()
        page.get_by_role("button", name="Add a condition").press("Enter")
        page.locator("#row-c-0").get_by_label("Value").fill("overdue")
        page.get_by_role("button", name="Add an action").press("Enter")
        page.locator("#row-e-0").get_by_label("Value").select_option("billing")
        expect(page.locator("#verdict")).to_contain_text("subject contains “overdue”, then team Billing")
        page.get_by_label("Why this change").fill("Asked for by accounting")
        page.get_by_label("Name", exact=True).press("Enter")

        names = page.locator(".rules h3 a")
        expect(names).to_have_text(["Usual", "Overdue"])
        page.get_by_role("link", name="Overdue", exact=True).press("Alt+ArrowUp")
        expect(names).to_have_text(["Overdue", "Usual"])
        page.get_by_role("searchbox").fill("accounting overdue billing")
        expect(page.get_by_role("heading", name="No rule has these words")).to_be_visible()
        page.get_by_role("searchbox").fill("overdue billing")
        expect(names).to_have_text(["Overdue"])

        page.get_by_role("link", name="Versions").press("Enter")
        expect(page.locator(".version .reason").nth(1)).to_have_text("Asked for by accounting")
        page.get_by_role("button", name="Go back to version 1").press("Enter")

        expect(page.locator(".toast")).to_contain_text("This is version 4 now")
        expect(page.locator(".difference.removed")).to_contain_text("Overdue")
        assert list(Rule.objects.values_list("name", flat=True)) == ["Usual"]
        assert RuleVersion.objects.count() == 4
