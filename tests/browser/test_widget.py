"""The chat on somebody else's site, in a real browser: on another origin, under a strict policy and hostile styles."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Frame, Page, expect

from helpdesk import chats
from helpdesk.actions.chat_sites import save_chat_channel
from helpdesk.chats import Words
from helpdesk.models import Agent, ChatLine, ChatSite, Conversation, Message, Rating, Team
from tests import make
from tests.browser.conftest import Opener
from tests.browser.foreign_site import ForeignSite, foreign_site
from tests.flows import desk

#: A machine ten times slower than ours is still in time.
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def shop(transactional_db: None, server: str) -> Iterator[ForeignSite]:
    with foreign_site() as site:
        site.carry(desk=server, slug="shop")
        yield site


@pytest.fixture
def site(shop: ForeignSite, support: Team, billing: Team, ben: Agent) -> ChatSite:
    desk.article(by=None)
    fields = [{"name": "email", "kind": "email", "required": True, "label": {}, "choices": []}]
    values = {"name": "Shop", "slug": "shop", "team": billing, "allowed_origins": [shop.address]}
    return save_chat_channel(site=None, values={**values, "pre_chat_fields": fields}, by=None, at=make.NOON)


@pytest.fixture
def visit(browser: Browser, site: ChatSite) -> Iterator[Callable[..., Page]]:
    """Opens the shop's page; a script error or a violated policy on it fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_one(*, shop: ForeignSite, context: BrowserContext | None = None, **how: Any) -> Page:
        if context is None:
            viewport = {"width": how.pop("width", 1100), "height": 780}
            context = browser.new_context(viewport=viewport, reduced_motion="reduce", **how)  # type: ignore[arg-type]
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
        page.goto(shop.address)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def panel_of(page: Page) -> Frame:
    """The panel, when it has met the desk."""
    expect(page.locator("iframe.open")).to_be_visible()
    handle = page.locator("iframe.open").element_handle()
    frame = handle.content_frame()
    assert frame is not None
    expect(frame.locator("html[data-connection=open]")).to_be_attached()
    return frame


def flaws(frame: Frame) -> list[str]:
    """What axe finds in the panel as it stands."""
    found = Axe().run(frame).response["violations"]
    return [f"{rule['id']}: {node['target']} {node['html']}" for rule in found for node in rule["nodes"]]


def answer(ben: Agent, text: str) -> None:
    """Ben says something in the newest chat."""
    talk = Conversation.objects.latest("pk")
    words = Words(
        client_id=f"ben{Message.objects.count():08}", text=text, at=make.NOON, agent_id=ben.pk, conversation_id=talk.pk
    )
    assert isinstance(chats.say(words=words), chats.Stored)


class TestAPageWithTheChat:
    def test_pays_for_a_button_only_until_somebody_opens_it(
        self, visit: Callable[..., Page], shop: ForeignSite
    ) -> None:
        asked: list[str] = []
        page = visit(shop=shop)
        page.context.on("request", lambda request: asked.append(request.url))
        page.goto(shop.address)
        launcher = page.get_by_role("button", name="Chat with us")

        expect(launcher).to_be_visible()
        box = launcher.bounding_box()
        assert box is not None
        assert box["width"] == box["height"] == 56
        assert box["x"] + box["width"] > 1000, "the host's styles have no say in where it stands"
        assert [url for url in asked if url.startswith(shop.desk)] == [f"{shop.desk}/chat/shop/widget.js"]
        assert {url.split("/")[2] for url in asked} == {shop.desk[7:], shop.address[7:]}

        page.keyboard.press("Tab")
        expect(launcher).to_be_focused()
        page.keyboard.press("Enter")
        panel = panel_of(page)
        expect(panel.get_by_label("What is it about?")).to_be_focused()
        assert page.context.cookies() == []
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0
        page.keyboard.press("Escape")
        expect(page.locator("iframe.open")).to_have_count(0)
        expect(launcher).to_be_focused()
        assert {url.split("/")[2] for url in asked} == {shop.desk[7:], shop.address[7:]}


class Case:
    """A visitor with nothing but a keyboard. ``flawed``: what axe has found, by the state of the panel."""

    def __init__(self, page: Page) -> None:
        self.page, self.keys = page, page.keyboard
        self.flawed: dict[str, list[str]] = {}
        page.get_by_role("button", name="Chat with us").focus()
        self.keys.press("Enter")
        self.panel = panel_of(page)
        expect(self.panel.get_by_label("What is it about?")).to_be_focused()
        self.look("beginning")

    def look(self, state: str) -> None:
        if found := flaws(self.panel):
            self.flawed[state] = found

    def press(self, *keys: str) -> None:
        for key in keys:
            self.keys.press(key)

    def read_an_answer(self) -> None:
        self.keys.type("I forgot my password")
        expect(self.panel.get_by_role("heading", name="1 answer that may help")).to_be_visible()
        self.look("suggestions")
        for _step in range(4):
            self.press("Shift+Tab")
            if self.panel.evaluate("document.activeElement.closest('#answers') !== null"):
                break
        self.press("Enter")
        expect(self.panel.get_by_role("heading", name="How to reset your password")).to_be_focused()
        expect(self.panel.locator("#article-body")).to_contain_text("Forgot your password")
        self.look("article")
        self.press("Escape")
        expect(self.panel.locator("#article")).to_be_hidden()

    def ask(self) -> str:
        """Sends the question; returns the reference."""
        self.panel.get_by_label("What is it about?").focus()
        self.press("Enter")
        expect(self.panel.get_by_label("E-mail address")).to_be_focused()
        self.keys.type("ann@")
        self.press("Enter")
        expect(self.panel.get_by_text("Type a whole e-mail address")).to_be_visible()
        self.look("fields")
        self.keys.type("customer.example")
        self.press("Enter")
        expect(self.panel.locator(".mine .mark")).to_contain_text("Arrived")
        reference = Conversation.objects.get().ticket.reference
        expect(self.panel.locator(".card")).to_contain_text(reference)
        return reference

    def end(self) -> None:
        self.panel.get_by_label("More").focus()
        self.press("Enter")
        self.look("menu")
        self.press("Tab", "Tab", "Enter")
        expect(self.panel.get_by_role("dialog")).to_be_visible()
        self.look("sure?")
        self.press("Enter")
        expect(self.panel.get_by_text("How was the help?")).to_be_visible()
        self.look("over")

    def rate(self) -> None:
        self.panel.get_by_label("Very bad").focus()
        self.press(*["ArrowRight"] * 4, "Tab", "Space")
        self.panel.get_by_label("Anything you want to add").focus()
        self.keys.type("Quick")
        self.press("Tab", "Enter")
        expect(self.panel.get_by_text("Thank you. It was read and stored.")).to_be_visible()
        self.look("rated")


class TestACase:
    def test_goes_from_question_to_rating_by_keyboard_and_without_a_flaw(
        self, visit: Callable[..., Page], shop: ForeignSite, ben: Agent, open_page: Opener
    ) -> None:
        case = Case(visit(shop=shop))
        panel = case.panel
        case.read_an_answer()
        reference = case.ask()

        console = open_page(ben, f"/tickets/{reference}/")
        accept = console.get_by_role("button", name="Accept the chat")
        accept.click()
        expect(accept).to_have_count(0)
        reply = console.locator("#reply-text")
        reply.press_sequentially("Open My account, ")
        expect(panel.locator("#typing-words")).to_have_text("Ben is writing")
        reply.press_sequentially("then Forgot your password.")
        reply.press("Enter")
        expect(panel.get_by_role("log")).to_contain_text("Open My account, then Forgot your password.")
        expect(panel.locator(".mine .mark")).to_contain_text("Read")
        expect(panel.get_by_role("heading", level=1)).to_have_text("Ben")
        case.look("talking")
        case.keys.type("Thank you")
        case.press("Enter")
        expect(panel.locator(".mine")).to_have_count(2)
        expect(console.locator("#pane")).to_contain_text("Thank you")

        case.end()
        case.rate()
        rating = Rating.objects.get()
        assert (rating.score, rating.effort, rating.comment) == (5, 1, "Quick")
        assert case.flawed == {}


class TestWhatIsSaid:
    def test_outlives_an_outage_and_a_closed_page_and_is_stored_once(
        self, visit: Callable[..., Page], shop: ForeignSite, ben: Agent
    ) -> None:
        first = visit(shop=shop)
        first.get_by_role("button", name="Chat with us").click()
        panel = panel_of(first)
        panel.get_by_label("What is it about?").fill("Where is my order?")
        panel.get_by_role("button", name="Send", exact=True).click()
        panel.get_by_label("E-mail address").fill("ann@customer.example")
        panel.get_by_role("button", name="Send", exact=True).click()
        expect(panel.locator(".mine .mark")).to_contain_text("Arrived")

        first.context.set_offline(True)
        panel.get_by_label("Write a message").fill("It is number 4417")
        panel.get_by_role("button", name="Send", exact=True).click()
        expect(panel.locator(".mine .mark").last).to_contain_text("Sending")
        first.close()
        first.context.set_offline(False)
        again = visit(shop=shop, context=first.context)
        expect(again.locator("luotsi-chat iframe")).to_be_attached()
        hidden = again.frames[-1]
        expect(hidden.locator(".mine .mark").last).to_contain_text("Arrived")
        answer(ben, "I look for it.")
        expect(again.get_by_role("button", name="Chat with us, 1 unread")).to_be_visible()
        other = visit(shop=shop, context=first.context)
        for page in (again, other):
            page.get_by_role("button", name="Chat with us").click()
            talk = panel_of(page).locator("#log .said")
            expect(talk).to_have_count(3)
            expect(talk.nth(1)).to_contain_text("It is number 4417")
            expect(talk.nth(2)).to_contain_text("I look for it.")

        assert ChatLine.objects.filter(message__text="It is number 4417").count() == 1

    @pytest.mark.parametrize(("width", "scheme", "language"), [(390, "dark", "de")])
    def test_comes_by_polling_where_sockets_are_blocked_on_a_phone_in_german(
        self, visit: Callable[..., Page], shop: ForeignSite, ben: Agent, width: int, scheme: str, language: str
    ) -> None:
        shop.language = language
        page = visit(shop=shop, width=width, color_scheme=scheme)
        page.context.route_web_socket("**/ws/chat/**", lambda socket: socket.close())
        page.get_by_role("button", name="Mit uns chatten").click()
        panel = panel_of(page)
        flawed = {"beginning": flaws(panel)}
        panel.get_by_label("Worum geht es?").fill("Wo ist meine Bestellung?")
        panel.get_by_role("button", name="Senden", exact=True).click()
        panel.get_by_label("E-Mail-Adresse").fill("ann@customer.example")
        panel.get_by_role("button", name="Senden", exact=True).click()
        expect(panel.locator(".mine .mark")).to_contain_text("Angekommen")
        answer(ben, "Ich sehe nach. <img src=x onerror=alert(1)>")
        expect(panel.get_by_role("log")).to_contain_text("<img src=x onerror=alert(1)>")

        flawed["talking"] = flaws(panel)
        box = page.locator("iframe.open").bounding_box()
        assert box is not None
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 780)
        assert {state: complaints for state, complaints in flawed.items() if complaints} == {}
        panel.get_by_label("Chat schließen").click()
        expect(page.get_by_role("button", name="Mit uns chatten")).to_be_focused()
