"""A message in a real browser: what can be learned about it, where it can be put, and what a colleague sees of that."""

import pytest
from playwright.sync_api import Page, Route, expect

from helpdesk.models import Agent, Channel, Identity, Message, State, Team, Ticket
from helpdesk.text import sanitise
from tests import make
from tests.browser.conftest import Opener, violations

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
NEWSLETTER = '<p>Dear <b>desk</b></p><img alt="Kettle" src="https://tracker.example/kettle.png" width="20" height="20">'


@pytest.fixture
def first(channel: Channel, billing: Team, ben: Agent) -> Message:
    """Ann's mail in Ben's team."""
    channel.team = billing
    channel.save()
    raw = make.mail(
        subject="Charged twice", text="Hello,\n\nI was charged twice.\n\nAnn\n", message_id="a@customer.example"
    )
    return make.deliver(channel, raw)


@pytest.fixture
def second(first: Message, channel: Channel) -> Message:
    """Ann's answer to it, about something else."""
    text = "My kettle doesn't boil any more. Is there a guarantee?\n"
    raw = make.mail(
        subject="Broken kettle", text=text, message_id="b@customer.example", in_reply_to="a@customer.example"
    )
    return make.deliver(channel, raw)


def opened(open_page: Opener, agent: Agent, ticket: Ticket, **how: object) -> Page:
    page = open_page(agent, f"/tickets/{ticket.reference}/?view=teams&state=active", **how)
    expect(page.locator("html")).to_have_attribute("data-connection", "open")
    expect(page.locator("#list")).to_be_attached()
    return page


def about(page: Page, message: Message) -> None:
    """Open the menu of a message."""
    page.locator(f"#m{message.pk} header summary").click()
    expect(page.locator(f"#m{message.pk} .particulars .facts")).to_be_visible()


class TestAboutAMessage:
    @pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
    def test_says_why_and_offers_what_can_be_done(
        self, open_page: Opener, ben: Agent, second: Message, width: int, scheme: str
    ) -> None:
        page = opened(open_page, ben, second.ticket, width=width, scheme=scheme)

        about(page, second)
        page.get_by_text("Move to another ticket").click()

        sheet = page.locator(f"#m{second.pk} .particulars")
        expect(sheet).to_contain_text("Verified. It came from a machine that the mailbox trusts: 127.0.0.1.")
        expect(sheet).to_contain_text("It answers a message of this ticket")
        expect(sheet.get_by_role("button", name="Detach to a new ticket")).to_be_visible()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")

    def test_leads_to_the_mail_as_it_came(self, open_page: Opener, ben: Agent, second: Message) -> None:
        page = open_page(ben, f"/messages/{second.pk}/source/")

        expect(page.get_by_label("Headers")).to_contain_text("Message-ID: <b@customer.example>")
        expect(page.get_by_label("What follows")).to_contain_text("My kettle doesn't boil")
        assert violations(page) == []


class TestMovingAMessage:
    def test_shows_itself_to_a_colleague_who_watches_and_is_taken_back_by_one_click(
        self, open_page: Opener, ben: Agent, eli: Agent, second: Message
    ) -> None:
        page, watching = (opened(open_page, agent, second.ticket) for agent in (ben, eli))

        page.locator(f"#m{second.pk} .offer").get_by_role("button", name="Detach").click()

        expect(page.locator("#toasts")).to_contain_text("It is now LU-")
        expect(page.locator("#conversation")).to_be_focused()
        for each in (page, watching):
            expect(each.locator(f"#m{second.pk}")).to_have_count(0)
            expect(each.locator("#timeline")).to_contain_text("Ben moved the message of Ann Archer to LU-")
        expect(watching.locator("#rows .ticket-row")).to_have_count(2)

        page.locator("#toasts").get_by_role("button", name="Undo").click()

        for each in (page, watching):
            expect(each.locator(f"#m{second.pk}")).to_have_count(1)
            expect(each.locator("#rows .ticket-row")).to_have_count(1)
        assert Message.objects.get(pk=second.pk).ticket == second.ticket

    def test_goes_to_one_of_the_customers_tickets_by_keyboard(
        self, open_page: Opener, ben: Agent, second: Message, billing: Team
    ) -> None:
        ann = Identity.objects.get(value="ann@customer.example")
        other = make.ticket(channel=second.ticket.channel, team=billing, identity=ann, subject="Kettles")
        page = opened(open_page, ben, second.ticket)
        page.locator(f"#m{second.pk} header summary").focus()

        page.keyboard.press("Enter")
        expect(page.locator(f"#m{second.pk} .particulars .facts")).to_be_visible()
        page.get_by_text("Move to another ticket").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Kettles").focus()
        page.keyboard.press("Enter")

        expect(page.locator("#toasts")).to_contain_text(f"Moved to {other.reference}.")
        assert Message.objects.get(pk=second.pk).ticket == other

    def test_says_in_place_when_it_can_not(self, open_page: Opener, ben: Agent, second: Message) -> None:
        page = opened(open_page, ben, second.ticket, refusal="409")
        about(page, second)

        page.get_by_text("Move to another ticket").click()
        page.get_by_label("Reference of the other ticket").fill("LU-1")
        page.keyboard.press("Enter")

        expect(page.locator(f"#problem{second.pk}")).to_contain_text("There is no such ticket")
        expect(page.get_by_label("Reference of the other ticket")).to_be_focused()


class TestSpam:
    def test_leaves_the_list_and_comes_back(self, open_page: Opener, ben: Agent, eli: Agent, first: Message) -> None:
        page, watching = (opened(open_page, agent, first.ticket) for agent in (ben, eli))
        about(page, first)

        page.get_by_role("button", name="Mark as spam and block the sender").click()

        expect(page.locator("#toasts")).to_contain_text("Marked as spam; ann@customer.example is blocked.")
        expect(page.locator("#customer")).to_contain_text("blocked")
        expect(watching.locator("#ticket-head")).to_contain_text("This is spam")
        for each in (page, watching):
            expect(each.locator("#rows .ticket-row")).to_have_count(0)
        assert violations(page) == []

        page.locator("#toasts").get_by_role("button", name="Undo").click()

        expect(page.locator("#rows .ticket-row")).to_have_count(1)
        expect(watching.locator("#ticket-head")).not_to_contain_text("This is spam")
        assert Ticket.objects.get(pk=first.ticket_id).state == State.NEW
        assert Identity.objects.get(value="ann@customer.example").blocked_at is None

    def test_is_a_key_away(self, open_page: Opener, ben: Agent, first: Message) -> None:
        page = opened(open_page, ben, first.ticket)

        page.keyboard.press("!")

        expect(page.locator("#ticket-head")).to_contain_text("This is spam")


class TestAThirdParty:
    def test_is_let_in_by_a_click(self, open_page: Opener, ben: Agent, first: Message, channel: Channel) -> None:
        raw = make.mail(sender="Zoe <zoe@elsewhere.example>", in_reply_to="a@customer.example", text="Me too!")
        zoes = make.deliver(channel, raw, mail_from="zoe@elsewhere.example")
        page = opened(open_page, ben, first.ticket)
        expect(page.locator("#cc")).to_have_value("")

        page.locator(f"#m{zoes.pk}").get_by_role("button", name="Add to the ticket").click()

        expect(page.locator("#toasts")).to_contain_text("zoe@elsewhere.example takes part now and gets copies.")
        expect(page.locator("#cc")).to_have_value("zoe@elsewhere.example")
        assert violations(page) == []


class TestRemoteImages:
    def test_come_when_the_reader_asks_and_only_for_that_look(
        self, open_page: Opener, ben: Agent, first: Message
    ) -> None:
        Message.objects.filter(pk=first.pk).update(html=sanitise(NEWSLETTER))
        page = opened(open_page, ben, first.ticket)
        asked: list[str] = []

        def answer(route: Route) -> None:
            asked.append(route.request.headers.get("referer", ""))
            route.fulfill(body=PNG, content_type="image/png")

        page.route("https://tracker.example/**", answer)
        page.get_by_role("link", name="As it was sent").click()
        mail = page.frame_locator(".html-mail")
        expect(mail.locator("b")).to_have_text("desk")
        assert asked == []
        assert violations(page) == []

        page.get_by_role("button", name="Show images").click()

        expect(page.locator("[data-takes-focus]")).to_be_focused()
        expect(mail.locator("img")).to_have_js_property("naturalWidth", 1)
        assert asked == [""]  # and without a word about where it was read

        page.reload()
        page.get_by_role("link", name="As it was sent").click()
        expect(page.get_by_role("button", name="Show images")).to_be_visible()
        assert asked == [""]
