"""A rule that is saved for later, and what the builder says about it."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from helpdesk.actions import rule_plans
from helpdesk.models import Agent, Team
from routing_rules.models import Rule, RulePlan, current_number
from tests.flows import desk
from tests.flows.test_rules_page import FORM

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(client: Client, eli: Agent, billing: Team) -> Client:
    client.force_login(eli, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def later() -> datetime:
    return (timezone.localtime() + timedelta(days=40)).replace(hour=12, minute=0, second=0, microsecond=0)


def typed(later: datetime, **changed: str) -> dict[str, str]:
    moment = f"{later:%Y-%m-%dT%H:%M}"
    return {**FORM, "version": str(current_number()), "when": "later", "activate_at": moment, **changed}


class TestSavingForLater:
    def test_changes_nothing_before_its_time(self, lead: Client, eli: Agent, later: datetime) -> None:
        rule = desk.rule(by=eli, name="Now")

        lead.post(f"/rules/{rule.pk}/", typed(later, name="Later"))
        before = Rule.objects.get().name
        rule_plans.activate_due(now=later)

        assert (before, Rule.objects.get().name, Rule.objects.get().pk) == ("Now", "Later", rule.pk)

    def test_makes_a_new_rule_at_its_time(self, lead: Client, later: datetime) -> None:
        lead.post("/rules/new/", typed(later, name="New", once_per_ticket="on"))
        before = Rule.objects.count()
        rule_plans.activate_due(now=later)

        assert (before, Rule.objects.get().name, Rule.objects.get().once_per_ticket) == (0, "New", True)

    def test_joins_a_plan_that_waits(self, lead: Client, later: datetime) -> None:
        lead.post("/rules/new/", typed(later, name="One"))
        plan = RulePlan.objects.get()

        answer = lead.post("/rules/new/", typed(later, name="Two", when=str(plan.pk)), follow=True)
        rule_plans.activate_due(now=later)

        assert "Added to the plan." in answer.content.decode()
        assert list(Rule.objects.values_list("name", flat=True)) == ["One", "Two"]
        assert current_number() == 1

    @pytest.mark.parametrize(("moment", "complaint"), [("", "Say from when"), ("2026-01-01T08:00", "has passed")])
    def test_wants_a_moment_that_is_still_to_come(
        self, lead: Client, later: datetime, moment: str, complaint: str
    ) -> None:
        page = lead.post("/rules/new/", typed(later, activate_at=moment)).content.decode()

        assert complaint in page
        assert 'value="invoice"' in page
        assert (RulePlan.objects.count(), Rule.objects.count()) == (0, 0)

    def test_of_nothing_says_so(self, lead: Client, eli: Agent, later: datetime) -> None:
        rule = desk.rule(by=eli, name="Invoices")

        assert "Nothing differs" in lead.post(f"/rules/{rule.pk}/", typed(later)).content.decode()

    def test_tells_the_second_of_two_leads(self, lead: Client, eli: Agent, later: datetime) -> None:
        rule = desk.rule(by=eli)
        stale = typed(later, name="Later")
        desk.rule(by=eli, name="Meanwhile")

        page = lead.post(f"/rules/{rule.pk}/", stale).content.decode()

        assert "Somebody else has changed the rules" in page
        assert RulePlan.objects.count() == 0


class TestTheBuilder:
    def test_warns_whoever_is_about_to_cross_a_plan(self, lead: Client, eli: Agent, later: datetime) -> None:
        rule = desk.rule(by=eli)
        draft = [rule.snapshot() | {"name": "Later"}]
        rule_plans.plan_rules(rules=draft, base_version=1, activate_at=later, reason="", by=eli)

        assert "has planned a change of this rule" in lead.get(f"/rules/{rule.pk}/").content.decode()

    def test_complains_about_nothing_while_it_is_being_filled_in(self, lead: Client) -> None:
        page = lead.post("/rules/new/draft/", {"version": "0", "c-kind": "all", "do": "add:c"}).content.decode()

        assert 'name="c-0-field"' in page
        assert 'class="error"' not in page

    def test_lets_actions_trade_places(self, lead: Client) -> None:
        two = {"e-0-kind": "set_team", "e-0-value": "billing", "e-1-kind": "add_tag", "e-1-value": "money"}

        page = lead.post("/rules/new/", {**FORM, **two, "do": "raise:e-1"}).content.decode()

        assert page.index('value="money"') < page.index('<option value="billing" selected')
        assert 'name="e-0-value" id="i-e-0-value" value="money"' in page

    def test_puts_a_new_rule_behind_its_folder(self, eli: Agent) -> None:
        for name, folder in (("A", "Billing"), ("B", "Returns"), ("C", "Billing"), ("D", "")):
            desk.rule(by=eli, name=name, folder=folder)

        assert list(Rule.objects.values_list("name", flat=True)) == ["A", "C", "B", "D"]
