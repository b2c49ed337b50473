"""Each state in which a customer meets the chat, on a phone and on a desk, light and dark: no flaw, nothing cut off."""

import json
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import FilePayload, Page, Route, WebSocketRoute, expect

from helpdesk.actions import portraits, presence
from helpdesk.actions.chat_sites import save_chat_channel
from helpdesk.models import Agent, ChatSite, Team
from helpdesk.models.people import SharingOut
from helpdesk.widget import lookups
from tests import make
from tests.browser.foreign_site import ForeignSite
from tests.browser.test_widget import answer, flaws, panel_of, shop, visit  # noqa: F401  # fixtures
from tests.browser.test_widget_looks import overflows
from tests.flows import desk
from tests.unit.test_portraits import GOOD

LONG = "https://shop.example/en/lamps/anchor-lamp-brass-220-v-with-a-very-long-address-that-somebody-copied?lamp=4417"
FIELDS = [
    {"name": "name", "kind": "text", "required": False, "label": {}, "choices": []},
    {"name": "email", "kind": "email", "required": True, "label": {}, "choices": []},
    {
        "name": "own1",
        "kind": "choice",
        "required": True,
        "label": {"en": "Which department do you want to reach about your order?"},
        "choices": ["Orders", "Returns and exchanges of lamps"],
    },
    {"name": "own2", "kind": "long", "required": False, "label": {"en": "Order number"}, "choices": []},
]


@pytest.fixture
def site(shop: ForeignSite, support: Team, billing: Team, ben: Agent) -> ChatSite:  # noqa: F811
    """Nobody is given a chat unasked, so that it waits. Ben has a name that fills the panel's head."""
    desk.article(by=None)
    desk.article(
        by=None, slug="returns", title="How to return a lamp that doesn't fit into the cabin it was bought for"
    )
    billing.strategy = SharingOut.MANUAL
    billing.save()
    ben.name = "Benjamin Alexander Featherstonehaugh"
    ben.save()
    portraits.choose(agent=ben, content=GOOD, at=make.NOON)
    lookups._presences.clear()  # of another test's team
    values = {"name": "Harbour Goods", "slug": "shop", "team": billing, "allowed_origins": [shop.address]}
    return save_chat_channel(site=None, values={**values, "pre_chat_fields": FIELDS}, by=None, at=make.NOON)


class Walk:
    """A visitor who comes into every state. ``flawed``: what was found, by state."""

    def __init__(self, page: Page, ben: Agent) -> None:
        self.page, self.ben = page, ben
        self.flawed: dict[str, list[str]] = {}
        self.line: WebSocketRoute | None = None
        self.held: list[Route] = []
        page.context.route_web_socket("**/ws/chat/**", self.carry)
        page.context.route("**/chat/shop/upload/", self.hold)

    def carry(self, line: WebSocketRoute) -> None:
        """A line to the desk that refuses one thing, as a desk with another opinion would."""
        server = line.connect_to_server()

        def say(words: str | bytes) -> None:
            frame = json.loads(words)
            if frame["type"] == "send" and "too long" in frame["text"]:
                nack = {"type": "nack", "id": frame["id"], "code": "too_long", "retry_after": None}
                line.send(json.dumps(nack))
            else:
                server.send(words)

        line.on_message(say)
        self.line = line

    def hold(self, route: Route) -> None:
        """The first file stays on its way."""
        if self.held:
            route.continue_()
        else:
            self.held.append(route)

    def open(self) -> None:
        self.page.get_by_role("button", name="Chat with us").click()
        self.panel = panel_of(self.page)

    def come_again(self) -> None:
        self.page.reload()
        self.open()

    def look(self, state: str) -> None:
        if found := flaws(self.panel) + overflows(self.panel):
            self.flawed[state] = found

    def send(self, text: str) -> None:
        self.panel.locator("#text").fill(text)
        self.panel.get_by_role("button", name="Send", exact=True).click()

    def before_a_question(self, site: ChatSite) -> None:
        found = Axe().run(self.page, context="luotsi-chat").response["violations"]
        self.flawed |= {"closed": [str(found)]} if found else {}
        self.open()
        expect(self.panel.locator("#away")).to_be_visible()
        self.look("nobody there")

        presence.note_seen(agent_id=self.ben.pk, at=timezone.now())
        lookups._presences.clear()
        site.is_faq_first = False
        site.save()
        self.come_again()
        expect(self.panel.get_by_label("E-mail address")).to_be_visible()
        self.look("first view")
        self.send("Where is my order?")
        expect(self.panel.get_by_text("Type a whole e-mail address")).to_be_visible()
        self.look("fields")

        site.is_faq_first = True
        site.save()
        self.come_again()
        expect(self.panel.locator("#answers li")).to_have_count(2)
        self.look("answers first")

    def ask(self) -> None:
        self.send("Where is my order 4417? It was to come on Tuesday, and I leave the harbour on Friday.")
        self.panel.get_by_label("Name (optional)").fill("Annabella-Maria Wolfeschlegelsteinhausen")
        self.panel.get_by_label("E-mail address").fill("ann@customer.example")
        self.panel.get_by_label("Which department").select_option("Orders")
        self.look("fields after answers")
        self.panel.get_by_role("button", name="Send", exact=True).click()
        expect(self.panel.locator("#queue")).to_contain_text("You are next.")
        expect(self.panel.locator(".mine .mark")).to_contain_text("Arrived")
        self.look("waiting")

    def talk(self) -> None:
        answer(self.ben, "Hello Annabella-Maria. I look for it now.")
        answer(self.ben, f"The parcel is at the post office since this morning:\n{LONG}\n\n• bring your passport")
        self.send("Kiitos! Спасибо! شكرًا لك")
        expect(self.panel.locator(".said")).to_have_count(4)
        expect(self.panel.locator("#queue")).to_be_hidden()
        self.look("talking")

    def attach(self) -> None:
        def file(name: str) -> FilePayload:
            return FilePayload(name=name, mimeType="text/plain", buffer=b"a;b\n" * 1000)

        self.panel.locator("#files").set_input_files([file("a picture of the damaged lamp from the side.csv")])
        expect(self.panel.locator("#chosen progress")).to_be_visible()
        self.panel.locator("#files").set_input_files([file("table.csv"), file("setup.exe")])
        expect(self.panel.get_by_text("Files of this kind can't be sent: setup.exe")).to_be_visible()
        expect(self.panel.locator(".said").last).to_be_in_viewport(ratio=1)
        self.look("files")
        self.held[0].abort()
        expect(self.panel.locator("#chosen").get_by_role("button", name="Try again")).to_be_visible()
        self.look("a file that failed")
        while self.panel.locator("#chosen .round").count():
            self.panel.locator("#chosen .round").first.click()

    def lose(self) -> None:
        self.send("A message that is too long for the desk")
        expect(self.panel.locator(".failed").get_by_role("button", name="Try again")).to_be_visible()
        expect(self.panel.get_by_role("button", name="Discard")).to_be_in_viewport(ratio=1)
        self.look("a message that failed")
        self.panel.get_by_role("button", name="Discard").click()

        assert self.line is not None
        self.page.context.set_offline(True)
        self.line.close()
        self.send("Is anybody there?")
        expect(self.panel.locator("#connection")).to_contain_text("No connection.")
        expect(self.panel.locator(".mine .mark").last).to_contain_text("Sending")
        self.look("connection lost")
        self.page.context.set_offline(False)
        expect(self.panel.locator("#connection")).to_be_hidden()
        expect(self.panel.locator(".mine .mark").last).to_contain_text("Arrived")

    def end(self) -> None:
        self.panel.get_by_label("More").click()
        self.look("menu")
        self.panel.get_by_role("button", name="Send me the conversation by mail").click()
        self.look("transcript")
        self.panel.get_by_role("dialog").get_by_role("button", name="Back").click()
        self.panel.get_by_label("More").click()
        self.panel.get_by_role("button", name="End the chat").click()
        self.panel.get_by_role("button", name="End it").click()
        expect(self.panel.get_by_text("How was the help?")).to_be_visible()
        self.look("over")
        self.panel.get_by_label("Good", exact=True).check(force=True)
        self.look("rating")
        self.panel.get_by_role("button", name="Send the rating").click()
        expect(self.panel.get_by_text("Thank you. It was read and stored.")).to_be_visible()
        self.look("rated")


class TestEveryState:
    @pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1100, "light"), (1100, "dark")])
    def test_has_no_flaw_and_fits(
        self,
        visit: Callable[..., Page],  # noqa: F811
        shop: ForeignSite,  # noqa: F811
        site: ChatSite,
        ben: Agent,
        width: int,
        scheme: str,
    ) -> None:
        walk = Walk(visit(shop=shop, width=width, color_scheme=scheme), ben)
        walk.before_a_question(site)
        walk.ask()
        walk.talk()
        walk.attach()
        walk.lose()
        walk.end()

        assert walk.flawed == {}
