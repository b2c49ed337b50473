"""The screens of assignment: presence, the next ticket, handing over, and why somebody has a ticket."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from helpdesk.actions import dealing, replies, tickets
from helpdesk.console.staffing import SharingForm
from helpdesk.models import (
    Absence,
    Agent,
    Channel,
    ChannelWeight,
    Entry,
    Identity,
    Organisation,
    QueuePlace,
    Skill,
    Team,
    Ticket,
)
from helpdesk.queries.fairness import Week, fairness_of
from tests import make
from tests.flows.test_assignment import hire

BACKEND = "django.contrib.auth.backends.ModelBackend"


def client_of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend=BACKEND)
    return client


class TestPresence:
    def test_is_chosen_in_the_rail(self, ben: Agent) -> None:
        client = client_of(ben)

        answer = client.post("/presence/", {"presence": "away", "next": "/inbox/mine/"})

        ben.refresh_from_db()
        assert answer.headers["Location"] == "/inbox/mine/"
        assert ben.presence == "away"
        assert ben.presence_since is not None
        assert "Away" in client.get("/inbox/mine/").content.decode()

    @pytest.mark.parametrize(
        "values", [{"presence": "gone"}, {}, {"presence": "away", "next": "https://evil.example/"}]
    )
    def test_takes_no_word_and_no_address_but_ours(self, ben: Agent, values: dict[str, str]) -> None:
        answer = client_of(ben).post("/presence/", values)

        ben.refresh_from_db()
        assert answer.headers["Location"] == "/"
        assert ben.presence == values.get("presence", "available").replace("gone", "available")


class TestTakingTheNextTicket:
    def test_opens_it_and_says_when_there_is_none(
        self, channel: Channel, billing: Team, tech: Team, ben: Agent, ann: Identity
    ) -> None:
        mine = make.ticket(channel=channel, team=billing, identity=ann)
        make.ticket(channel=channel, team=tech, identity=ann)
        client = client_of(ben)

        first = client.post("/take-next/")
        second = client.post("/take-next/", follow=True)

        assert first.headers["Location"] == f"/tickets/{mine.reference}/?view=mine"
        assert "Nothing waits for you" in second.content.decode()


class TestWhoHasIt:
    def page(self, agent: Agent, ticket: Ticket) -> str:
        return (
            client_of(agent).get(f"/tickets/{ticket.reference}/why/", headers={"HX-Request": "true"}).content.decode()
        )

    def test_names_the_reasons_against_the_others_and_the_tie_break(
        self, channel: Channel, support: Team, dora: Agent
    ) -> None:
        for name in ("Fia", "Gus"):
            hire(name, support)
        hire("Hal", support, presence="away", presence_since=timezone.now() - timedelta(minutes=5))
        hire("Ida", support, capacity=0)

        page = self.page(dora, make.deliver(channel, make.mail()).ticket)

        for words in ("Fia", "had least to do", "Like Gus; first in the list", "away since", "at capacity, 0 of 0"):
            assert words in page

    def test_says_why_nobody_has_it_and_who_had_it_before(
        self, channel: Channel, support: Team, dora: Agent, ann: Identity
    ) -> None:
        fia = hire("Fia", support)
        ticket = make.ticket(channel=channel, team=support, identity=ann)
        tickets.set_owner(ticket=ticket, owner=fia, by=fia)
        tickets.set_owner(ticket=ticket, owner=None, by=fia)
        dealing.deal_queue(now=timezone.now())

        page = self.page(dora, ticket)

        for words in (
            "Nobody of Support can take it now",
            "has had it already",
            "Before that",
            "Put back into the queue",
        ):
            assert words in page


class TestHandingOver:
    @pytest.fixture(autouse=True)
    def held(self, channel: Channel, billing: Team, ben: Agent, ann: Identity) -> None:
        for _ in range(2):
            make.ticket(channel=channel, team=billing, identity=ann, owner=ben)

    def test_shows_first_what_would_happen(self, ben: Agent, eli: Agent, dora: Agent) -> None:
        page = client_of(dora).get(f"/people/{ben.pk}/handover/", {"way": "person", "person": str(eli.pk)})

        assert "Hand over 2 tickets" in page.content.decode()
        assert Ticket.objects.filter(owner=ben).count() == 2

    @pytest.mark.parametrize(
        ("way", "owner", "waiting"), [("spread", "Eli", 0), ("person", "Eli", 0), ("queue", None, 2)]
    )
    def test_does_it_in_one_step(
        self, ben: Agent, eli: Agent, dora: Agent, way: str, owner: str | None, waiting: int
    ) -> None:
        values: dict[str, Any] = {"way": way, "person": str(eli.pk) if way == "person" else ""}

        client_of(dora).post(f"/people/{ben.pk}/handover/", values)

        assert set(Ticket.objects.values_list("owner__name", flat=True)) == {owner}
        assert QueuePlace.objects.count() == waiting

    def test_is_for_admins_and_for_ones_own_tickets(self, ben: Agent, eli: Agent, cleo: Agent) -> None:
        own = client_of(ben).get(f"/people/{ben.pk}/handover/")
        others = [client_of(each).post(f"/people/{ben.pk}/handover/", {"way": "queue"}) for each in (eli, cleo)]

        assert own.status_code == 200
        assert [each.status_code for each in others] == [404, 404]
        assert Ticket.objects.filter(owner=ben).count() == 2

    def test_offers_nobody_who_could_not_see_the_tickets(self, ben: Agent, cleo: Agent, dora: Agent) -> None:
        values = {"way": "person", "person": str(cleo.pk)}

        answer = client_of(dora).post(f"/people/{ben.pk}/handover/", values)

        assert answer.status_code == 422
        assert Ticket.objects.filter(owner=ben).count() == 2


class TestHowATeamSharesOut:
    def form_of(self, team: Team) -> dict[str, Any]:
        """What the page's form would send as it stands."""
        form = SharingForm(instance=team)
        values = {name: form[name].value() for name in form.fields}
        return {name: value for name, value in values.items() if value is not None and value is not False}

    def test_is_saved_with_weights_and_overflow_and_written_down(
        self, billing: Team, tech: Team, ben: Agent, dora: Agent
    ) -> None:
        client = client_of(dora)
        values = self.form_of(billing) | {
            "strategy": "weighted",
            f"weight_{ben.pk}": "3",
            "overflow_0": str(tech.pk),
            "after_0": "15",
            "reaction_minutes": "30",
        }

        client.post(f"/people/teams/{billing.pk}/sharing/", values)

        billing.refresh_from_db()
        assert (billing.strategy, billing.reaction_minutes) == ("weighted", 30)
        assert ben.memberships.get().weight == 3
        assert [(each.to_team, each.after_minutes) for each in billing.overflows.all()] == [(tech, 15)]
        details = Entry.objects.get(kind="settings-changed").data["details"]
        assert details["weights"] == {"from": {"Ben": 1}, "to": {"Ben": 3}}
        assert details["overflows"]["to"] == ["Tech (15)"]

    def test_is_for_the_leads_of_the_team(self, billing: Team, tech: Team, ben: Agent, eli: Agent) -> None:
        lead, agent = client_of(eli), client_of(ben)

        found = [lead.get(f"/people/teams/{team.pk}/sharing/").status_code for team in (billing, tech)]

        assert (found, agent.get(f"/people/teams/{billing.pk}/sharing/").status_code) == ([200, 404], 403)

    def test_shows_who_is_there(self, billing: Team, ben: Agent, eli: Agent) -> None:
        Agent.objects.filter(pk=ben.pk).update(seen_at=timezone.now())
        Agent.objects.filter(pk=eli.pk).update(presence="dnd")

        page = client_of(eli).get(f"/people/teams/{billing.pk}/sharing/").content.decode()

        assert "Online" in page
        assert "Do not disturb" in page

    @pytest.mark.parametrize("wrong", [{"strategy": "at-random"}, {"patience_minutes": "-1"}, {"after_0": "many"}])
    def test_refuses_what_can_not_be(self, billing: Team, dora: Agent, wrong: dict[str, str]) -> None:
        client = client_of(dora)

        answer = client.post(f"/people/teams/{billing.pk}/sharing/", self.form_of(billing) | wrong)

        assert answer.status_code == 422


class TestAnAgentsPage:
    def test_keeps_skills_limits_and_hours(self, ben: Agent, dora: Agent) -> None:
        client, skill = client_of(dora), Skill.objects.create(kind="language", slug="fi", name="Finnish")
        Skill.objects.create(kind="product", slug="printer", name="Printers")
        form = {"name": "Ben", "email": ben.email, "role": "agent", "teams": [], "capacity": "8", "is_active": "on"}

        client.post(f"/people/{ben.pk}/", {**form, "presence": "available", "hours": "shifts", "chats": "2"})
        client.post(f"/people/{ben.pk}/skills/", {f"level_{skill.pk}": "4"})

        ben.refresh_from_db()
        assert (ben.capacity, ben.channel_limits, ben.hours) == (8, {"chat": 2}, "shifts")
        assert ben.skills.get().level == 4
        assert "B2" in client.get(f"/people/{ben.pk}/").content.decode()

    def test_asks_for_the_calendar(self, ben: Agent, dora: Agent) -> None:
        form = {"name": "Ben", "email": ben.email, "role": "agent", "capacity": "8", "is_active": "on"}

        page = client_of(dora).post(f"/people/{ben.pk}/", {**form, "presence": "available", "hours": "calendar"})

        assert "Choose the calendar" in page.content.decode()

    def test_takes_shifts_over_the_change_of_clocks_and_past_midnight(self, ben: Agent, dora: Agent) -> None:
        Agent.objects.filter(pk=ben.pk).update(time_zone="Europe/Helsinki")
        values = {"day": "2026-03-28", "begins": "22:00", "ends": "06:00", "days": "2"}

        client_of(dora).post(f"/people/{ben.pk}/shifts/", values)

        spans = [(row.begins_at.isoformat(), row.ends_at.isoformat()) for row in ben.shifts.all()]
        assert spans == [
            ("2026-03-28T20:00:00+00:00", "2026-03-29T03:00:00+00:00"),
            ("2026-03-29T19:00:00+00:00", "2026-03-30T03:00:00+00:00"),
        ]


class TestAbsences:
    def test_are_entered_for_oneself_and_by_admins(self, ben: Agent, eli: Agent, cleo: Agent, dora: Agent) -> None:
        values = {"begins_on": "2036-03-02", "ends_on": "2036-03-09", "cause": "holiday", "substitute": str(eli.pk)}

        answers = [client_of(each).post(f"/people/{ben.pk}/absences/", values) for each in (ben, dora, cleo, eli)]

        assert [each.status_code for each in answers] == [302, 302, 404, 404]
        assert ben.absences.filter(substitute=eli).count() == 2

    def test_are_removed_by_nobody_else(self, ben: Agent, cleo: Agent) -> None:
        row = Absence.objects.create(agent=ben, begins_on="2036-03-02", ends_on="2036-03-09")

        others = client_of(cleo).post(f"/people/absences/{row.pk}/remove/")
        own = client_of(ben).post(f"/people/absences/{row.pk}/remove/")

        assert (others.status_code, own.status_code) == (404, 302)
        assert not ben.absences.exists()

    def test_end_after_they_begin_and_have_a_substitute_who_sees_the_tickets(self, ben: Agent, cleo: Agent) -> None:
        values = {"begins_on": "2036-03-02", "ends_on": "2036-03-01", "cause": "holiday", "substitute": str(cleo.pk)}

        answer = client_of(ben).post(f"/people/{ben.pk}/absences/", values)

        assert answer.status_code == 422
        assert not Absence.objects.exists()


class TestSkills:
    def test_are_added_weighed_and_removed(self, dora: Agent) -> None:
        client = client_of(dora)

        client.post("/people/skills/", {"kind": "language", "name": "Finnish", "slug": "fi"})
        again = client.post("/people/skills/", {"kind": "product", "name": "Other", "slug": "fi"})
        client.post("/people/skills/weigh/", {"units_email": "2", "units_chat": "999"})

        assert "Another skill has this word" in again.content.decode()
        assert dict(ChannelWeight.objects.values_list("kind", "units")) == {"email": 2}
        client.post(f"/people/skills/{Skill.objects.get().pk}/delete/")
        assert not Skill.objects.exists()


class TestTheAccountOwner:
    def test_is_chosen_beside_a_ticket_by_leads(self, ben: Agent, eli: Agent) -> None:
        laine = Organisation.objects.create(name="Laine Oy")

        refused = client_of(ben).post(f"/organisations/{laine.pk}/owner/", {"account_owner": str(ben.pk)})
        client_of(eli).post(f"/organisations/{laine.pk}/owner/", {"account_owner": str(ben.pk)})

        laine.refresh_from_db()
        assert (refused.status_code, laine.account_owner) == (403, ben)


class TestFairness:
    MONDAY = datetime(2026, 3, 2, tzinfo=UTC)

    @pytest.fixture(autouse=True)
    def week(self, channel: Channel, billing: Team, ben: Agent, eli: Agent, ann: Identity) -> None:
        """Ben got three (one put back, one answered after half an hour), Eli took one; one was the week before."""
        Agent.objects.filter(pk=eli.pk).update(name="=Eli")
        for number, (owner, by) in enumerate([(ben, eli), (ben, eli), (ben, eli), (eli, eli), (ben, eli)]):
            ticket = make.ticket(channel=channel, team=billing, identity=ann)
            at = self.MONDAY + (timedelta(hours=8 + number) if number < 4 else -timedelta(days=1))
            tickets.set_owner(ticket=ticket, owner=owner, by=by, at=at)
            if number == 1:
                replies.note(ticket=ticket, agent=ben, text="I look", at=at + timedelta(minutes=30))
            if number == 2:
                tickets.set_owner(ticket=ticket, owner=None, by=ben, at=at + timedelta(hours=1))

    def test_counts_who_got_what(self, eli: Agent) -> None:
        found = fairness_of(team=eli.teams.get(), week=Week.of("2026-W10"))
        page = client_of(eli).get("/reports/fairness/", {"team": "billing", "week": "2026-W10"}).content.decode()

        rows = [(row.agent, row.given, row.taken, row.share, row.gave_back, row.median_s) for row in found.shares]
        assert rows == [("=Eli", 0, 1, 0.25, 0, None), ("Ben", 3, 0, 0.75, 1, 1800.0)]
        assert (found.total, found.total_before) == (4, 1)
        for words in ("75 %", "30 min", "1 the week before"):
            assert words in page

    def test_comes_as_csv_without_formulas(self, eli: Agent) -> None:
        answer = client_of(eli).get("/reports/fairness/csv/", {"team": "billing", "week": "2026-W10"})

        lines = answer.content.decode().splitlines()
        assert lines[1].split(",")[:4] == ["Billing", "2026-W10", "'=Eli", "1"]
        assert lines[2].endswith(",1800")

    def test_knows_each_week_by_its_name(self) -> None:
        week = Week.of("2026-W01")

        named = week.monday.isoformat(), week.sunday.isoformat(), week.before.name
        assert named == ("2025-12-29", "2026-01-04", "2025-W52")
        assert Week.of("2026-W99").name == Week.of("").name == Week.of("0-W1").name

    def test_is_for_the_teams_of_the_lead(self, eli: Agent, ben: Agent, tech: Team) -> None:
        foreign = client_of(eli).get("/reports/fairness/", {"team": "tech"})

        assert (foreign.status_code, client_of(ben).get("/reports/fairness/").status_code) == (404, 403)
