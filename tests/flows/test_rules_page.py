"""The rules' pages: what is saved becomes the next version, and the next ticket follows it."""

import pytest
from django.test import Client

from helpdesk.actions import rules
from helpdesk.models import Agent, Channel, Entry, Team, Ticket
from routing_rules.models import Rule, RuleVersion, StaleRules, current_number
from tests import make
from tests.flows import desk

FORM = {
    "name": "Invoices",
    "is_enabled": "on",
    "c-kind": "all",
    "c-0-field": "subject",
    "c-0-operator": "contains",
    "c-0-value": "invoice",
    "e-0-kind": "set_team",
    "e-0-value": "billing",
}


@pytest.fixture
def lead(client: Client, eli: Agent) -> Client:
    client.force_login(eli, backend="django.contrib.auth.backends.ModelBackend")
    return client


def names() -> list[str]:
    return list(Rule.objects.values_list("name", flat=True))


class TestSaving:
    def test_makes_a_rule_that_the_next_ticket_follows(self, lead: Client, channel: Channel, billing: Team) -> None:
        lead.post("/rules/new/", {**FORM, "version": "0"})
        make.deliver(channel, make.mail(subject="Invoice 4417"))

        assert Ticket.objects.get().team == billing

    def test_takes_a_version_and_writes_it_down(self, lead: Client, eli: Agent, billing: Team) -> None:
        lead.post("/rules/new/", {**FORM, "version": "0", "reason": "Ordered by the boss"})

        assert RuleVersion.objects.get().author_name == "Eli"
        entry = Entry.objects.get()
        assert (entry.agent, entry.data["what"], entry.data["details"]["version"]) == (eli, "rule", 1)

    def test_keeps_what_was_typed_when_something_is_wrong(self, lead: Client, billing: Team) -> None:
        answer = lead.post("/rules/new/", {**FORM, "e-0-value": "no-such-team"})

        assert "does not exist" in answer.content.decode()
        assert 'value="invoice"' in answer.content.decode()
        assert names() == []

    def test_stops_when_somebody_else_was_faster_and_goes_through_the_second_time(
        self, lead: Client, eli: Agent, billing: Team
    ) -> None:
        rule = desk.rule(by=eli)
        seen = current_number()
        desk.rule(by=eli, name="Meanwhile")

        answer = lead.post(f"/rules/{rule.pk}/", {**FORM, "version": str(seen)})

        assert "Somebody else has changed the rules" in answer.content.decode()
        assert f'value="{current_number()}"' in answer.content.decode()
        assert f"/rules/versions/compare/?from={seen}&amp;to={current_number()}" in answer.content.decode()
        assert lead.post(f"/rules/{rule.pk}/", {**FORM, "version": str(current_number())}).status_code == 302

    def test_of_an_unchanged_rule_makes_no_version(self, eli: Agent) -> None:
        rule = desk.rule(by=eli)
        same = rules.RuleFields(
            name=rule.name,
            comment="",
            is_stop=False,
            is_enabled=True,
            condition=rule.condition,
            effects=rule.effects,
        )

        rules.save_rule(rule=rule, fields=same, expected_version=None, reason="", by=eli)

        assert current_number() == 1

    def test_refuses_a_stale_version_in_the_action_too(self, eli: Agent) -> None:
        rule = desk.rule(by=eli)
        fields = rules.RuleFields(
            name="Other", comment="", is_stop=False, is_enabled=True, condition=rule.condition, effects=rule.effects
        )

        with pytest.raises(StaleRules):
            rules.save_rule(rule=rule, fields=fields, expected_version=0, reason="", by=eli)


class TestTheOrder:
    @pytest.mark.parametrize(
        ("place", "to", "order"),
        [(2, 0, "C A B"), (0, 2, "B C A"), (1, 1, "A B C"), (0, 99, "B C A")],
    )
    def test_is_what_was_asked_for(self, lead: Client, eli: Agent, place: int, to: int, order: str) -> None:
        made = [desk.rule(by=eli, name=name) for name in "ABC"]

        lead.post(f"/rules/{made[place].pk}/move/", {"to": str(to)})

        assert names() == order.split()

    @pytest.mark.parametrize("to", ["", "x", "-1", "1.5"])
    def test_stays_when_the_place_is_none(self, lead: Client, eli: Agent, to: str) -> None:
        made = [desk.rule(by=eli, name=name) for name in "AB"]

        lead.post(f"/rules/{made[1].pk}/move/", {"to": to})

        assert names() == ["A", "B"]


class TestWithoutScripts:
    def test_buttons_change_the_form_and_store_nothing(self, lead: Client, billing: Team) -> None:
        page = lead.post("/rules/new/", {**FORM, "do": "group:c"}).content.decode()

        assert 'name="c-1-kind"' in page
        assert 'name="c-1-0-field"' in page
        assert names() == []

    def test_a_condition_goes_and_the_others_stay(self, lead: Client, billing: Team) -> None:
        more = {"c-1-field": "sender", "c-1-operator": "is", "c-1-value": "ann@customer.example"}

        page = lead.post("/rules/new/", {**FORM, **more, "do": "remove:c-0"}).content.decode()

        assert 'value="ann@customer.example"' in page
        assert 'value="invoice"' not in page

    def test_a_field_that_was_changed_gets_its_own_operators(self, lead: Client, billing: Team) -> None:
        page = lead.post("/rules/new/", {**FORM, "c-0-field": "has_attachments", "do": "refresh:"}).content.decode()

        assert '<option value="is_true" selected>' in page

    @pytest.mark.parametrize("do", ["", "add:", "add:e-0", "group:c-9", "remove:", "drop:x", "explode:c", ":" * 50])
    def test_nonsense_changes_nothing(self, lead: Client, billing: Team, do: str) -> None:
        answer = lead.post("/rules/new/", {**FORM, "do": do})

        assert answer.status_code == 200
        assert 'value="invoice"' in answer.content.decode()


class TestSwitchingAndDeleting:
    def test_turns_a_rule_off_for_the_next_ticket(
        self, lead: Client, eli: Agent, channel: Channel, support: Team, billing: Team
    ) -> None:
        rule = desk.rule(by=eli)

        lead.post(f"/rules/{rule.pk}/switch/", {"on": "no"})
        make.deliver(channel, make.mail(subject="Invoice"))

        assert Ticket.objects.get().team == support

    def test_deletes_and_tells_the_journal_the_name(self, lead: Client, eli: Agent) -> None:
        rule = desk.rule(by=eli, name="Gone soon")

        lead.post(f"/rules/{rule.pk}/delete/")

        assert names() == []
        assert Entry.objects.latest("id").data["name"] == "Gone soon"


class TestTheList:
    def test_reads_each_rule_as_a_sentence(self, lead: Client, eli: Agent, billing: Team) -> None:
        desk.rule(by=eli)

        assert "When subject contains “invoice”, then team Billing." in lead.get("/rules/").content.decode()

    def test_shows_a_rule_that_cannot_be_read_instead_of_failing(self, lead: Client, eli: Agent) -> None:
        rule = desk.rule(by=eli)
        Rule.objects.filter(pk=rule.pk).update(condition={"all": [{"field": "gone", "operator": "is", "value": "x"}]})

        page = lead.get("/rules/").content.decode()

        assert "Can't be used" in page
        assert lead.get(f"/rules/{rule.pk}/").status_code == 200
