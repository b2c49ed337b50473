"""Who may open the desk's own screens: every route, by role; and whose mail one sees there."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from helpdesk import urls
from helpdesk.console.access import May
from helpdesk.models import Agent, Channel, Delivery, Identity, Team
from tests import make
from tests.flows import desk

LogIn = Callable[[Agent | None], Client]
GUARDED = [route for route in urls.urlpatterns if route.may is not May.ANYONE]  # type: ignore[attr-defined]


@pytest.fixture
def log_in() -> LogIn:
    def client_of(agent: Agent | None) -> Client:
        client = Client()
        if agent is not None:
            client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return client_of


def address(route: URLPattern) -> str:
    """An address of the route; the rows that it names need not exist, since permission comes first."""
    kinds = {"IntConverter": 1, "SlugConverter": "some-word", "StringConverter": "some-word"}
    values = {name: kinds[type(converter).__name__] for name, converter in route.pattern.converters.items()}
    return reverse(str(route.name), kwargs=values)


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
class TestEveryGuardedRoute:
    def test_sends_visitors_to_the_login(self, db: None, log_in: LogIn, route: URLPattern) -> None:
        answer = log_in(None).post(address(route))

        assert answer.status_code == 302
        assert answer["Location"].startswith("/login/")

    def test_is_closed_to_roles_below_its_own(self, ben: Agent, eli: Agent, log_in: LogIn, route: URLPattern) -> None:
        may: May = route.may  # type: ignore[attr-defined]
        too_low = [agent for agent in (ben, eli) if agent.role not in may.value]

        assert [log_in(agent).get(address(route)).status_code for agent in too_low] == [403] * len(too_low)

    def test_is_closed_to_agents_who_left(self, dora: Agent, log_in: LogIn, route: URLPattern) -> None:
        client = log_in(dora)
        Agent.objects.filter(pk=dora.pk).update(is_active=False)

        assert client.get(address(route)).status_code == 302


class TestOutgoingMailOfAnotherTeam:
    @pytest.fixture
    def delivery(self, channel: Channel, billing: Team, ann: Identity) -> Delivery:
        return desk.delivery(ticket=make.ticket(channel=channel, team=billing, identity=ann))

    def test_is_not_in_the_list_of_cleo(self, delivery: Delivery, cleo: Agent, ben: Agent, log_in: LogIn) -> None:
        assert "Our answer" in log_in(ben).get("/outgoing/").content.decode()
        assert "Our answer" not in log_in(cleo).get("/outgoing/").content.decode()

    @pytest.mark.parametrize("what", ["", "raw/"])
    def test_does_not_exist_for_cleo(
        self, delivery: Delivery, cleo: Agent, ben: Agent, log_in: LogIn, what: str
    ) -> None:
        where = f"/outgoing/{delivery.pk}/{what}"

        assert log_in(ben).get(where).status_code == 200
        assert log_in(cleo).get(where).status_code == 404

    def test_cannot_be_retried_by_cleo(self, delivery: Delivery, cleo: Agent, log_in: LogIn) -> None:
        Delivery.objects.update(state=Delivery.State.FAILED)

        assert log_in(cleo).post(f"/outgoing/{delivery.pk}/retry/").status_code == 404
        delivery.refresh_from_db()
        assert delivery.state == Delivery.State.FAILED


class TestLinkedTickets:
    def test_shows_leads_only_tickets_of_their_teams(
        self, channel: Channel, tech: Team, eli: Agent, log_in: LogIn
    ) -> None:
        desk.article(by=eli)
        ticket = make.ticket(channel=channel, team=tech, subject="I forgot my password", language="en")
        make.message(ticket=ticket, text="I have forgotten my password. How can I reset it?")

        shown = log_in(eli).get("/articles/reset-password/linked/").content.decode()

        assert ticket.reference not in shown
