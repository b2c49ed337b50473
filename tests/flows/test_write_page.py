"""The form that is a way into the chat without scripts."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from helpdesk.actions.chat_sites import save_chat_channel
from helpdesk.models import Agent, ChatSite, Conversation, Message, Team, Ticket
from helpdesk.portal import write
from helpdesk.widget.limits import Rates

SHOP = "https://shop.example"


@pytest.fixture
def site(billing: Team, support: Team, eli: Agent) -> ChatSite:
    field = {"name": "own1", "kind": "text", "required": True, "label": {"en": "Order number"}, "choices": []}
    values = {"name": "Shop", "slug": "shop", "team": billing, "allowed_origins": [SHOP], "pre_chat_fields": [field]}
    return save_chat_channel(site=None, values=values, by=None, at=timezone.now())


@pytest.fixture(autouse=True)
def _nobody_was_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "_rates", Rates(rate=1 / 120, size=3))


def filled(client: Client, **fields: str) -> dict[str, str]:
    page = client.get("/chat/shop/write/?language=en").content.decode()
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page))
    typed = {"text": "Where is my order?", "name": "Ann", "email": "ann@customer.example", "own1": "4417"}
    return {**hidden, **typed, **fields}


class TestTheForm:
    def test_opens_a_ticket_and_shows_its_reference(self, client: Client, site: ChatSite) -> None:
        response = client.post("/chat/shop/write/", filled(client), follow=True)

        ticket = Ticket.objects.get()
        visitor = Conversation.objects.get(ticket=ticket).visitor
        assert ticket.channel == site.channel
        assert ticket.reference in response.content.decode()
        assert Message.objects.get(ticket=ticket).text == "Where is my order?"
        assert (visitor.claimed_name, visitor.claimed_address) == ("Ann", "ann@customer.example")
        assert not client.cookies

    def test_is_one_question_however_often_it_is_sent(self, client: Client, site: ChatSite) -> None:
        form = filled(client)

        first, second = (client.post("/chat/shop/write/", form) for _ in range(2))

        assert first["Location"] == second["Location"]
        assert Message.objects.count() == 1

    def test_keeps_what_was_typed_and_says_what_is_missing(self, client: Client, site: ChatSite) -> None:
        response = client.post("/chat/shop/write/", filled(client, email="ann@", own1="", text="<b>Hello</b>"))

        page = response.content.decode()
        assert response.status_code == 422
        assert page.count('class="error"') == 2
        assert "&lt;b&gt;Hello&lt;/b&gt;" in page
        assert not Ticket.objects.exists()

    def test_speaks_the_languages_of_the_channel(self, client: Client, site: ChatSite) -> None:
        assert 'lang="sv"' in client.get("/chat/shop/write/?language=sv").content.decode()
        assert "Kirjoita meille" in client.get("/chat/shop/write/", headers={"accept-language": "fi"}).content.decode()

    def test_takes_only_so_many_from_one_address(self, client: Client, site: ChatSite) -> None:
        answers = [client.post("/chat/shop/write/", filled(client)).status_code for _ in range(4)]

        assert answers == [302, 302, 302, 422]

    def test_takes_no_token_of_another_channel_nor_a_made_up_one(self, client: Client, site: ChatSite) -> None:
        for token in ("", "1." + "a" * 43 + "." + "b" * 22):
            client.post("/chat/shop/write/", filled(client, token=token))

        assert not Ticket.objects.exists()

    def test_is_closed_with_the_channel_and_to_strangers_where_it_must_know_them(
        self, client: Client, site: ChatSite
    ) -> None:
        form = filled(client)
        save_chat_channel(site=site, values={"requires_identity": True}, by=None, at=timezone.now())
        client.post("/chat/shop/write/", form)
        assert not Ticket.objects.exists()

        save_chat_channel(site=site, values={"is_active": False}, by=None, at=timezone.now())
        assert client.get("/chat/shop/write/").status_code == 404
