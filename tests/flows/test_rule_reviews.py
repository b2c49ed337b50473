"""The desk reviews its rules: once a night and once a version, whoever looks; what was dismissed stays so."""

import datetime as dt
import threading
from typing import Any

import pytest
from django.test import Client

from helpdesk import reviews
from helpdesk.actions import rule_reviews, rules, tickets
from helpdesk.models import (
    Agent,
    Channel,
    Entry,
    RoutingDecision,
    RuleFinding,
    RuleReview,
    RuleSuggestion,
    Team,
    Ticket,
)
from helpdesk.queries import rule_findings
from routing_rules.models import Rule, RuleVersion
from tests import make
from tests.flows import desk

#: Half past four in the morning in Helsinki; half past two UTC.
NIGHT = dt.datetime(2026, 3, 3, 2, 30, tzinfo=dt.UTC)
GO_ON = threading.Event()
SWEDISH = {"all": [{"field": "language", "operator": "is_any_of", "value": ["sv"]}]}


def subject(*words: str) -> dict[str, Any]:
    return {"all": [{"field": "subject", "operator": "contains_any", "value": list(words)}]}


def to(team: str) -> list[dict[str, str]]:
    return [{"kind": "set_team", "value": team}]


@pytest.fixture
def lead(client: Client, eli: Agent) -> Client:
    client.force_login(eli, backend="django.contrib.auth.backends.ModelBackend")
    return client


def codes() -> set[str]:
    return set(RuleFinding.objects.filter(is_current=True).values_list("code", flat=True))


class TestTurns:
    def test_a_night_and_a_version_are_reviewed_once(self, eli: Agent, billing: Team) -> None:
        desk.rule(by=eli)

        assert reviews.look(now=NIGHT, stop=GO_ON) == ["night 2026-03-03", "version 1"]
        assert reviews.look(now=NIGHT + dt.timedelta(hours=9), stop=GO_ON) == []
        desk.rule(by=eli, name="Another")
        assert reviews.look(now=NIGHT + dt.timedelta(hours=10), stop=GO_ON) == ["version 2"]
        assert reviews.look(now=NIGHT + dt.timedelta(days=1), stop=GO_ON) == ["night 2026-03-04"]

    def test_before_the_night_only_changes_are_reviewed(self, eli: Agent, billing: Team) -> None:
        desk.rule(by=eli)

        assert reviews.look(now=NIGHT - dt.timedelta(hours=3), stop=GO_ON) == ["version 1"]

    def test_without_rules_there_is_nothing_to_review(self, db: None) -> None:
        assert reviews.look(now=NIGHT, stop=GO_ON) == []
        assert not RuleReview.objects.exists()

    def test_a_turn_is_one_process_s_until_its_lease_is_over(self, db: None) -> None:
        first = rule_reviews.claim(name="night", rules_version=1, now=NIGHT)
        assert first is not None
        assert rule_reviews.claim(name="night", rules_version=1, now=NIGHT) is None
        later = NIGHT + rule_reviews.LEASE
        second = rule_reviews.claim(name="night", rules_version=1, now=later)
        assert second is not None

        second.refresh_from_db()
        outcome = rule_reviews.Outcome(findings=[], rules=1)
        assert not rule_reviews.stay(review=first, now=later)
        assert not rule_reviews.finish(review=first, outcome=outcome, at=later)
        assert rule_reviews.finish(review=second, outcome=outcome, at=later)
        assert rule_reviews.claim(name="night", rules_version=1, now=later + rule_reviews.LEASE * 9) is None

    def test_one_that_is_stopped_in_the_middle_is_done_later(self, eli: Agent, billing: Team) -> None:
        desk.rule(by=eli)
        stopped = threading.Event()
        stopped.set()
        review = rule_reviews.claim(name="night 2026-03-03", rules_version=1, now=NIGHT)
        assert review is not None
        pace = reviews._Pace(review, stopped, since=float("-inf"))

        with pytest.raises(reviews.Lost):
            pace()
        assert RuleReview.objects.get().finished_at is None


class TestFindings:
    def test_are_kept_until_they_are_no_longer_so(self, eli: Agent, billing: Team, tech: Team) -> None:
        desk.rule(by=eli, name="All", condition={"all": []})
        lost = desk.rule(by=eli, name="Lost", effects=to("tech"))
        reviews.look(now=NIGHT, stop=GO_ON)
        finding = RuleFinding.objects.get()
        assert (finding.code, finding.rule_uid, finding.first_seen_at) == ("shadowed", lost.uid, NIGHT)

        desk.rule(by=eli, name="Unrelated", effects=[{"kind": "add_tag", "value": "x"}])
        reviews.look(now=NIGHT + dt.timedelta(hours=1), stop=GO_ON)
        assert RuleFinding.objects.get().first_seen_at == NIGHT

        rules.delete_rule(rule=lost, by=eli)
        reviews.look(now=NIGHT + dt.timedelta(hours=2), stop=GO_ON)
        assert codes() == set()

    def test_a_team_that_is_closed_and_one_that_is_gone(self, eli: Agent, billing: Team) -> None:
        desk.rule(by=eli)
        desk.rule(by=eli, name="Other", condition=SWEDISH, effects=to("gone"))
        Team.objects.filter(pk=billing.pk).update(is_active=False)
        reviews.look(now=NIGHT, stop=GO_ON)

        assert {"disabled_reference", "missing_reference"} <= codes()

    def test_what_was_dismissed_stays_so_also_when_it_comes_back(self, eli: Agent, billing: Team, tech: Team) -> None:
        all_of_them = desk.rule(by=eli, name="All", condition={"all": []})
        desk.rule(by=eli, name="Lost", effects=to("tech"))
        reviews.look(now=NIGHT, stop=GO_ON)
        rule_reviews.dismiss(row=RuleFinding.objects.get(), reason="On purpose", by=eli, at=NIGHT)
        for number, is_enabled in enumerate((False, True), 1):
            rules.set_enabled(rule=all_of_them, is_enabled=is_enabled, by=eli)
            reviews.look(now=NIGHT + dt.timedelta(hours=number), stop=GO_ON)
            finding = RuleFinding.objects.get()
            assert (finding.is_current, finding.dismissed_reason) == (is_enabled, "On purpose")

    def test_a_conflict_that_happened_names_the_tickets_and_covers_the_one_that_could(
        self, eli: Agent, dora: Agent, channel: Channel, billing: Team, tech: Team
    ) -> None:
        desk.rule(by=eli, name="Invoices", condition=subject("invoice"))
        desk.rule(by=eli, name="Printers", condition=subject("printer"), effects=to("tech"))
        make.deliver(channel, make.mail(subject="Invoice for the printer"))
        ticket = Ticket.objects.get()
        RuleReview.objects.all().delete()
        at = ticket.created_at + dt.timedelta(hours=1)
        review_night(at)

        found = rule_findings.findings(agent=dora).rows
        assert [(row.code, row.certainty, row.ticket_ids) for row in found] == [("conflict", "observed", [ticket.pk])]
        assert RuleFinding.objects.filter(code="conflict", certainty="proved").count() == 1

    def test_tickets_that_no_rule_places_are_told_by_channel_and_language(
        self, eli: Agent, channel: Channel, billing: Team
    ) -> None:
        desk.rule(by=eli)
        for number in range(6):
            decided(channel, billing, subject=f"Question {number}")
        review_night(Ticket.objects.latest("id").created_at)

        finding = RuleFinding.objects.get(code="uncovered")
        assert finding.details["combination"]["channel"] == channel.slug
        assert (finding.details["tickets"], finding.details["of"]) == (6, 6)
        assert len(finding.ticket_ids) == 6


def decided(channel: Channel, team: Team, *, subject: str, rule: Rule | None = None) -> Ticket:
    """A ticket, and what the rules decided about it."""
    ticket = make.ticket(channel=channel, team=team, subject=subject, at=NIGHT)
    step = {"rule_id": rule.pk, "rule_name": rule.name, "effects": to(team.slug), "overridden": []} if rule else None
    facts = {"event": "ticket_created", "subject": subject, "channel": channel.slug, "language": "de"}
    RoutingDecision.objects.create(
        ticket=ticket, rules_version=1, facts=facts, facts_version=2, fired=[step] if step else [], created_at=NIGHT
    )
    return ticket


def review_night(at: dt.datetime) -> None:
    """The review of a night, whatever the time of day."""
    review = rule_reviews.claim(name="night", rules_version=1, now=at)
    assert review is not None
    assert reviews._review(review, now=at, stop=GO_ON)


class TestSuggestions:
    @pytest.fixture
    def habit(self, eli: Agent, dora: Agent, ben: Agent, channel: Channel, billing: Team, tech: Team) -> dt.datetime:
        """Sixteen mails about a Rechnung land in tech by a rule, and Dora moves fifteen of them to billing."""
        rule = desk.rule(by=eli, name="Everything", condition={"all": []}, effects=to("tech"))
        for subject in [*(f"Rechnung {number} falsch" for number in range(16)), "Drucker kaputt"]:
            decided(channel, tech, subject=subject, rule=rule)
        for ticket in Ticket.objects.filter(subject__startswith="Rechnung").order_by("id")[:15]:
            tickets.set_team(ticket=ticket, team=billing, by=dora)
        at: dt.datetime = Ticket.objects.latest("id").created_at
        return at

    def test_come_from_what_people_move_with_the_tickets_for_and_against(
        self, habit: dt.datetime, billing: Team
    ) -> None:
        review_night(habit)

        row = RuleSuggestion.objects.get()
        assert row.tests == [{"field": "subject", "operator": "contains_any_word", "value": ["falsch"]}]
        assert (row.team, row.matching, row.agreeing, row.moved) == (billing, 16, 15, 15)
        assert 0.7 < row.bound < 0.9
        assert len(row.evidence) == 15
        assert len(row.exceptions) == 1
        assert row.above_uid == Rule.objects.get().uid

    def test_end_when_the_rules_do_it(self, habit: dt.datetime, eli: Agent) -> None:
        review_night(habit)
        desk.rule(by=eli, name="Rechnungen", condition=subject("falsch"))
        rules.move_rule(rule=Rule.objects.get(name="Rechnungen"), to=0, by=eli)
        RuleReview.objects.all().delete()
        review_night(habit)

        assert not RuleSuggestion.objects.filter(is_current=True).exists()

    def test_become_a_rule_only_when_somebody_saves_it_and_then_above_the_other(
        self, habit: dt.datetime, lead: Client
    ) -> None:
        review_night(habit)
        suggestion = RuleSuggestion.objects.get()
        page = lead.get(f"/rules/new/?suggestion={suggestion.pk}").content.decode()
        assert 'value="falsch"' in page
        assert "“”" not in page
        assert Rule.objects.count() == 1

        everything = Rule.objects.get()
        form = {
            "name": "Learned",
            "is_enabled": "on",
            "version": "1",
            "above": str(everything.pk),
            "c-kind": "all",
            "c-0-field": "subject",
            "c-0-operator": "contains_any_word",
            "c-0-value": "falsch",
            "e-0-kind": "set_team",
            "e-0-value": "billing",
        }
        lead.post("/rules/new/", form)
        assert list(Rule.objects.values_list("name", flat=True)) == ["Learned", "Everything"]
        assert RuleVersion.objects.count() == 2

    def test_show_each_reader_the_tickets_that_they_may_see(
        self, habit: dt.datetime, lead: Client, dora: Agent
    ) -> None:
        review_night(habit)
        moved = Ticket.objects.filter(team__slug="billing").latest("id")
        kept = Ticket.objects.get(subject="Rechnung 15 falsch")

        page = lead.get("/rules/suggestions/").content.decode()  # Eli leads billing and isn't in tech
        assert moved.reference in page
        assert kept.reference not in page
        lead.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")
        assert kept.reference in lead.get("/rules/suggestions/").content.decode()

    def test_dismissed_ones_stay_dismissed_and_can_be_taken_back(self, habit: dt.datetime, lead: Client) -> None:
        review_night(habit)
        row = RuleSuggestion.objects.get()
        lead.post(f"/rules/suggestions/{row.pk}/", {"do": "dismiss", "reason": "We want it so"})
        RuleReview.objects.all().delete()
        review_night(habit)

        assert "We want it so" in lead.get("/rules/suggestions/?dismissed").content.decode()
        assert "Make a rule" not in lead.get("/rules/suggestions/").content.decode()
        lead.post(f"/rules/suggestions/{row.pk}/", {"do": "restore"})
        assert "Make a rule" in lead.get("/rules/suggestions/").content.decode()


class TestPages:
    def test_say_what_is_proved_and_lead_to_the_rules(
        self, lead: Client, eli: Agent, billing: Team, tech: Team
    ) -> None:
        desk.rule(by=eli, name="All <b>", condition={"all": []})
        lost = desk.rule(by=eli, name="Lost", effects=to("tech"))
        reviews.look(now=NIGHT, stop=GO_ON)
        page = lead.get("/rules/findings/").content.decode()

        assert "“Lost” never changes anything" in page
        assert "All &lt;b&gt;" in page
        assert "Proved" in page
        assert f"/rules/{lost.pk}/" in page
        assert "1 finding" in lead.get("/rules/").content.decode()

    def test_dismissing_is_written_down_and_taken_back(
        self, lead: Client, eli: Agent, billing: Team, tech: Team
    ) -> None:
        desk.rule(by=eli, name="All", condition={"all": []})
        desk.rule(by=eli, name="Lost", effects=to("tech"))
        reviews.look(now=NIGHT, stop=GO_ON)
        address = f"/rules/findings/{RuleFinding.objects.get().pk}/"

        lead.post(address, {"do": "dismiss", "reason": "For next week"})
        assert "never changes anything" not in lead.get("/rules/findings/").content.decode()
        assert "For next week" in lead.get("/rules/findings/?dismissed").content.decode()
        assert Entry.objects.latest("id").data["change"] == "dismissed"
        lead.post(address, {"do": "restore"})
        assert "never changes anything" in lead.get("/rules/findings/").content.decode()

    def test_saving_a_rule_says_at_once_what_is_wrong_with_it(self, lead: Client, eli: Agent, billing: Team) -> None:
        desk.rule(by=eli, name="All", condition={"all": []})
        form = {
            "name": "Again",
            "is_enabled": "on",
            "version": "1",
            "c-kind": "all",
            "e-0-kind": "set_team",
            "e-0-value": "billing",
        }
        margin = lead.post("/rules/new/draft/", form, headers={"HX-Request": "true"}).content.decode()
        assert "“Again” repeats “All”" in margin
        assert not RuleFinding.objects.exists()

        lead.post("/rules/new/", form)
        assert codes() == {"duplicate"}

    def test_agents_who_are_no_leads_see_none_of_it(self, client: Client, ben: Agent) -> None:
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")
        for address in ("/rules/findings/", "/rules/suggestions/"):
            assert client.get(address).status_code == 403
