"""Agents and teams: set up by admins; the desk never loses its last admin or its default team."""

from typing import Any

import pytest
from django.test import Client

from helpdesk.actions import people, setup
from helpdesk.models import Agent, Channel, Entry, Team
from tests import make

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def admin(client: Client, dora: Agent) -> Client:
    client.force_login(dora, backend=BACKEND)
    return client


def form_of(agent: Agent, **changes: Any) -> dict[str, Any]:
    teams = [str(team.pk) for team in agent.teams.all()]
    form = {"name": agent.name, "email": agent.email, "role": agent.role, "capacity": "20", "teams": teams}
    return form | {"presence": "available", "is_active": "on"} | changes


class TestInviting:
    def test_makes_an_agent_without_a_password_and_shows_the_link_once(
        self, admin: Client, billing: Team, support: Team
    ) -> None:
        form = {"name": "Fia", "email": "FIA@desk.example", "role": "agent", "teams": [str(billing.pk)]}
        page = admin.post("/people/new/", {**form, "capacity": "20", "is_active": "on", "presence": "available"})

        fia = Agent.objects.get(email="fia@desk.example")
        assert not fia.has_usable_password()
        assert list(fia.teams.all()) == [billing]
        assert f"/welcome/{fia.pk}/" in page.content.decode()

    def test_refuses_an_address_that_is_taken_in_any_case(self, admin: Client, ben: Agent) -> None:
        form = form_of(ben, email="BEN@desk.example", name="Another Ben")

        assert "Another agent has this address" in admin.post("/people/new/", form).content.decode()


class TestChangingAnAgent:
    def test_moves_them_between_teams_and_writes_it_down(self, admin: Client, ben: Agent, tech: Team) -> None:
        admin.post(f"/people/{ben.pk}/", form_of(ben, teams=[str(tech.pk)]))

        assert list(ben.teams.all()) == [tech]
        assert Entry.objects.get().data["details"] == {"teams": {"from": ["Billing"], "to": ["Tech"]}}

    def test_keeps_memberships_of_closed_teams(self, admin: Client, ben: Agent, billing: Team, tech: Team) -> None:
        Team.objects.filter(pk=billing.pk).update(is_active=False)

        admin.post(f"/people/{ben.pk}/", form_of(ben, teams=[str(tech.pk)]))

        assert set(ben.teams.all()) == {billing, tech}

    @pytest.mark.parametrize("changes", [{"role": "agent"}, {"is_active": ""}])
    def test_keeps_the_last_admin(self, admin: Client, dora: Agent, changes: dict[str, str]) -> None:
        answer = admin.post(f"/people/{dora.pk}/", form_of(dora, **changes))

        dora.refresh_from_db()
        assert "the last active admin" in answer.content.decode()
        assert dora.is_admin
        assert dora.is_active

    def test_lets_one_of_two_admins_go(self, admin: Client, dora: Agent, eli: Agent) -> None:
        Agent.objects.filter(pk=eli.pk).update(role="admin")

        people.update_agent(agent=dora, values={"role": "agent"}, teams=None, by=eli)

        dora.refresh_from_db()
        assert not dora.is_admin

    def test_changes_nothing_that_is_not_an_admins_to_change(self, dora: Agent, ben: Agent) -> None:
        people.update_agent(agent=ben, values={"password": "x", "signature": "Hacked"}, teams=None, by=dora)

        ben.refresh_from_db()
        assert ben.signature == ""
        assert not ben.has_usable_password()


class TestTeams:
    def test_a_new_default_team_takes_the_place_of_the_former(self, admin: Client, support: Team) -> None:
        admin.post("/people/teams/new/", {"name": "Front desk", "is_default": "on", "is_active": "on"})

        support.refresh_from_db()
        assert not support.is_default
        assert Team.objects.get(is_default=True).slug == "front-desk"

    def test_the_default_team_cannot_be_closed_or_unmade(self, admin: Client, support: Team) -> None:
        form = {"name": "Support", "slug": "support"}

        unmade = admin.post(f"/people/teams/{support.pk}/", {**form, "is_active": "on"}).content.decode()
        assert "A team that is the default one" in unmade
        assert (
            "must be open" in admin.post(f"/people/teams/{support.pk}/", {**form, "is_default": "on"}).content.decode()
        )

    def test_a_team_with_open_tickets_cannot_be_closed(self, dora: Agent, channel: Channel, billing: Team) -> None:
        make.ticket(channel=channel, team=billing)

        with pytest.raises(setup.TeamInUse):
            setup.save_team(team=billing, values={"is_active": False}, by=dora)


class TestOnesOwnSettings:
    @pytest.fixture
    def own(self, client: Client, ben: Agent) -> Client:
        client.force_login(ben, backend=BACKEND)
        return client

    def test_are_saved(self, own: Client, ben: Agent) -> None:
        form = {"name": "Ben B.", "language": "fi", "time_zone": "Asia/Tokyo", "theme": "dark", "signature": "Ben"}
        own.post("/settings/profile/", form)

        ben.refresh_from_db()
        assert (ben.name, ben.language, ben.time_zone, ben.theme) == ("Ben B.", "fi", "Asia/Tokyo", "dark")
        assert not ben.has_single_keys

    def test_do_not_reach_the_role(self, own: Client, ben: Agent) -> None:
        own.post("/settings/profile/", {"name": "Ben", "language": "en", "role": "admin", "is_active": ""})

        ben.refresh_from_db()
        assert ben.role == "agent"
        assert ben.is_active

    @pytest.mark.parametrize(
        ("where", "back"),
        [
            ("/outgoing/?state=sent", "/outgoing/?state=sent"),
            ("https://evil.example/", "/settings/profile/"),
            ("//evil.example", "/settings/profile/"),
        ],
    )
    def test_a_switch_goes_back_to_where_it_was_pressed_and_nowhere_else(
        self, own: Client, ben: Agent, where: str, back: str
    ) -> None:
        answer = own.post("/settings/preferences/", {"theme": "dark", "next": where})

        ben.refresh_from_db()
        assert ben.theme == "dark"
        assert answer["Location"] == back

    def test_a_switch_ignores_values_that_it_does_not_know(self, own: Client, ben: Agent) -> None:
        own.post("/settings/preferences/", {"theme": "pink", "language": "xx", "has_single_keys": "perhaps"})

        ben.refresh_from_db()
        assert (ben.theme, ben.language, ben.has_single_keys) == ("", "en", True)


class TestChangingThePassword:
    @pytest.fixture
    def own(self, client: Client, ben: Agent) -> Client:
        ben.set_password("the present phrase")
        ben.save()
        client.force_login(ben, backend=BACKEND)
        return client

    def test_needs_the_present_one(self, own: Client, ben: Agent) -> None:
        answer = own.post("/settings/password/", {"present": "wrong", "password": "quite another phrase"})

        ben.refresh_from_db()
        assert answer.status_code == 422
        assert ben.check_password("the present phrase")

    def test_ends_other_sessions_and_keeps_this_one(self, own: Client, ben: Agent) -> None:
        elsewhere = Client()
        elsewhere.force_login(ben, backend=BACKEND)

        own.post("/settings/password/", {"present": "the present phrase", "password": "quite another phrase"})

        assert own.get("/settings/profile/").status_code == 200
        assert elsewhere.get("/settings/profile/").status_code == 302
