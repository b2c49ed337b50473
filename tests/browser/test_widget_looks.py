"""The panel for those who read from right to left, choose their own colours, or don't want anything to move."""

import json
from collections.abc import Callable

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Frame, Page, expect

from helpdesk.models import Agent, ChatSite
from helpdesk.widget import words
from helpdesk.widget.pages import pinned_line
from tests.browser.foreign_site import ForeignSite
from tests.browser.test_widget import answer, flaws, panel_of, shop, site, visit  # noqa: F401  # fixtures

ARABIC = "مرحبا، أين طلبي رقم 4417؟"
HEBREW = "שלום, אני בודק את זה עכשיו. Order 4417!"
#: What stands out of the panel, or is wider than its place.
_OVERFLOWS = """() => [...document.querySelectorAll("body *")].filter((each) => {
  const box = each.getBoundingClientRect(), style = getComputedStyle(each);
  const isForEars = (one) => one && (getComputedStyle(one).clipPath !== "none" || isForEars(one.parentElement));
  if (!box.width || each.closest("svg, dialog:not([open])") || isForEars(each)) return false;
  const isCut = style.overflowX !== "visible" && !each.matches("input") && each.scrollWidth > each.clientWidth + 1;
  return box.left < -0.5 || box.right > innerWidth + 0.5 || isCut;
}).map((each) => each.outerHTML.slice(0, 120))"""


def overflows(panel: Frame) -> list[str]:
    """What is cut off, or stands out of the panel."""
    return [str(each) for each in panel.evaluate(_OVERFLOWS)]


def middle(panel: Frame, selector: str) -> float:
    """How far from the left edge of the panel the middle of an element is, 0 to 1."""
    return float(
        panel.locator(selector).last.evaluate(
            "(each) => (each.getBoundingClientRect().left + each.getBoundingClientRect().right) / 2 / innerWidth"
        )
    )


def style(panel: Frame, selector: str, name: str, pseudo: str = "") -> str:
    """A computed style of the last element found."""
    ask = "(each, [name, pseudo]) => getComputedStyle(each, pseudo || null).getPropertyValue(name)"
    return str(panel.locator(selector).last.evaluate(ask, [name, pseudo]))


def talk(page: Page, ben: Agent, question: str, reply: str) -> Frame:
    """A visitor asks, Ben answers."""
    page.get_by_role("button", name="Chat with us").click()
    panel = panel_of(page)
    panel.get_by_label("What is it about?").fill(question)
    panel.get_by_role("button", name="Send", exact=True).click()
    panel.get_by_label("E-mail address").fill("ann@customer.example")
    panel.get_by_role("button", name="Send", exact=True).click()
    expect(panel.locator(".mine .mark")).to_contain_text("Arrived")
    answer(ben, reply)
    expect(panel.get_by_role("log")).to_contain_text(reply)
    return panel


class TestReadingFromRightToLeft:
    def test_mirrors_the_panel_and_reads_each_message_its_own_way(
        self,
        visit: Callable[..., Page],  # noqa: F811
        shop: ForeignSite,  # noqa: F811
        site: ChatSite,  # noqa: F811
        ben: Agent,
    ) -> None:
        panel = talk(visit(shop=shop), ben, ARABIC, HEBREW)
        places = ("#send", "#attach", "#close", ".avatar", ".said:not(.mine) .bubble", ".mine .bubble")
        before = {place: middle(panel, place) for place in places}
        assert before["#send"] > 0.8 > 0.2 > before["#attach"]

        panel.evaluate("document.documentElement.dir = 'rtl'")

        after = {place: middle(panel, place) for place in places}
        assert after == {place: pytest.approx(1 - where, abs=0.03) for place, where in before.items()}
        assert overflows(panel) == []
        assert style(panel, ".mine .bubble p", "direction") == "rtl"
        assert style(panel, ".said:not(.mine) .bubble p", "direction") == "rtl"
        assert style(panel, "#send .flips", "transform") == "matrix(-1, 0, 0, 1, 0, 0)", "it points to the left"
        assert flaws(panel) == []

        answer(ben, "It comes tomorrow.")
        expect(panel.get_by_role("log")).to_contain_text("It comes tomorrow.")
        assert style(panel, ".said:not(.mine) .bubble p", "direction") == "ltr"

    def test_stands_in_the_other_corner_of_a_page_that_does(
        self,
        visit: Callable[..., Page],  # noqa: F811
        shop: ForeignSite,  # noqa: F811
        site: ChatSite,  # noqa: F811
        ben: Agent,
    ) -> None:
        shop.language = 'he" dir="rtl'
        page = visit(shop=shop)
        launcher = page.get_by_role("button", name="Chat with us")
        expect(launcher).to_be_visible()
        box = launcher.bounding_box()
        assert box is not None
        assert box["x"] == 20

        panel = talk(page, ben, HEBREW, ARABIC)
        frame = page.locator("iframe.open").bounding_box()
        assert frame is not None
        assert frame["x"] == 20
        # The panel's own texts are English: they read as English does, what people wrote as that does.
        assert style(panel, "html", "direction") == "ltr"
        assert style(panel, ".mine .bubble p", "direction") == "rtl"
        assert style(panel, ".said:not(.mine) .bubble p", "direction") == "rtl"


class TestColoursOfTheReader:
    def test_leave_all_to_be_seen(
        self,
        visit: Callable[..., Page],  # noqa: F811
        shop: ForeignSite,  # noqa: F811
        site: ChatSite,  # noqa: F811
        ben: Agent,
    ) -> None:
        page = visit(shop=shop)
        page.emulate_media(forced_colors="active")
        panel = talk(page, ben, "Where is my order?", "I look for it.")
        paper = style(panel, "body", "background-color")

        for bordered in (".mine .bubble", ".said:not(.mine) .bubble", "#send", ".head", "#text", ".card .button"):
            assert style(panel, bordered, "border-top-style") == "solid", bordered
            assert style(panel, bordered, "border-top-color") != paper, bordered
        assert style(panel, "#send", "color") != style(panel, "#send", "background-color")
        panel.get_by_label("Write a message").focus()
        page.keyboard.press("Tab")
        assert style(panel, "#send", "outline-style") == "solid"
        assert style(panel, "#send", "outline-color") != paper
        panel.evaluate("document.getElementById('typing').hidden = false")
        assert style(panel, "#typing i b", "background-color") != paper

        page.keyboard.press("Escape")
        answer(ben, "Found it.")
        launcher = page.get_by_role("button", name="Chat with us, 1 unread")
        expect(launcher).to_be_visible()
        mark = page.locator("luotsi-chat b")
        names = ["color", "border-top-color", "background-color"]
        colours = f"(each) => {names}.map((name) => getComputedStyle(each).getPropertyValue(name))"
        ink, border, ground = mark.evaluate(colours)
        assert ground not in (ink, border)
        _ink, border, ground = launcher.evaluate(colours)
        assert border != ground

    @pytest.mark.parametrize("motion", ["reduce", "no-preference"])
    def test_move_only_where_that_is_wanted(
        self,
        browser: Browser,
        shop: ForeignSite,  # noqa: F811
        site: ChatSite,  # noqa: F811
        visit: Callable[..., Page],  # noqa: F811
        motion: str,
    ) -> None:
        page = visit(shop=shop)
        page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]
        page.get_by_role("button", name="Chat with us").click()
        panel = panel_of(page)
        panel.evaluate("document.getElementById('typing').hidden = false")
        frame = page.locator("luotsi-chat iframe")
        moves = style(panel, "#typing i b", "animation-name")
        slides = frame.evaluate("(each) => getComputedStyle(each).transitionProperty")

        assert (moves, slides) == (("none", "none") if motion == "reduce" else ("breathe", "opacity, transform"))


class TestThePinnedLine:
    def test_speaks_the_pages_language_by_the_words_in_it(
        self,
        visit: Callable[..., Page],  # noqa: F811
        shop: ForeignSite,  # noqa: F811
        site: ChatSite,  # noqa: F811
    ) -> None:
        shop.line = pinned_line(site).replace(settings.SITE_URL, shop.desk)
        shop.language = "fi"
        page = visit(shop=shop)

        carried = page.locator("script[data-words]").get_attribute("data-words")
        assert json.loads(carried or "") == words.launcher(site.languages)
        launcher = page.get_by_role("button", name=words.launcher(["fi"])["fi"][0])
        expect(launcher).to_be_visible()
        page.evaluate("document.documentElement.lang = 'sv'")
        page.get_by_role("button", name=words.launcher(["sv"])["sv"][0]).click()
        assert panel_of(page).locator("html").get_attribute("lang") == "sv"
        expect(page.get_by_role("button", name=words.launcher(["sv"])["sv"][2])).to_be_visible()
