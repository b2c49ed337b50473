"""Rehearsals: what other rules would have done with the tickets of the past, and that they do nothing to them."""

import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from helpdesk import rehearsals
from helpdesk.actions import rehearsals as actions
from helpdesk.models import (
    Agent,
    Channel,
    Entry,
    Rehearsal,
    RehearsedChange,
    RoutingDecision,
    RuleSuggestion,
    Team,
    Ticket,
)
from helpdesk.queries.mailroom import Key
from helpdesk.queries.rehearsals import rows_of, summary_of, traces_of
from helpdesk.queries.replay import reading_only
from routing_rules.facts import VERSION
from routing_rules.models import Rule, RulePlan, current_number
from tests import make
from tests.flows import desk

GOES_ON = threading.Event()


def decision(ticket: Ticket, subject: str, *, days_ago: float = 1, **facts: object) -> RoutingDecision:
    """What the rules were told about a ticket."""
    told = {"event": "ticket_created", "subject": subject, "language": "en", **facts}
    return RoutingDecision.objects.create(
        ticket=ticket,
        rules_version=current_number(),
        facts={name: value for name, value in told.items() if value != "unrecorded"},
        facts_version=VERSION,
        fired=[],
        created_at=timezone.now() - timedelta(days=days_ago),
    )


@pytest.fixture
def rule(eli: Agent, billing: Team, tech: Team) -> Rule:
    return desk.rule(by=eli)


@pytest.fixture
def past(channel: Channel, billing: Team, tech: Team, rule: Rule) -> list[Ticket]:
    """Three tickets about invoices, one of them tech's; one about a printer; one of long ago."""
    tickets = []
    for number, team in enumerate((billing, billing, tech)):
        tickets.append(make.ticket(channel=channel, team=team, subject=f"Invoice {number}"))
        decision(tickets[-1], f"Invoice {number}")
    printer = make.ticket(channel=channel, team=billing, subject="Printer")
    decision(printer, "Printer")
    old = make.ticket(channel=channel, team=billing, subject="Invoice of March")
    decision(old, "Invoice of March", days_ago=40)
    return [*tickets, printer, old]


def to_tech(rule: Rule) -> list[dict[str, object]]:
    return [{**rule.snapshot(), "effects": [{"kind": "set_team", "value": "tech"}]}]


def asked(by: Agent, rules: list[dict[str, object]], *, days: int = 30) -> Rehearsal:
    return actions.request(rules=rules, title="A trial", days=days, by=by)


def carried_out(rehearsal: Rehearsal) -> Rehearsal:
    assert rehearsals.work_once(GOES_ON)
    rehearsal.refresh_from_db()
    return rehearsal


@pytest.mark.usefixtures("past")
class TestARehearsal:
    def test_counts_the_tickets_that_would_change_and_groups_them(self, eli: Agent, rule: Rule) -> None:
        rehearsal = carried_out(asked(eli, to_tech(rule)))

        summary = summary_of(rehearsal)
        assert (rehearsal.state, rehearsal.total, rehearsal.done, rehearsal.tickets) == ("done", 4, 4, 4)
        assert (summary.changed, summary.unknown) == (3, 0)
        assert [(group.change.before, group.change.after, group.tickets) for group in summary.groups] == [
            ("billing", "tech", 3)
        ]

    def test_of_unchanged_rules_finds_nothing(self, eli: Agent, rule: Rule) -> None:
        rehearsal = carried_out(asked(eli, [rule.snapshot()]))

        assert rehearsal.state == "done"
        assert not rehearsal.changes.exists()

    def test_changes_nothing_but_its_own_rows(self, eli: Agent, rule: Rule) -> None:
        before = [list(model.objects.order_by("pk").values()) for model in (Ticket, RoutingDecision, Entry, Rule)]

        carried_out(asked(eli, to_tech(rule)))

        assert before == [
            list(model.objects.order_by("pk").values()) for model in (Ticket, RoutingDecision, Entry, Rule)
        ]

    def test_names_only_tickets_that_the_lead_may_see(self, eli: Agent, dora: Agent, rule: Rule) -> None:
        rehearsal = carried_out(asked(eli, to_tech(rule)))

        seen = rows_of(rehearsal, agent=eli, change=None, key=Key()).rows
        assert [row.subject for row in seen] == ["Invoice 1", "Invoice 0"]
        assert len(rows_of(rehearsal, agent=dora, change=None, key=Key()).rows) == 3

    def test_counts_what_was_not_recorded_as_unknown(self, eli: Agent, rule: Rule, past: list[Ticket]) -> None:
        decision(past[0], "Invoice again", customer_class="unrecorded")
        tried = to_tech(rule)
        vip = {"field": "customer_class", "operator": "is_any_of", "value": ["vip"]}
        tried[0]["condition"] = {"all": [{"field": "subject", "operator": "contains", "value": "again"}, vip]}
        tried.insert(0, {**rule.snapshot(), "id": 99, "uid": "", "name": "Another"})

        rehearsal = carried_out(asked(eli, [tried[1], tried[0]]))

        summary = summary_of(rehearsal)
        assert (summary.changed, summary.unknown) == (0, 1)

    def test_goes_on_where_a_killed_worker_left_it(
        self, eli: Agent, rule: Rule, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rehearsals, "BATCH", 2)
        rehearsal = asked(eli, to_tech(rule))
        claimed = actions.claim(now=timezone.now())
        assert claimed is not None
        killed = rehearsals.Replay.of(claimed)
        assert killed._begin()
        assert killed._batch(claimed.last or 0)

        assert not rehearsals.work_once(GOES_ON), "its lease still stands"
        Rehearsal.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        carried_out(rehearsal)

        assert (rehearsal.state, rehearsal.done, summary_of(rehearsal).changed) == ("done", 4, 3)
        assert not killed._batch(claimed.last or 0), "what wakes up late may not count again"
        assert rehearsal.changes.count() == 3

    def test_that_is_cancelled_keeps_what_it_found(
        self, eli: Agent, rule: Rule, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rehearsals, "BATCH", 2)
        rehearsal = asked(eli, to_tech(rule))
        claimed = actions.claim(now=timezone.now())
        assert claimed is not None
        replay = rehearsals.Replay.of(claimed)
        assert replay._begin()
        assert replay._batch(claimed.last or 0)

        actions.cancel(rehearsal=rehearsal)

        assert not replay._batch(claimed.last or 0)
        rehearsal.refresh_from_db()
        assert (rehearsal.state, rehearsal.done, rehearsal.changes.count()) == ("cancelled", 2, 2)

    def test_whose_workers_die_again_and_again_has_failed(self, eli: Agent, rule: Rule) -> None:
        rehearsal = asked(eli, to_tech(rule))
        for _ in range(3):
            assert actions.claim(now=timezone.now()) is not None
            Rehearsal.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

        assert actions.claim(now=timezone.now()) is None
        rehearsal.refresh_from_db()
        assert rehearsal.state == "failed"

    def test_asked_for_twice_runs_once(self, eli: Agent, dora: Agent, rule: Rule) -> None:
        assert asked(eli, to_tech(rule)) == asked(eli, to_tech(rule))
        assert asked(eli, to_tech(rule)) != asked(dora, to_tech(rule))

    def test_is_forgotten_after_some_days(self, eli: Agent, rule: Rule) -> None:
        rehearsal = carried_out(asked(eli, to_tech(rule)))

        assert actions.sweep(now=timezone.now() + timedelta(days=6)) == 0
        assert actions.sweep(now=timezone.now() + timedelta(days=8)) > 0
        assert not RehearsedChange.objects.filter(rehearsal=rehearsal.pk).exists()

    def test_gives_a_rule_its_one_turn_and_respects_an_earlier_one(
        self, eli: Agent, rule: Rule, past: list[Ticket]
    ) -> None:
        ticket = past[0]
        decision(ticket, "Invoice once more")
        once = {**rule.snapshot(), "effects": [{"kind": "add_tag", "value": "seen"}], "once_per_ticket": True}
        RoutingDecision.objects.filter(ticket=past[1]).update(spent=[str(rule.uid)])

        rehearsal = carried_out(asked(eli, [once]))

        tagged = rehearsal.changes.filter(kind="add_tag").values_list("ticket_id", flat=True)
        assert sorted(tagged) == sorted([ticket.pk, past[2].pk])

    def test_shows_both_ways_of_a_decision_rule_by_rule(self, eli: Agent, rule: Rule, past: list[Ticket]) -> None:
        rehearsal = carried_out(asked(eli, to_tech(rule)))

        traces = traces_of(rehearsal, agent=eli, decision_id=past[0].decisions.get().pk)

        (beside,) = traces.rules
        assert beside.is_different
        assert beside.before is not None
        assert beside.after is not None
        assert [effect.value for effect in (*beside.before.effects, *beside.after.effects)] == ["billing", "tech"]
        with pytest.raises(RoutingDecision.DoesNotExist):
            traces_of(rehearsal, agent=eli, decision_id=past[2].decisions.get().pk)


class TestReadingOnly:
    def test_makes_the_database_refuse_every_write(self, channel: Channel, support: Team) -> None:
        ticket = make.ticket(channel=channel, team=support)

        with pytest.raises(DatabaseError), transaction.atomic(), reading_only():
            Ticket.objects.filter(pk=ticket.pk).update(subject="Changed")

        ticket.refresh_from_db()
        assert ticket.subject == "Cannot log in"
        Ticket.objects.filter(pk=ticket.pk).update(subject="Changed")

    def test_holds_while_decisions_are_compared(
        self, eli: Agent, rule: Rule, past: list[Ticket], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A write from within the comparison itself is refused, so none can hide there."""

        def writes(*_: object) -> list[object]:
            past[0].subject = "Changed"
            past[0].save()
            return []

        asked(eli, to_tech(rule))
        monkeypatch.setattr(rehearsals.Replay, "compare", writes)

        with pytest.raises(DatabaseError, match=r"readonly|read-only"), transaction.atomic():
            rehearsals.work_once(GOES_ON)
        assert Ticket.objects.get(pk=past[0].pk).subject == "Invoice 0"
        assert connection.vendor in {"sqlite", "postgresql"}


@pytest.mark.usefixtures("past")
class TestThePages:
    @pytest.fixture
    def lead(self, client: Client, eli: Agent) -> Client:
        client.force_login(eli, backend="django.contrib.auth.backends.ModelBackend")
        return client

    def form(self, **values: str) -> dict[str, str]:
        shape = {"c-kind": "all", "c-0-field": "subject", "c-0-operator": "contains", "c-0-value": "invoice"}
        return {"name": "Invoices", "is_enabled": "on", **shape, "e-0-kind": "set_team", "e-0-value": "tech", **values}

    def test_try_a_rule_that_is_not_saved(self, lead: Client, rule: Rule) -> None:
        answer = lead.post(f"/rules/{rule.pk}/rehearse/", {**self.form(), "days": "30"})

        rehearsal = Rehearsal.objects.get()
        assert answer.headers["Location"] == f"/rules/rehearsals/{rehearsal.pk}/"
        carried_out(rehearsal)
        page = lead.get(answer.headers["Location"]).content.decode()
        assert "Invoice 0" in page
        assert "Invoice 2" not in page, "a ticket of a team that the lead isn't in"
        assert summary_of(rehearsal).changed == 3
        assert Rule.objects.get().effects == desk.TO_BILLING

    def test_try_a_new_rule_after_the_others(self, lead: Client) -> None:
        lead.post("/rules/new/rehearse/", {**self.form(**{"c-0-value": "printer"}), "days": "7"})

        rehearsal = carried_out(Rehearsal.objects.get())
        assert (rehearsal.days, len(rehearsal.rules), summary_of(rehearsal).changed) == (7, 2, 1)

    def test_say_what_is_missing_in_a_rule_that_is_not_complete(self, lead: Client, rule: Rule) -> None:
        answer = lead.post(f"/rules/{rule.pk}/rehearse/", self.form(**{"c-0-value": ""}))

        assert answer.status_code == 200
        assert not Rehearsal.objects.exists()
        assert 'class="error"' in answer.content.decode()

    def test_try_an_older_version(self, lead: Client, eli: Agent, rule: Rule) -> None:
        desk.rule(by=eli, name="Printers", condition={"all": []}, effects=[{"kind": "add_tag", "value": "x"}])

        lead.post("/rules/versions/1/rehearse/", {"days": "30"})

        rehearsal = carried_out(Rehearsal.objects.get())
        (group,) = summary_of(rehearsal).groups
        assert (group.change.kind, group.change.before, group.change.after, group.tickets) == ("add_tag", "x", "", 4)

    def test_try_a_suggestion_where_it_would_have_to_stand(self, lead: Client, rule: Rule, tech: Team) -> None:
        learned = RuleSuggestion.objects.create(
            key="k",
            tests=[{"field": "subject", "operator": "contains", "value": "invoice"}],
            team=tech,
            matching=3,
            agreeing=3,
            moved=3,
            bound=0.9,
            above_uid=rule.uid,
            first_seen_at=timezone.now(),
            seen_at=timezone.now(),
        )

        lead.post(f"/rules/suggestions/{learned.pk}/rehearse/")

        rehearsal = carried_out(Rehearsal.objects.get())
        assert [data["name"] for data in rehearsal.rules] == ["invoice to Tech", "Invoices to billing"]
        assert summary_of(rehearsal).changed == 3

    def test_try_a_plan_and_a_file(self, lead: Client, rule: Rule) -> None:
        plan = RulePlan.objects.create(
            base_version=1,
            rules=to_tech(rule),
            activate_at=timezone.now() + timedelta(days=1),
            author_name="Eli",
            created_at=timezone.now(),
        )
        exported = lead.get("/rules/export/").content.decode()

        lead.post(f"/rules/plans/{plan.pk}/rehearse/")
        lead.post("/rules/import/", {"text": exported.replace("contains", "starts_with"), "do": "rehearse"})

        planned, filed = Rehearsal.objects.order_by("id")
        assert summary_of(carried_out(planned)).changed == 3
        assert summary_of(carried_out(filed)).changed == 0
        assert filed.rules != [rule.snapshot()]

    def test_hand_out_what_the_lead_may_see_as_csv(
        self, lead: Client, eli: Agent, rule: Rule, past: list[Ticket]
    ) -> None:
        Ticket.objects.filter(pk=past[1].pk).update(subject='=HYPERLINK("x")')
        rehearsal = carried_out(asked(eli, to_tech(rule)))

        answer = lead.get(f"/rules/rehearsals/{rehearsal.pk}/csv/")

        lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
        assert len(lines) == 3
        assert "'=HYPERLINK" in lines[1]
        assert lines[2].endswith("Team,Billing,Tech,")

    def test_cancel_what_runs(self, lead: Client, eli: Agent, rule: Rule) -> None:
        rehearsal = asked(eli, to_tech(rule))

        lead.post(f"/rules/rehearsals/{rehearsal.pk}/cancel/")

        rehearsal.refresh_from_db()
        assert rehearsal.state == "cancelled"
        assert not rehearsals.work_once(GOES_ON)
        assert "Cancelled after 0 of 0 decisions" in lead.get(f"/rules/rehearsals/{rehearsal.pk}/").content.decode()

    def test_are_for_leads(self, client: Client, ben: Agent, eli: Agent, rule: Rule) -> None:
        rehearsal = asked(eli, to_tech(rule))
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")

        assert client.get(f"/rules/rehearsals/{rehearsal.pk}/").status_code == 403
