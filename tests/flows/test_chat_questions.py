"""What a site asks before a chat: agents read question and answer; a phone number is what the customer says of it."""

import uuid

import pytest
from django.test import Client

from helpdesk import chats
from helpdesk.actions import attributes, visitors
from helpdesk.chats import Words
from helpdesk.models import Agent, ChatSite, Contact, ContactValue, Conversation, Team
from helpdesk.widget import identity
from tests import make
from tests.flows.chat_clients import site

pytestmark = pytest.mark.django_db
ORDER = {"name": "own1", "kind": "text", "required": False, "label": {"en": "Order number", "fi": "Tilausnumero"}}
PHONE = {"name": "phone", "kind": "tel", "required": False, "label": {}}
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def shop(support: Team, billing: Team) -> ChatSite:
    return site(team=billing, pre_chat_fields=[PHONE, ORDER])


def asks(shop: ChatSite, guest: visitors.Guest | None = None, **answers: str) -> Conversation:
    """Somebody writes for the first time, with these answers."""
    guest = guest or visitors.Guest(
        channel_id=shop.channel_id, token=identity.new_token(shop.channel_id), language="en"
    )
    words = Words(client_id=uuid.uuid4().hex, text="Where is it?", at=make.NOON, guest=guest, fields=answers)
    stored = chats.say(words=words)
    assert isinstance(stored, chats.Stored)
    return Conversation.objects.latest("pk")


def page_of(talk: Conversation, agent: Agent) -> str:
    client = Client()
    client.force_login(agent, backend=BACKEND)
    return client.get(f"/tickets/{talk.ticket.reference}/").content.decode()


class TestTheTicketPage:
    def test_shows_each_answer_beside_its_question_in_the_agents_language(self, shop: ChatSite, ben: Agent) -> None:
        talk = asks(shop, own1="4417", phone="+358 40 123 4567")

        assert '<dt>Order number</dt><dd dir="auto">4417</dd>' in page_of(talk, ben)
        assert '<dt>Phone number</dt><dd dir="auto">+358 40 123 4567</dd>' in page_of(talk, ben)
        ben.language = "fi"
        ben.save()
        assert '<dt>Tilausnumero</dt><dd dir="auto">4417</dd>' in page_of(talk, ben)
        assert "own1" not in page_of(talk, ben)

    def test_shows_answers_to_what_is_not_asked_any_more(self, shop: ChatSite, ben: Agent) -> None:
        talk = asks(shop, own1="<b>4417</b>")
        shop.pre_chat_fields = [PHONE]
        shop.save()

        page = page_of(talk, ben)
        assert '<dt>A question that is not asked any more</dt><dd dir="auto">&lt;b&gt;4417&lt;/b&gt;</dd>' in page
        assert "own1" not in page


class TestAPhoneNumberGivenBeforeAChat:
    def test_is_what_the_customer_says(self, shop: ChatSite) -> None:
        contact = asks(shop, phone="040 123 4567").ticket.contact
        value = ContactValue.objects.get(attribute="phone")

        assert contact is not None
        assert contact.phone == "040 123 4567"
        assert (value.contact, value.source, value.rank, value.verified_at) == (contact, "claim:chat", 10, None)

    @pytest.mark.parametrize("source", ["agent", "record:shop", "site", "import", "email"])
    def test_never_takes_the_place_of_what_others_know(self, source: str, shop: ChatSite) -> None:
        known = Contact.objects.create(name="Ann", phone="")
        attributes.offer(
            contact=known, attribute="phone", value="+358401", source=source, at=make.NOON, is_verified=True
        )
        person = visitors.Person(subject="7", name="Ann", address="ann@customer.example")
        guest = visitors.Guest(channel_id=shop.channel_id, token=identity.new_token(shop.channel_id), language="en")
        visitor = visitors.vouch(guest=guest, person=person, token=identity.new_token(shop.channel_id), at=make.NOON)
        visitor.contact = known
        visitor.save()

        asks(shop, guest, phone="+358999")

        known.refresh_from_db()
        said = {each.source: each.value for each in known.values.filter(attribute="phone")}
        assert known.phone == "+358401"
        assert said == {source: "+358401", "claim:chat": "+358999"}, "it stays as a suggestion"
        assert ContactValue.objects.get(source=source).verified_at == make.NOON

    def test_that_is_not_given_says_nothing(self, shop: ChatSite) -> None:
        asks(shop, phone="  ", own1="4417")

        assert not ContactValue.objects.exists()

    def test_is_named_on_the_customers_page(self, shop: ChatSite, ben: Agent) -> None:
        contact = asks(shop, phone="040 123 4567").ticket.contact
        client = Client()
        client.force_login(ben, backend=BACKEND)

        assert contact is not None
        assert "chat (claimed)" in client.get(f"/customers/{contact.pk}/links/").content.decode()
