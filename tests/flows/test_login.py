"""Getting in: by password, by invitation, and not at all after too many tries."""

import re
from typing import Any

import pytest
from django.template.loader import get_template
from django.test import Client

from helpdesk.actions import people
from helpdesk.models import Agent, Entry

PASSWORD = "five blue whales sing"


@pytest.fixture
def eve(eli: Agent) -> Agent:
    eli.set_password(PASSWORD)
    eli.save()
    return eli


def log_in(client: Client, email: str, password: str, **extra: Any) -> Any:
    return client.post("/login/", {"username": email, "password": password}, **extra)


class TestLogIn:
    def test_takes_the_address_in_any_case(self, client: Client, eve: Agent) -> None:
        answer = log_in(client, " ELI@desk.example ", PASSWORD)

        assert answer.status_code == 302
        assert client.session["_auth_user_id"] == str(eve.pk)

    def test_goes_to_no_other_site(self, client: Client, eve: Agent) -> None:
        form = {"username": eve.email, "password": PASSWORD, "next": "https://evil.example/"}

        assert "evil" not in client.post("/login/", form)["Location"]

    def test_says_the_same_about_a_wrong_password_and_an_unknown_address(self, client: Client, eve: Agent) -> None:
        wrong = log_in(client, eve.email, "wrong").content.decode()
        unknown = log_in(client, "nobody@desk.example", "wrong").content.decode()

        assert "belong together. Check both" in wrong
        assert "belong together. Check both" in unknown

    def test_is_closed_to_agents_who_left(self, client: Client, eve: Agent) -> None:
        Agent.objects.filter(pk=eve.pk).update(is_active=False)

        assert log_in(client, eve.email, PASSWORD).status_code == 200

    def test_ends_at_log_out(self, client: Client, eve: Agent) -> None:
        log_in(client, eve.email, PASSWORD)

        client.post("/logout/")

        assert "_auth_user_id" not in client.session


class TestRefusals:
    """What is not to be had is told on a page of the desk's own, with a way on."""

    def test_tell_an_agent_that_nothing_is_there(self, client: Client, eve: Agent) -> None:
        client.force_login(eve)

        answer = client.get("/tickets/LU-100001-2/")

        assert answer.status_code == 404
        assert "Nothing is here" in answer.text
        assert "belongs to a team that you are not in" in answer.text
        assert '<a href="/">Back to the tickets</a>' in answer.text

    def test_tell_a_visitor_nothing_about_teams(self, client: Client, db: None) -> None:
        answer = client.get("/nowhere/", headers={"Accept-Language": "fi"})

        assert answer.status_code == 404
        assert "Täällä ei ole mitään" in answer.text
        assert "tiimi" not in answer.text
        assert 'href="/faq/"' in answer.text

    def test_tell_an_agent_whose_role_is_too_low(self, client: Client, eve: Agent) -> None:
        client.force_login(eve)

        answer = client.get("/channels/")

        assert answer.status_code == 403
        assert "Not for your role" in answer.text

    def test_tell_what_to_do_about_a_page_from_before_the_login(self, eve: Agent) -> None:
        answer = log_in(Client(enforce_csrf_checks=True), eve.email, PASSWORD)

        assert answer.status_code == 403
        assert "This page was out of date" in answer.text

    def test_need_no_request_for_a_mistake_of_the_desk(self) -> None:
        assert "The desk has made a mistake" in get_template("500.html").render()


class TestTooManyTries:
    def test_are_answered_by_429_with_a_sentence(self, client: Client, eve: Agent) -> None:
        answers = [log_in(client, eve.email, "wrong") for _ in range(6)]

        assert [answer.status_code for answer in answers][-1] == 429
        assert "closed for 15 minutes" in answers[-1].content.decode()
        assert answers[-1]["Retry-After"] == "900"

    def test_close_the_door_to_the_right_password_too(self, client: Client, eve: Agent) -> None:
        for _ in range(5):
            log_in(client, eve.email, "wrong")

        assert log_in(client, eve.email, PASSWORD).status_code == 429

    def test_are_counted_over_all_spellings_of_an_address(self, client: Client, eve: Agent) -> None:
        for spelling in ("eli", "Eli", "ELI", "eLi", "elI"):
            log_in(client, f"{spelling}@desk.example", "wrong")

        assert log_in(client, eve.email, PASSWORD).status_code == 429

    def test_leave_others_alone(self, client: Client, eve: Agent, dora: Agent) -> None:
        for _ in range(6):
            log_in(client, eve.email, "wrong")

        assert log_in(client, dora.email, "wrong").status_code == 200

    def test_leave_the_owner_alone_at_another_address_of_the_net(self, client: Client, eve: Agent) -> None:
        for _ in range(6):
            log_in(client, eve.email, "wrong", REMOTE_ADDR="203.0.113.9")

        assert log_in(client, eve.email, PASSWORD).status_code == 302


class TestAnInvitation:
    @pytest.fixture
    def link(self, ben: Agent) -> str:
        return f"/welcome/{ben.pk}/{people.invitation_token(agent=ben)}/"

    def test_sets_a_password_and_opens_a_session(self, client: Client, ben: Agent, link: str) -> None:
        answer = client.post(link, {"password": PASSWORD})

        ben.refresh_from_db()
        assert answer.status_code == 302
        assert ben.check_password(PASSWORD)
        assert client.session["_auth_user_id"] == str(ben.pk)

    def test_works_once(self, client: Client, link: str) -> None:
        client.post(link, {"password": PASSWORD})

        assert client.post(link, {"password": "another good phrase"}).status_code == 410

    def test_is_good_for_its_agent_only(self, client: Client, link: str, cleo: Agent) -> None:
        token = link.split("/")[3]

        assert client.get(f"/welcome/{cleo.pk}/{token}/").status_code == 410

    def test_refuses_a_weak_password(self, client: Client, ben: Agent, link: str) -> None:
        answer = client.post(link, {"password": "password"})

        ben.refresh_from_db()
        assert answer.status_code == 200
        assert not ben.has_usable_password()

    def test_tells_no_other_site_its_address(self, client: Client, link: str) -> None:
        assert client.get(link)["Referrer-Policy"] == "same-origin"

    def test_leaves_no_secret_in_the_journal(self, client: Client, dora: Agent, ben: Agent) -> None:
        client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")

        page = client.post(f"/people/{ben.pk}/invitation/")

        (token,) = re.findall(rf"/welcome/{ben.pk}/([\w-]+)/", page.content.decode())
        assert people.is_invitation(agent=ben, token=token)
        assert token not in str(list(Entry.objects.values()))
        assert "no-store" in page["Cache-Control"]
