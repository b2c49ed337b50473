"""Social channels in a real browser: connected on their page, and answered from the composer on a phone."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django import Settings

from helpdesk.actions import social_templates
from helpdesk.connectors.social import Approved
from helpdesk.models import Agent, Delivery, SocialAccount, SocialThread, Team, Ticket
from tests.browser.conftest import Opener, violations
from tests.flows.social_platforms import SECRET, account, deliver, event, partner, work
from tests.servers.raw_http import RawServer

LOOKS = [(1440, "light"), (390, "dark")]


@pytest.fixture
def shop(settings: Settings) -> Iterator[RawServer]:
    settings.HTTP_INNER_HOSTS = frozenset({"127.0.0.1"})
    with partner() as server:
        yield server


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


class TestConnectingAChannel:
    @pytest.mark.parametrize(("width", "scheme"), LOOKS)
    def test_checks_the_credentials_and_shows_address_arrivals_and_trouble(
        self, open_page: Opener, dora: Agent, support: Team, shop: RawServer, width: int, scheme: str
    ) -> None:
        page = open_page(dora, "/channels/social/new/", width=width, scheme=scheme)
        assert violations(page) == []
        page.get_by_role("link", name="Webhook").click()
        page.get_by_label("Name", exact=True).fill("Shop app")
        page.get_by_label("Shared secret").fill("short")
        page.keyboard.press("Enter")
        expect(page.get_by_text("shorter than 16 characters")).to_be_visible()
        assert violations(page) == []
        assert not SocialAccount.objects.exists()
        page.get_by_label("Shared secret").fill(SECRET)
        page.get_by_label("Address for answers").fill(f"http://127.0.0.1:{shop.port}/in")
        page.keyboard.press("Enter")

        expect(page.get_by_text("Connected.", exact=True)).to_be_visible()
        row = SocialAccount.objects.get()
        expect(page.locator("#address")).to_contain_text(f"/hooks/{row.key}/")
        expect(page.locator("#events")).to_contain_text("Nothing yet")
        expect(page.locator("body")).not_to_contain_text(SECRET)
        assert shop.requests  # it was asked before anything was stored

        deliver(row, event())
        work()
        deliver(row, event("m2"), headers={})
        page.goto(f"/channels/social/{row.channel_id}/")

        expect(page.locator("#events").get_by_role("link")).to_have_text(Ticket.objects.get().reference)
        expect(page.get_by_text("could not prove that it comes from the platform")).to_be_visible()
        assert violations(page) == []
        assert fits(page)


class TestAnsweringOnAPhone:
    @pytest.fixture
    def row(self, dora: Agent, support: Team) -> SocialAccount:
        dora.teams.add(support)
        return account()

    def opened(self, open_page: Opener, dora: Agent, scheme: str = "light", refusal: str = "") -> Page:
        reference = Ticket.objects.get().reference
        return open_page(dora, f"/tickets/{reference}/", width=390, height=844, scheme=scheme, refusal=refusal)

    def test_in_public_wants_to_be_meant(self, open_page: Opener, dora: Agent, row: SocialAccount) -> None:
        deliver(row, event(public=True))
        work()
        page = self.opened(open_page, dora, refusal="422")
        expect(page.get_by_text("This answer is public")).to_be_visible()
        assert violations(page) == []
        page.locator("#reply-text").fill("Sorry about that.")
        page.get_by_role("button", name="Send", exact=True).click()

        expect(page.locator("#composer [role=alert]")).to_contain_text("Say that you mean it")
        expect(page.locator("#reply-text")).to_have_value("Sorry about that.")
        page.get_by_label("This answer is public").focus()
        page.keyboard.press("Space")
        page.get_by_role("button", name="Send", exact=True).click()

        expect(page.locator(".message.is-reply .text")).to_have_text("Sorry about that.")
        assert Delivery.objects.filter(message__kind="reply").count() == 1
        assert fits(page)

    @pytest.mark.parametrize(("hours", "words"), [(20, "Free answers until"), (30, "It is too late to answer freely")])
    def test_says_how_long_free_words_are_taken_and_which_texts_are_after_that(
        self, open_page: Opener, dora: Agent, row: SocialAccount, hours: int, words: str
    ) -> None:
        deliver(row, event())
        work()
        SocialAccount.objects.update(provider="whatsapp")
        row.channel.kind = "whatsapp"
        row.channel.save()
        SocialThread.objects.update(last_customer_at=timezone.now() - timedelta(hours=hours))
        long = "Hello {{1}}, your order {{2}} is on its way. " * 8
        found = [Approved(name="order_on_its_way", language="en", category="UTILITY", text=long, places=("1", "2"))]
        social_templates.store(account=row, found=found, by=None, at=timezone.now())

        page = self.opened(open_page, dora, scheme="dark")
        way = page.locator(".platform")
        expect(way).to_contain_text(words)
        if hours == 20:
            expect(way.locator("time")).to_contain_text("in 4 h")
        else:
            way.get_by_label("Approved text").select_option(label="order_on_its_way (en)")
            way.get_by_text("Read the texts").click()
            expect(way).to_contain_text("your order {{2}} is on its way")
            page.locator("#reply-text").fill("Ann\n4417")
            page.get_by_role("button", name="Send", exact=True).click()
            expect(page.locator(".message.is-reply .text")).to_contain_text("Hello Ann, your order 4417 is on its way")
        assert violations(page) == []
        assert fits(page)
