"""Consent, the copy and the erasure in a real browser: what was refused isn't sent, and who is erased is gone."""

import json
import zipfile
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from helpdesk import erasures
from helpdesk.actions import customers
from helpdesk.models import Agent, Channel, Consent, Contact, Delivery, Identity, Message, Team, Ticket
from helpdesk.outbox import deliver_due
from tests import make
from tests.browser.conftest import Opener, violations

LOOKS = [(1440, "light"), (390, "dark")]


@pytest.fixture
def ticket(channel: Channel, billing: Team, ann: Identity) -> Ticket:
    letter = make.deliver(channel, make.mail(subject="Charged twice", text="Hello, you charged me twice. Ann Archer"))
    Ticket.objects.filter(pk=letter.ticket_id).update(team=billing)
    return Ticket.objects.select_related("contact").get(pk=letter.ticket_id)


def fits(page: Page) -> bool:
    """Nothing stands out at the side, of the page or of what scrolls in it."""
    wide = "[document.documentElement, document.querySelector('.page-body')].every(e => e.scrollWidth <= e.clientWidth)"
    return bool(page.evaluate(wide))


class TestConsent:
    @pytest.mark.parametrize(("width", "scheme"), LOOKS)
    def test_that_is_refused_by_keyboard_stops_what_would_leave(
        self, open_page: Opener, ben: Agent, ticket: Ticket, width: int, scheme: str
    ) -> None:
        where = f"/customers/{ticket.contact_id}/data/"
        page = open_page(ben, where, width=width, scheme=scheme)
        rows = page.locator(".ledger tbody tr")
        expect(rows).to_have_count(4)  # one for each purpose, while nothing was said
        expect(rows.filter(has_text="Answers and service")).to_contain_text("Yes")
        page.get_by_label("Purpose").focus()
        page.keyboard.type("Answers")
        for typed in ("E-mail", "refuses", "Consent", "The customer said"):
            page.keyboard.press("Tab")
            page.keyboard.type(typed)
        page.keyboard.press("Tab")
        page.keyboard.type("Rang and asked for quiet")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")

        expect(page.get_by_text("It holds from the next message on.")).to_be_visible()
        refused = rows.filter(has_text="Answers and service").filter(has_text="E-mail")
        expect(refused).to_contain_text("No")
        expect(page.locator("body")).to_contain_text("Rang and asked for quiet")
        assert violations(page) == []
        assert fits(page)
        word = Consent.objects.get()
        assert (word.purpose, word.channel_kind, word.is_allowed, word.author) == ("service", "email", False, ben)

        page.goto(f"/tickets/{ticket.reference}/")
        page.keyboard.press("r")
        page.keyboard.type("We pay it back.")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".message.is-reply .text")).to_have_text("We pay it back.")
        deliver_due(timezone.now() + timedelta(minutes=1))

        assert Delivery.objects.get(message__kind="reply").state == Delivery.State.CANCELLED
        page.goto(f"/customers/{ticket.contact_id}/?only=consent")
        expect(page.locator(".timeline-of")).to_contain_text("Refused: Answers and service")
        assert violations(page) == []


class TestTheCopy:
    def test_is_a_file_with_what_the_person_wrote(self, open_page: Opener, dora: Agent, ticket: Ticket) -> None:
        page = open_page(dora, f"/customers/{ticket.contact_id}/data/")

        with page.expect_download() as caught:
            page.get_by_role("button", name="Download the copy").click()

        with zipfile.ZipFile(caught.value.path()) as archive:
            told = [json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")]
        assert "you charged me twice" in json.dumps(told)


class TestAnErasure:
    @pytest.mark.parametrize(("width", "scheme"), LOOKS)
    def test_shows_what_goes_wants_the_name_and_reports(
        self, open_page: Opener, dora: Agent, ticket: Ticket, width: int, scheme: str
    ) -> None:
        contact = ticket.contact
        assert contact is not None
        customers.add_note(contact=contact, text="Calls at night", by=dora, at=make.NOON)
        page = open_page(dora, f"/customers/{contact.pk}/data/", width=width, scheme=scheme)
        page.get_by_role("link", name="Look at what would be erased").click()
        expect(page.get_by_role("heading", name="What goes")).to_be_visible()
        expect(page.locator(".page-body")).to_contain_text("ann@customer.example")
        assert violations(page) == []
        assert fits(page)

        page.get_by_label("Type it here").fill("Somebody else")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Nothing was erased.").first).to_be_visible()
        assert violations(page) == []
        assert Contact.objects.filter(pk=contact.pk).exists()
        page.get_by_label("Type it here").fill(contact.name)
        page.keyboard.press("Enter")

        expect(page.get_by_text("It is being erased.")).to_be_visible()
        assert violations(page) == []
        later = timezone.now() + timedelta(hours=1)
        while erasures.run_due(later):
            later += timedelta(minutes=1)

        expect(page.get_by_text("Erased. Nothing was found any more.")).to_be_visible()
        expect(page.locator(".facts")).to_contain_text("Messages blanked")
        assert violations(page) == []
        assert fits(page)
        assert not Identity.objects.filter(value="ann@customer.example").exists()
        assert not Message.objects.filter(text__contains="charged me twice").exists()
