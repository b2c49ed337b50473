"""Who is who, in a real browser: linked, merged and undone by people who see why."""

import re

from playwright.sync_api import expect

from helpdesk.actions import attributes
from helpdesk.actions.contacts import contact_for, identity_for
from helpdesk.models import Agent, Channel, Contact, IdentityKind, Team
from tests import make
from tests.browser.conftest import Opener, violations
from tests.make import NOON


class TestOnePerson:
    def test_is_linked_merged_and_two_again(
        self, open_page: Opener, ben: Agent, channel: Channel, billing: Team
    ) -> None:
        mail = identity_for(address="ann@customer.example", name="Ann Archer")
        ticket = make.ticket(channel=channel, team=billing, identity=mail)
        make.message(ticket=ticket, contact=mail.contact, sender_address=mail.value, sender_name="Ann Archer")
        attributes.offer(contact=mail.contact, attribute="phone", value="+358 40 123 4567", source="agent", by=ben)
        handle = contact_for(kind=IdentityKind.WHATSAPP, value="358401234567", name="Annie", verified=True, at=NOON)
        page = open_page(ben, f"/tickets/{ticket.reference}/")

        beside = page.locator("#customer .same-person")
        expect(beside).to_contain_text("Same phone +358401234567, verified by WhatsApp")
        beside.get_by_role("button", name="Same person").click()

        expect(page.get_by_text("Annie and Ann Archer are one customer now.")).to_be_visible()
        expect(page.locator("#customer .addresses-of")).to_contain_text("+358401234567")
        expect(page.locator("#customer .same-person")).to_have_count(0)
        page.get_by_role("link", name="Addresses and links").click()
        expect(page.locator("#addresses .linked-one")).to_have_count(2)
        page.get_by_label("Kind").select_option("mastodon")
        page.get_by_label("Address or handle").fill("ann@social.example")
        page.get_by_label("How do you know?").press("Enter")
        expect(page.locator("#addresses .linked-one")).to_have_count(3)
        expect(page.locator("#addresses")).to_contain_text("an agent says so")
        assert violations(page) == []

        page.get_by_role("link", name="Undo …").click()
        expect(page.get_by_role("heading", name="Goes back to Annie")).to_be_visible()
        expect(page.locator("main, .page-body").first).to_contain_text("1 address")
        assert violations(page) == []
        page.get_by_role("button", name="Undo merge").click()

        expect(page).to_have_url(re.compile(f"/customers/{handle.contact_id}/links/"))
        expect(page.locator("#addresses .linked-one")).to_have_count(1)
        assert Contact.objects.filter(merged_into=None).count() == 2
        assert list(mail.contact.identities.values_list("value", flat=True)) == [
            "ann@customer.example",
            "ann@social.example",
        ]

    def test_is_chosen_with_the_keyboard_on_a_phone(
        self, open_page: Opener, ben: Agent, channel: Channel, billing: Team
    ) -> None:
        mail = identity_for(address="ann@customer.example", name="Ann Archer")
        contact_for(kind=IdentityKind.TELEGRAM, value="4711", display="@ann", name="Ann A.", at=NOON)
        page = open_page(ben, f"/customers/{mail.contact_id}/merge/", width=390, scheme="dark")

        page.get_by_label("Name, address or handle").fill("@ann")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Compare").click()
        expect(page.get_by_text("nothing that these two have in common", exact=False)).to_be_visible()
        assert violations(page) == []
        page.get_by_label("Keep Ann Archer").focus()
        page.keyboard.press("ArrowDown")
        page.get_by_label("How do you know?").fill("on the phone")
        page.keyboard.press("Enter")

        expect(page.get_by_role("heading", level=1)).to_contain_text("Ann A.")
        assert Contact.objects.get(pk=mail.contact_id).merged_into is not None
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
