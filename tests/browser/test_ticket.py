"""The ticket in a real browser: reading, answering, changing, and what happens when somebody else does so meanwhile."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from helpdesk import outbox
from helpdesk.actions import replies
from helpdesk.models import Agent, Channel, Delivery, Draft, Membership, Message, Reading, Team, Template, Ticket
from tests import make
from tests.browser.conftest import Opener, violations


@pytest.fixture
def ticket(channel: Channel, billing: Team, ben: Agent) -> Ticket:
    """Ann's mail in Ben's team, as the real intake stores it."""
    channel.team = billing
    channel.save()
    body = "Hello,\n\nI was charged twice.\n\nAnn\n\nOn Monday Support wrote:\n> Thank you.\n> It is on its way.\n"
    return make.deliver(channel, make.mail(subject="Charged twice", text=body, message_id="a@customer.example")).ticket


def opened(open_page: Opener, agent: Agent, ticket: Ticket, **how: object) -> Page:
    page = open_page(agent, f"/tickets/{ticket.reference}/?view=teams&state=active", **how)
    expect(page.locator("html")).to_have_attribute("data-connection", "open")
    expect(page.locator("#list")).to_be_attached()
    return page


class TestReading:
    def test_marks_the_ticket_as_read(self, open_page: Opener, ben: Agent, ticket: Ticket) -> None:
        page = opened(open_page, ben, ticket)

        expect(page.locator("#rows .ticket-row")).to_have_count(1)
        expect(page.locator("#rows .is-unread")).to_have_count(0)
        assert Reading.objects.get(agent=ben, ticket=ticket).cursor == ticket.message_cursor

    def test_shows_quoted_text_one_click_away(self, open_page: Opener, ben: Agent, ticket: Ticket) -> None:
        page = opened(open_page, ben, ticket)
        expect(page.locator(".message.is-customer .text")).not_to_contain_text("It is on its way")

        page.get_by_role("link", name="Quoted text").click()

        expect(page.locator(".quoted-text")).to_contain_text("It is on its way")

    def test_cages_the_html_of_a_mail(self, open_page: Opener, ben: Agent, ticket: Ticket) -> None:
        html = '<p>Dear <b>desk</b></p><img src="https://tracker.example/pixel.gif" alt="pixel">'
        Message.objects.filter(ticket=ticket, kind="customer").update(html=html)
        page = opened(open_page, ben, ticket, refusal="tracker.example")
        loaded: list[str] = []
        page.on("response", lambda response: loaded.append(response.url))

        page.get_by_role("link", name="As it was sent").click()

        expect(page.frame_locator(".html-mail").locator("b")).to_have_text("desk")
        assert not [address for address in loaded if "tracker.example" in address]

    def test_says_which_rules_did_not_match(self, open_page: Opener, ben: Agent, ticket: Ticket) -> None:
        page = opened(open_page, ben, ticket)

        page.get_by_text("Rules that did not match").click()

        expect(page.locator(".why .missed")).to_be_visible()

    def test_shows_a_customers_answer_as_it_arrives(
        self, open_page: Opener, ben: Agent, ticket: Ticket, channel: Channel
    ) -> None:
        page = opened(open_page, ben, ticket)

        more = make.mail(subject="Re: Charged twice", text="Any news?", in_reply_to="a@customer.example")
        make.deliver(channel, more)

        expect(page.locator(".message.is-customer")).to_have_count(2)


class TestAnswering:
    def test_sends_after_a_time_to_undo(self, open_page: Opener, ben: Agent, ticket: Ticket) -> None:
        page = opened(open_page, ben, ticket)

        page.keyboard.press("r")
        page.keyboard.type("Sorry, we pay it back.")
        page.keyboard.press("Control+Enter")

        expect(page.locator(".message.is-reply .text")).to_have_text("Sorry, we pay it back.")
        assert Delivery.objects.get(message__kind="reply").next_attempt_at > timezone.now()

        page.locator("#toasts").get_by_role("button", name="Undo").click()

        expect(page.locator(".message.is-reply")).to_have_count(0)
        expect(page.locator("#reply-text")).to_have_value("Sorry, we pay it back.")
        assert not Delivery.objects.filter(message__kind="reply").exists()

    def test_says_by_itself_that_it_has_left(self, open_page: Opener, ben: Agent, ticket: Ticket) -> None:
        page = opened(open_page, ben, ticket)
        page.locator("#reply-text").fill("Sorry, we pay it back.")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".message.is-reply .delivery")).to_contain_text("Goes out in a few seconds")

        outbox.deliver_due(timezone.now() + timedelta(minutes=1))

        expect(page.locator(".message.is-reply .delivery")).to_have_text("Sent")

    def test_says_that_the_line_is_down_and_keeps_the_words(
        self, open_page: Opener, ben: Agent, ticket: Ticket
    ) -> None:
        page = opened(open_page, ben, ticket, refusal="ailed")  # to fetch, to connect
        page.locator("#reply-text").fill("Into the void.")
        expect(page.locator("[data-saved]")).to_have_text("Draft saved")

        page.context.set_offline(True)
        page.keyboard.press("Control+Enter")

        expect(page.locator("#toasts .danger")).to_have_text(
            "That did not reach the desk. Nothing was changed; try again."
        )
        expect(page.locator("#reply-text")).to_have_value("Into the void.")
        page.context.set_offline(False)

    def test_says_that_the_login_has_ended_and_keeps_the_words(
        self, open_page: Opener, ben: Agent, ticket: Ticket
    ) -> None:
        page = opened(open_page, ben, ticket, refusal="401")
        page.locator("#reply-text").fill("Too late.")
        expect(page.locator("[data-saved]")).to_have_text("Draft saved")

        page.context.clear_cookies(name="sessionid")
        page.keyboard.press("Control+Enter")

        expect(page.locator("#toasts .danger")).to_contain_text("You are not logged in any more")
        expect(page.locator("#reply-text")).to_have_value("Too late.")

    def test_keeps_a_draft_while_one_types(self, open_page: Opener, ben: Agent, ticket: Ticket) -> None:
        page = opened(open_page, ben, ticket)

        page.keyboard.press("r")
        page.keyboard.type("Half a sent")

        expect(page.locator("[data-saved]")).to_have_text("Draft saved")
        assert Draft.objects.get(agent=ben, ticket=ticket).text == "Half a sent"
        page.reload()
        expect(page.locator("#reply-text")).to_have_value("Half a sent")

    def test_stops_when_something_newer_has_arrived(
        self, open_page: Opener, ben: Agent, ticket: Ticket, channel: Channel
    ) -> None:
        page = opened(open_page, ben, ticket, refusal="409")
        page.keyboard.press("r")
        page.keyboard.type("We pay it back.")
        more = make.mail(subject="Re: Charged twice", text="I found it, all is well!", in_reply_to="a@customer.example")
        make.deliver(channel, more)

        page.keyboard.press("Control+Enter")

        expect(page.locator(".stopped")).to_contain_text("I found it, all is well!")
        assert not Message.objects.filter(kind="reply").exists()
        page.get_by_role("button", name="Send anyway").click()
        expect(page.locator(".message.is-reply")).to_have_count(1)

    def test_adds_a_note_that_cannot_be_mistaken(self, open_page: Opener, ben: Agent, ticket: Ticket) -> None:
        page = opened(open_page, ben, ticket)

        page.keyboard.press("n")
        expect(page.get_by_label("To", exact=True)).to_be_hidden()
        page.keyboard.type("Do not tell her yet.")
        page.get_by_role("button", name="Add note").click()

        expect(page.locator(".message.is-note .internal")).to_have_text("Internal")
        assert not Delivery.objects.filter(message__kind="note").exists()

    def test_says_what_to_mend_when_nothing_is_written(self, open_page: Opener, ben: Agent, ticket: Ticket) -> None:
        page = opened(open_page, ben, ticket, refusal="422")

        page.get_by_role("button", name="Send", exact=True).click()

        expect(page.locator("#composer [role=alert]")).to_be_visible()

    def test_shows_a_colleagues_note_live(self, open_page: Opener, ben: Agent, eli: Agent, ticket: Ticket) -> None:
        page = opened(open_page, ben, ticket)

        replies.note(ticket=ticket, agent=eli, text="I know her.")

        expect(page.locator(".message.is-note")).to_contain_text("I know her.")


class TestChanging:
    def test_changes_state_owner_and_tags_in_place(self, open_page: Opener, ben: Agent, ticket: Ticket) -> None:
        page = opened(open_page, ben, ticket)

        page.locator("#choose-owner").select_option(label="Nobody")
        expect(page.locator(".happened", has_text="handed it back").first).to_be_attached()
        page.locator("#add-tag").fill("refund")
        page.keyboard.press("Enter")
        expect(page.locator(".tag")).to_contain_text("refund")
        page.locator("#ticket-subject").click()
        page.keyboard.press("e")
        expect(page.locator("#choose-state")).to_have_value("solved")
        expect(page.locator(".happened", has_text="Solved").first).to_be_attached()

        ticket.refresh_from_db()
        assert (ticket.owner, ticket.state, [tag.name for tag in ticket.tags.all()]) == (None, "solved", ["refund"])

    def test_moves_to_another_team_of_the_agent(
        self, open_page: Opener, ben: Agent, ticket: Ticket, support: Team
    ) -> None:
        Membership.objects.create(agent=ben, team=support)
        page = opened(open_page, ben, ticket)
        page.locator("#choose-team").select_option(label="Support")
        expect(page.locator(".happened", has_text="from Billing to Support").first).to_be_attached()

        ticket.refresh_from_db()
        assert ticket.team == support


class TestTicketForEveryone:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [1440, 1024, 390])
    def test_has_no_violations(
        self, open_page: Opener, ben: Agent, eli: Agent, ticket: Ticket, width: int, scheme: str
    ) -> None:
        replies.note(ticket=ticket, agent=eli, text="Careful.")
        replies.reply(ticket=ticket, agent=ben, text="On it.", to=["ann@customer.example"], seen_cursor=2**31)

        page = opened(open_page, ben, ticket, width=width, scheme=scheme)

        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    def test_has_no_violations_as_a_note_with_menus_open(self, open_page: Opener, ben: Agent, ticket: Ticket) -> None:
        page = opened(open_page, ben, ticket)

        page.keyboard.press("n")
        page.locator(".message .about > summary").first.click()
        page.get_by_text("Rules that did not match").click()

        assert violations(page) == []

    def test_opens_the_customer_as_a_drawer_on_a_small_screen(
        self, open_page: Opener, ben: Agent, ticket: Ticket
    ) -> None:
        page = opened(open_page, ben, ticket, width=1024, height=768)
        expect(page.locator("#customer")).to_be_hidden()

        page.get_by_role("link", name="Customer", exact=True).click()

        expect(page.locator("#customer")).to_be_in_viewport()
        assert violations(page) == []


class TestCannedReplies:
    def test_go_into_the_answer_where_the_cursor_is(self, open_page: Opener, ben: Agent, ticket: Ticket) -> None:
        Template.objects.create(
            slug="sorry", kind="canned", language="en", name="Say sorry", body="Sorry, {{contact_name}}."
        )
        page = opened(open_page, ben, ticket)
        page.locator("#reply-text").fill("Hello. ")

        page.get_by_text("Canned replies").first.click()
        page.get_by_role("button", name="Say sorry").click()

        expect(page.locator("#reply-text")).to_have_value("Hello. Sorry, Ann Archer.")
        expect(page.locator("#reply-text")).to_be_focused()
        assert violations(page) == []
