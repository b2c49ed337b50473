"""The pages of service levels: policies, calendars, what a change would do, and what lists and tickets show."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.models import Agent, BusinessCalendar, Channel, Entry, Identity, ServicePolicy, State, Team, Ticket
from helpdesk.queries import inbox
from helpdesk.queries.inbox import DUE, OVERDUE, View
from tests import make
from tests.flows import promises

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
FILE = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//T//EN\r\nBEGIN:VEVENT\r\nSUMMARY:Regatta\r\n"
    b"DTSTART;VALUE=DATE:20270803\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:Meeting\r\n"
    b"DTSTART:20270803T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def logged_in(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent)
    return client


def calendar_form(**changed: Any) -> dict[str, Any]:
    week = {f"day_{number}": "9–17" if number < 5 else "" for number in range(7)}
    fields = {"name": "Office", "zone": "Europe/Helsinki", "country": "FI", "file_days": "[]", "do": "save"}
    return fields | week | changed


def policy_form(**changed: Any) -> dict[str, Any]:
    ticked = dict.fromkeys(("is_default", "is_active", "pauses_while_waiting"), "on")
    targets = {"first-reply_normal": "4 h", "resolution_normal": "1 h 30 min"}
    return {"name": "Standard", "warn_percent": "80", "do": "save"} | ticked | targets | changed


@pytest.fixture
def three_due(channel: Channel, billing: Team, tech: Team, ann: Identity) -> list[Ticket]:
    """Due an hour ago, in three hours (another team's), and in four."""
    policy = promises.policy()
    now = timezone.now()
    hours_and_teams = ((5, billing), (1, tech), (0, billing))
    return [
        promises.opened(channel=channel, team=team, who=ann, policy=policy, at=now - hours * HOUR)
        for hours, team in hours_and_teams
    ]


class TestPermission:
    @pytest.mark.parametrize("address", ["/service/", "/service/new/", "/calendars/", "/calendars/new/"])
    def test_is_a_leads(self, address: str, ben: Agent, eli: Agent) -> None:
        assert logged_in(ben).get(address).status_code == 403
        assert logged_in(eli).get(address).status_code == 200

    @pytest.mark.parametrize("address", ["/service/99/", "/calendars/99/"])
    def test_of_what_is_not_there_is_none(self, address: str, eli: Agent) -> None:
        assert logged_in(eli).get(address).status_code == 404


class TestACalendarsPage:
    def test_stores_hours_holidays_own_days_and_a_file(self, eli: Agent) -> None:
        own = {"own_date": ["2026-12-24", ""], "own_name": ["Eve", ""], "own_hours": ["9-12", ""]}
        file = SimpleUploadedFile("days.ics", FILE, "text/calendar")

        answer = logged_in(eli).post("/calendars/new/", calendar_form(file=file, **own))

        assert answer.status_code == 302
        version = BusinessCalendar.objects.get(name="Office").current
        assert version is not None
        days = {day["date"]: (day["name"], day["source"], day["hours"]) for day in version.days}
        assert days["2026-12-24"] == ("Eve", "own", [[540, 720]])
        assert days["2027-08-03"] == ("Regatta", "ical", [])
        assert days["2027-06-25"][1] == "country"
        assert Entry.objects.get(kind=Entry.Kind.SETTINGS_CHANGED).data["what"] == "calendar"

    def test_shows_an_effect_and_stores_nothing(
        self, eli: Agent, channel: Channel, billing: Team, ann: Identity
    ) -> None:
        calendar = promises.calendar(week=(promises.NINE_TO_FIVE,) * 7)
        policy = promises.policy(calendar=calendar)
        ticket = promises.opened(channel=channel, team=billing, who=ann, policy=policy, at=timezone.now())
        client, address = logged_in(eli), f"/calendars/{calendar.pk}/"
        shorter = calendar_form(name="Helsinki", country="", **{f"day_{number}": "9–10" for number in range(7)})

        page = client.post(address, shorter | {"do": "preview"}).content.decode()

        assert "1 open ticket becomes due later" in page
        assert ticket.reference in page
        assert calendar.versions.count() == 1
        client.post(address, shorter)
        assert calendar.versions.count() == 2
        assert Ticket.objects.get(pk=ticket.pk).due_at != ticket.due_at

    def test_keeps_the_days_of_a_file_through_a_preview(self, eli: Agent) -> None:
        file = SimpleUploadedFile("days.ics", FILE, "text/calendar")

        page = logged_in(eli).post("/calendars/new/", calendar_form(file=file, do="preview")).content.decode()

        assert "1 event with a time of day was left out" in page
        kept = re.search(r'name="file_days" value="([^"]*)"', page)
        assert kept is not None
        assert "2027-08-03" in kept[1]

    @pytest.mark.parametrize(
        ("changed", "complaint"),
        [
            ({"day_0": "nine"}, "Write hours as"),
            ({"own_date": "", "own_name": "Eve", "own_hours": ""}, "needs a date"),
            ({"own_date": "2026-12-24", "own_name": "Eve", "own_hours": "x"}, "Write hours as"),
            ({"country": "XX"}, "XX"),
            ({"zone": "Mars/Olympus"}, "Mars/Olympus"),
            ({"file": SimpleUploadedFile("days.ics", b"rubbish")}, "be read as a calendar file"),
        ],
    )
    def test_says_what_is_wrong_and_stores_nothing(self, changed: dict[str, Any], complaint: str, eli: Agent) -> None:
        answer = logged_in(eli).post("/calendars/new/", calendar_form(**changed))

        assert answer.status_code == 422
        assert complaint in answer.content.decode()
        assert not BusinessCalendar.objects.exists()

    def test_offers_the_regions_of_a_country(self, eli: Agent) -> None:
        page = logged_in(eli).get("/calendars/regions/?country=DE").content.decode()

        assert "Bayern" in page
        assert "hidden" in logged_in(eli).get("/calendars/regions/?country=XX").content.decode()


class TestAPolicysPage:
    def test_stores_targets_in_minutes_and_whom_it_serves(self, eli: Agent, billing: Team) -> None:
        answer = logged_in(eli).post("/service/new/", policy_form(teams=[billing.pk]))

        policy = ServicePolicy.objects.get()
        assert answer.status_code == 302
        assert policy.targets == {"first-reply": {"normal": 240}, "resolution": {"normal": 90}}
        assert (policy.slug, list(policy.teams.all())) == ("standard", [billing])

    def test_shows_what_would_be_overdue(self, eli: Agent, channel: Channel, billing: Team, ann: Identity) -> None:
        policy = promises.policy()
        at = timezone.now() - 2 * HOUR
        ticket = promises.opened(channel=channel, team=billing, who=ann, policy=policy, at=at)
        form = policy_form(**{"first-reply_normal": "1 h"}, do="preview")

        page = logged_in(eli).post(f"/service/{policy.pk}/", form).content.decode()

        assert "1 would be overdue at once" in page
        assert ticket.reference in page
        assert ServicePolicy.objects.get().targets == policy.targets

    @pytest.mark.parametrize("text", ["soon", "0 h", "-1 h", "99999 min h", "9999 h"])
    def test_refuses_a_target_that_is_none(self, text: str, eli: Agent) -> None:
        answer = logged_in(eli).post("/service/new/", policy_form(**{"first-reply_normal": text}))

        assert answer.status_code == 422
        assert not ServicePolicy.objects.exists()

    def test_refuses_a_name_that_is_taken(self, eli: Agent) -> None:
        promises.policy()

        assert logged_in(eli).post("/service/new/", policy_form()).status_code == 422

    def test_makes_one_policy_the_default(self, eli: Agent) -> None:
        promises.policy()

        logged_in(eli).post("/service/new/", policy_form(name="Other"))

        assert [row.name for row in ServicePolicy.objects.filter(is_default=True)] == ["Other"]


class TestTheInbox:
    def test_shows_what_is_due_soonest_and_what_is_overdue(
        self, three_due: list[Ticket], ben: Agent, cleo: Agent, dora: Agent
    ) -> None:
        late, others, fresh = (ticket.pk for ticket in three_due)

        def shown(agent: Agent, state: str, view: View = View.TEAMS) -> list[int]:
            return [row.id for row in inbox.page(agent=agent, view=view, state=state).rows]

        assert shown(ben, DUE) == [late, fresh]
        assert shown(ben, OVERDUE) == [late]
        assert shown(cleo, DUE) == [others]
        assert shown(dora, DUE, View.ALL) == [late, others, fresh]
        assert shown(ben, DUE, View.UNASSIGNED) == [late, fresh]
        assert shown(ben, DUE, View.MINE) == []

    def test_pages_by_key(self, three_due: list[Ticket], dora: Agent) -> None:
        found, after = [], ""
        for _page in range(3):
            page = inbox.page(agent=dora, view=View.ALL, state=DUE, after=after, limit=1)
            found += [row.id for row in page.rows]
            after = page.older

        assert (found, after) == ([ticket.pk for ticket in three_due], "")

    def test_has_bars_and_tabs_where_something_is_promised(self, three_due: list[Ticket], ben: Agent) -> None:
        page = logged_in(ben).get("/inbox/teams/").content.decode()

        assert 'class="sla breached"' in page
        assert "1 h late" in page
        assert "Due soonest" in page

    def test_says_nothing_of_service_levels_without_a_policy(self, ben: Agent) -> None:
        assert "Due soonest" not in logged_in(ben).get("/inbox/teams/").content.decode()

    def test_asks_the_same_number_of_queries_for_any_number_of_bars(
        self, channel: Channel, billing: Team, ann: Identity, ben: Agent
    ) -> None:
        policy = promises.policy(calendar=promises.calendar())
        client = logged_in(ben)

        def asked() -> int:
            promises.opened(channel=channel, team=billing, who=ann, policy=policy, at=timezone.now())
            with CaptureQueriesContext(connection) as done:
                client.get("/inbox/teams/", headers={"HX-Request": "true"})
            return len(done)

        asked()  # the first look of all also warms what is kept

        assert asked() == asked() == asked()


class TestTheTicket:
    def test_tells_its_clocks_with_their_causes(
        self, channel: Channel, billing: Team, ann: Identity, ben: Agent
    ) -> None:
        now = timezone.now()
        ticket = promises.opened(channel=channel, team=billing, who=ann, policy=promises.policy(), at=now - 6 * HOUR)
        promises.answered(ticket, ben, now - HOUR, state=State.WAITING)

        page = logged_in(ben).get(f"/tickets/{ticket.reference}/").content.decode()

        for words in ("Service level", "Running: the customer wrote", "Ben replied", "1 h late",
                      "Paused: Ben set the state to Waiting for customer"):  # fmt: skip
            assert words in page
        assert 'id="service"' in logged_in(ben).get(f"/tickets/{ticket.reference}/live/").content.decode()

    def test_hides_them_from_another_team(self, channel: Channel, billing: Team, ann: Identity, cleo: Agent) -> None:
        ticket = promises.opened(channel=channel, team=billing, who=ann, policy=promises.policy(), at=timezone.now())

        assert logged_in(cleo).get(f"/tickets/{ticket.reference}/").status_code == 404

    def test_shows_nothing_where_nothing_is_promised(self, channel: Channel, billing: Team, ben: Agent) -> None:
        ticket = make.ticket(channel=channel, team=billing)

        page = logged_in(ben).get(f"/tickets/{ticket.reference}/").content.decode()

        assert 'class="clocks"' not in page
