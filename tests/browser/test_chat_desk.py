"""The agent's side of a chat, in a real browser: given, answered by Enter, typing and ticks, handed over."""

import uuid

import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from playwright.sync_api import expect

from helpdesk import chats
from helpdesk.actions import chats as actions
from helpdesk.actions import visitors
from helpdesk.models import Agent, Conversation, Message, Team, Ticket
from helpdesk.widget import identity
from tests.browser.conftest import Opener, violations
from tests.flows.chat_clients import site

pytestmark = pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)


def says(guest: visitors.Guest, text: str) -> Ticket:
    """A visitor's message, as their socket stores it."""
    words = chats.Words(client_id=uuid.uuid4().hex, text=text, at=timezone.now(), guest=guest)
    outcome = chats.say(words=words)
    assert isinstance(outcome, chats.Stored)
    return Ticket.objects.get(pk=outcome.ticket_id)


@pytest.fixture
def ann(support: Team, billing: Team) -> visitors.Guest:
    web = site(team=billing)
    page = {"url": "https://shop.example/cart", "title": "Your cart"}
    return visitors.Guest(
        channel_id=web.channel_id, token=identity.new_token(web.channel_id), name="Ann", language="en", page=page
    )


class TestAChat:
    def test_is_accepted_answered_and_handed_over(
        self, ann: visitors.Guest, ben: Agent, eli: Agent, open_page: Opener
    ) -> None:
        ticket = says(ann, "Where is my parcel?")
        page = open_page(ben, f"/tickets/{ticket.reference}/")
        expect(page.locator("html[data-connection=open]")).to_be_attached()
        expect(page.locator("#tray .chat-row.is-waiting")).to_contain_text("Ann")
        expect(page.locator("#visitor [data-page-link]")).to_have_text("Your cart")

        area = page.locator("[data-text=reply]")
        area.fill("It is on its way")
        accept = page.get_by_role("button", name="Accept the chat")
        accept.click()
        expect(accept).to_have_count(0)
        expect(page.locator("#tray .chat-row:not(.is-waiting)")).to_contain_text("Ann")
        expect(area).to_have_value("It is on its way")
        area.press("Shift+Enter")
        area.press_sequentially("Today!")
        area.press("Enter")
        answer = page.locator(".message.is-reply")
        expect(answer).to_contain_text("It is on its way")
        expect(answer.locator(".ticks")).to_have_text("Sent")
        expect(area).to_have_value("")
        expect(area).to_be_focused()
        assert Message.objects.get(kind="reply").text == "It is on its way\nToday!"

        row = Conversation.objects.get()
        actions.read_by_visitor(conversation_id=row.pk, visitor_id=row.visitor_id, sequence=row.last_sequence)
        expect(answer.locator(".ticks")).to_have_text("Read")
        says(ann, "Thank you")
        expect(page.locator(".message.is-customer").nth(1)).to_contain_text("Thank you")
        assert violations(page) == []

        page.locator(".hand-over summary").click()
        page.locator(".hand-over select").select_option(label="Eli")
        page.locator(".hand-over textarea").fill("She waits for a parcel")
        page.locator(".hand-over button").dblclick()  # as impatient people do
        expect(page.locator(".message.is-note")).to_contain_text("She waits for a parcel")
        assert Message.objects.filter(kind="note").count() == 1
        assert Ticket.objects.get().owner == eli
