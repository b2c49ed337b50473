"""Versions, plans and files of rules, as a lead works with them."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from helpdesk.actions import rule_plans, rules
from helpdesk.models import Agent, Team
from routing_rules.models import Rule, RulePlan, RuleVersion, current_number
from routing_rules.yaml_writing import write
from tests.flows import desk


@pytest.fixture
def lead(client: Client, eli: Agent) -> Client:
    client.force_login(eli, backend="django.contrib.auth.backends.ModelBackend")
    return client


def names() -> list[str]:
    return list(Rule.objects.values_list("name", flat=True))


def file_of(name: str = "Invoices to billing", **changed: object) -> str:
    """Today's rules as a file, the rule called ``name`` changed."""
    rows = [rule.snapshot() for rule in Rule.objects.all()]
    return write([row | changed if row["name"] == name else row for row in rows])


class TestTheListOfVersions:
    def test_tells_who_why_and_what_changed(self, lead: Client, eli: Agent, billing: Team) -> None:
        rule = desk.rule(by=eli)
        rules.set_enabled(rule=rule, is_enabled=False, by=eli)

        page = lead.get("/rules/versions/").content.decode()

        assert "“Invoices to billing” added" in page
        assert "“Invoices to billing” turned off" in page
        assert page.count("<span>Eli</span> ·") == 2

    def test_is_for_leads(self, client: Client, ben: Agent, eli: Agent) -> None:
        desk.rule(by=eli)
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")

        for path in ("/rules/versions/", "/rules/versions/compare/", "/rules/export/", "/rules/import/"):
            assert client.get(path).status_code == 403
        assert client.post("/rules/versions/1/restore/", {"version": "1"}).status_code == 403


class TestComparing:
    def test_marks_what_differs_in_the_sentence(self, lead: Client, eli: Agent, billing: Team) -> None:
        rule = desk.rule(by=eli)
        fields = rules.RuleFields(
            name="Bills",
            comment="",
            is_stop=True,
            is_enabled=True,
            condition={"all": [{"field": "subject", "operator": "contains", "value": "bill"}]},
            effects=desk.TO_BILLING,
        )
        rules.save_rule(rule=rule, fields=fields, expected_version=1, reason="", by=eli)

        page = lead.get("/rules/versions/compare/").content.decode()

        assert "<del>invoice</del>" in page
        assert "<ins>bill</ins>" in page
        assert "<del>Invoices to billing</del>" in page

    def test_reaches_back_before_the_first_version(self, lead: Client, eli: Agent) -> None:
        desk.rule(by=eli)

        assert "as number 1" in lead.get("/rules/versions/compare/?from=0&to=1").content.decode()

    @pytest.mark.parametrize("query", ["from=7&to=1", "from=1&to=99999999999", "from=1&to=7"])
    def test_answers_404_for_a_version_that_is_not_there(self, lead: Client, eli: Agent, query: str) -> None:
        desk.rule(by=eli)

        assert lead.get(f"/rules/versions/compare/?{query}").status_code == 404

    def test_escapes_what_people_wrote(self, lead: Client, eli: Agent) -> None:
        desk.rule(by=eli, name="<b>x</b>", comment="<script>")

        page = lead.get("/rules/versions/compare/").content.decode()

        assert "<b>x</b>" not in page
        assert "&lt;b&gt;x&lt;/b&gt;" in page


class TestGoingBack:
    def test_takes_one_click(self, lead: Client, eli: Agent) -> None:
        rules.delete_rule(rule=desk.rule(by=eli), by=eli)

        answer = lead.post("/rules/versions/1/restore/", {"version": "2"}, follow=True)

        assert (names(), current_number()) == (["Invoices to billing"], 3)
        assert "This is version 3 now" in answer.content.decode()

    def test_tells_the_second_of_two_leads(self, lead: Client, eli: Agent) -> None:
        desk.rule(by=eli)
        desk.rule(by=eli, name="Meanwhile")

        answer = lead.post("/rules/versions/1/restore/", {"version": "1"}, follow=True)

        assert "somebody else has changed the rules" in answer.content.decode()
        assert len(names()) == 2

    @pytest.mark.parametrize(("number", "version"), [("9", "1"), ("9", "")])
    def test_to_a_version_that_is_not_there_answers_404(
        self, lead: Client, eli: Agent, number: str, version: str
    ) -> None:
        desk.rule(by=eli)

        assert lead.post(f"/rules/versions/{number}/restore/", {"version": version}).status_code == 404


class TestTwoLeads:
    @pytest.mark.parametrize(("verb", "data"), [("move", {"to": "1"}), ("switch", {"on": "no"})])
    def test_the_second_is_told_in_the_list(self, lead: Client, eli: Agent, verb: str, data: dict[str, str]) -> None:
        rule = desk.rule(by=eli)
        desk.rule(by=eli, name="Meanwhile")

        answer = lead.post(f"/rules/{rule.pk}/{verb}/", {**data, "version": "1"}, headers={"HX-Request": "true"})

        assert "somebody else has changed the rules meanwhile" in answer.content.decode()
        assert current_number() == 2

    def test_the_second_is_told_about_a_rule_that_has_gone(self, lead: Client, eli: Agent) -> None:
        rule = desk.rule(by=eli)
        number = rule.pk
        rules.delete_rule(rule=rule, by=eli)

        answer = lead.post(f"/rules/{number}/switch/", {"on": "no"}, headers={"HX-Request": "true"})

        assert "somebody else has changed the rules meanwhile" in answer.content.decode()

    def test_does_not_delete_what_others_have_changed(self, lead: Client, eli: Agent) -> None:
        rule = desk.rule(by=eli)
        rules.set_enabled(rule=rule, is_enabled=False, by=eli)

        answer = lead.post(f"/rules/{rule.pk}/delete/", {"version": "1"}, follow=True)

        assert "Not deleted" in answer.content.decode()
        assert names() == ["Invoices to billing"]

    def test_keeps_what_was_typed_into_a_rule_that_was_deleted(self, lead: Client, eli: Agent, billing: Team) -> None:
        rule = desk.rule(by=eli)
        number = rule.pk
        rules.delete_rule(rule=rule, by=eli)
        typed = {
            "name": "Typed for an hour",
            "is_stop": "on",
            "c-kind": "all",
            "c-0-field": "subject",
            "c-0-operator": "contains",
            "c-0-value": "precious words",
        }

        page = lead.post(f"/rules/{number}/", {**typed, "version": "1"}).content.decode()
        saved = lead.post("/rules/new/", {**typed, "version": "2"})

        assert "deleted this rule meanwhile" in page
        assert "precious words" in page
        assert 'action="/rules/new/"' in page
        assert saved.status_code == 302
        assert names() == ["Typed for an hour"]


class TestFiles:
    def test_come_out_as_yaml(self, lead: Client, eli: Agent, billing: Team) -> None:
        desk.rule(by=eli)

        answer = lead.get("/rules/export/")

        assert answer["Content-Disposition"] == 'attachment; filename="luotsi-rules-1.yaml"'
        assert "- set_team: billing" in answer.content.decode()

    def test_of_an_older_version_come_out_too(self, lead: Client, eli: Agent) -> None:
        rules.delete_rule(rule=desk.rule(by=eli), by=eli)

        assert "Invoices" in lead.get("/rules/export/?version=1").content.decode()
        assert "rules: []" in lead.get("/rules/export/").content.decode()
        assert lead.get("/rules/export/?version=8").status_code == 404

    def test_that_were_not_changed_change_nothing(self, lead: Client, eli: Agent, billing: Team) -> None:
        desk.rule(by=eli)
        text = lead.get("/rules/export/").content.decode()

        assert "Nothing differs" in lead.post("/rules/import/", {"text": text}).content.decode()

    def test_show_what_they_would_change_before_they_do(self, lead: Client, eli: Agent, billing: Team) -> None:
        desk.rule(by=eli)
        file = SimpleUploadedFile("rules.yaml", file_of(name="Bills").replace("Invoices", "Bills").encode())
        text = file_of().replace("name: Invoices to billing", "name: Bills")

        page = lead.post("/rules/import/", {"file": file}).content.decode()
        before = names()
        lead.post("/rules/import/", {"text": text, "version": "1", "do": "import", "reason": "From git"})

        assert "<ins>Bills" in page
        assert before == ["Invoices to billing"]
        assert names() == ["Bills"]
        assert RuleVersion.objects.first().reason == "From git"  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            ("set_team: billing", "set_team: nobody", "“nobody” does not exist"),
            ("operator: contains", "operator: smells_of", "smells_of"),
            ("version: 1", "version: 3", "version: 1"),
        ],
    )
    def test_with_errors_change_nothing_and_say_where(
        self, lead: Client, eli: Agent, billing: Team, old: str, new: str, complaint: str
    ) -> None:
        desk.rule(by=eli)
        desk.rule(by=eli, name="Another")
        text = file_of().replace("name: Invoices to billing", "name: Changed").replace(old, new)

        page = lead.post("/rules/import/", {"text": text, "version": "2", "do": "import"}).content.decode()

        assert complaint in page
        assert "Line " in page
        assert (names(), current_number()) == (["Invoices to billing", "Another"], 2)

    def test_may_name_a_team_that_has_gone_in_a_rule_that_stands_so(self, lead: Client, eli: Agent) -> None:
        desk.rule(by=eli)

        page = lead.post("/rules/import/", {"text": lead.get("/rules/export/").content.decode()}).content.decode()

        assert "Nothing differs" in page

    def test_without_ids_mean_the_rules_of_their_names(self, lead: Client, eli: Agent) -> None:
        rule = desk.rule(by=eli, name="A")
        text = "version: 1\nrules:\n- name: A\n  stop: true\n- name: B\n  stop: true\n"

        lead.post("/rules/import/", {"text": text, "version": "1", "do": "import"})

        assert names() == ["A", "B"]
        assert Rule.objects.get(name="A").pk == rule.pk

    def test_are_shown_anew_when_somebody_else_was_faster(self, lead: Client, eli: Agent, billing: Team) -> None:
        desk.rule(by=eli)
        text = file_of().replace("name: Invoices to billing", "name: Bills")
        desk.rule(by=eli, name="Meanwhile")

        page = lead.post("/rules/import/", {"text": text, "version": "1", "do": "import"}).content.decode()

        assert "Somebody else has changed the rules" in page
        assert "was number 2" in page
        assert names() == ["Invoices to billing", "Meanwhile"]

    def test_that_are_no_text_are_refused(self, lead: Client) -> None:
        page = lead.post("/rules/import/", {"file": SimpleUploadedFile("x.yaml", b"\xff\xfe\x00")}).content.decode()

        assert "not UTF-8" in page

    def test_can_be_followed_from_a_set_moment(self, lead: Client, eli: Agent, billing: Team) -> None:
        desk.rule(by=eli)
        text = file_of().replace("name: Invoices to billing", "name: Bills")
        later = timezone.localtime() + timedelta(days=30)

        answer = lead.post(
            "/rules/import/",
            {"text": text, "version": "1", "do": "import", "activate_at": f"{later:%Y-%m-%dT%H:%M}"},
            follow=True,
        )

        assert "Planned. Nothing changes before that." in answer.content.decode()
        assert names() == ["Invoices to billing"]
        rule_plans.activate_due(now=later)
        assert names() == ["Bills"]

    def test_cannot_be_planned_for_the_past(self, lead: Client, eli: Agent, billing: Team) -> None:
        desk.rule(by=eli)
        text = file_of().replace("name: Invoices to billing", "name: Bills")

        lead.post("/rules/import/", {"text": text, "version": "1", "do": "import", "activate_at": "2026-01-01T08:00"})

        assert RulePlan.objects.count() == 0
        assert names() == ["Invoices to billing"]


class TestPlans:
    @pytest.fixture
    def plan(self, eli: Agent, billing: Team) -> RulePlan:
        rule = desk.rule(by=eli)
        later = timezone.now() + timedelta(days=30)
        draft = [rule.snapshot() | {"name": "Bills from Monday"}]
        return rule_plans.plan_rules(rules=draft, base_version=1, activate_at=later, reason="Summer", by=eli)

    def test_stand_above_the_rules(self, lead: Client, plan: RulePlan) -> None:
        page = lead.get("/rules/").content.decode()

        assert "Planned for" in page
        assert "“Bills from Monday” changed: name" in page

    def test_warn_when_somebody_edits_what_they_change(self, lead: Client, eli: Agent, plan: RulePlan) -> None:
        rules.set_enabled(rule=Rule.objects.get(), is_enabled=False, by=eli)

        assert "It will not be carried out" in lead.get("/rules/").content.decode()

    def test_say_when_they_were_not_carried_out(self, lead: Client, eli: Agent, plan: RulePlan) -> None:
        rules.set_enabled(rule=Rule.objects.get(), is_enabled=False, by=eli)
        rule_plans.activate_due(now=plan.activate_at)

        assert "Nothing of the plan was done" in lead.get("/rules/").content.decode()
        lead.post(f"/rules/plans/{plan.pk}/cancel/")
        assert "Nothing of the plan was done" not in lead.get("/rules/").content.decode()

    def test_can_be_cancelled(self, lead: Client, plan: RulePlan) -> None:
        lead.post(f"/rules/plans/{plan.pk}/cancel/")

        assert "Cancelled by Eli" in lead.get(f"/rules/plans/{plan.pk}/").content.decode()
        assert rule_plans.activate_due(now=plan.activate_at) == []

    def test_lead_to_their_version_afterwards(self, lead: Client, plan: RulePlan) -> None:
        rule_plans.activate_due(now=plan.activate_at)

        assert "from=1&amp;to=2" in lead.get(f"/rules/plans/{plan.pk}/").content.decode()
        assert "Too late" in lead.post(f"/rules/plans/{plan.pk}/cancel/", follow=True).content.decode()

    def test_that_are_not_there_answer_404(self, lead: Client) -> None:
        assert lead.get("/rules/plans/7/").status_code == 404
