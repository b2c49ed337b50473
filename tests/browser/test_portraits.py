"""An agent's picture from the camera to the customer's chat, in a real browser."""

import base64
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from helpdesk.actions import portraits as own
from helpdesk.models import Agent, ChatSite, Conversation, Portrait
from helpdesk.portraits import SIDE
from tests import make
from tests.browser.conftest import Opener, violations
from tests.browser.foreign_site import ForeignSite
from tests.browser.test_widget import answer, flaws, panel_of, shop, site, visit  # noqa: F401  # fixtures
from tests.unit.test_pictures import exif
from tests.unit.test_portraits import GOOD, chunk, pixels_of

#: Left half red, right half blue, on a wide canvas: which way it lies can be seen.
_DRAW = """async (kind) => {
  const canvas = document.createElement("canvas");
  canvas.width = 800; canvas.height = 400;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#e00000"; pen.fillRect(0, 0, 400, 400);
  pen.fillStyle = "#0000e0"; pen.fillRect(400, 0, 400, 400);
  const blob = await new Promise((done) => canvas.toBlob(done, kind));
  let text = "";
  for (const byte of new Uint8Array(await blob.arrayBuffer())) text += String.fromCharCode(byte);
  return btoa(text);
}"""


def drawn(page: Page, kind: str) -> bytes:
    """A picture of that kind, as a program that isn't ours writes it."""
    return base64.b64decode(page.evaluate(_DRAW, kind))


def upload(page: Page, content: bytes, name: str = "me.jpg", kind: str = "image/jpeg") -> None:
    page.get_by_label("Picture", exact=True).set_input_files([FilePayload(name=name, mimeType=kind, buffer=content)])
    page.get_by_role("button", name="Save the picture").click()


def corner_colours() -> list[str]:
    """What the stored picture shows at the four sides of its middle: left, right, top, bottom."""
    rows = pixels_of(bytes(Portrait.objects.get().content))
    near, middle, far = 10, SIDE // 2, SIDE - 10
    places = [(middle, near), (middle, far), (near, middle - 20), (far, middle - 20)]
    return ["red" if rows[y][3 * x] > rows[y][3 * x + 2] else "blue" for y, x in places]


class TestTheProfilePage:
    @pytest.mark.parametrize("kind", ["image/jpeg", "image/png", "image/webp"])
    def test_makes_a_small_square_of_any_picture(self, kind: str, open_page: Opener, ben: Agent) -> None:
        page = open_page(ben, "/settings/profile/")
        upload(page, drawn(page, kind), f"me.{kind[6:]}", kind)
        expect(page.get_by_text("Customers see your new picture from now on.")).to_be_visible()

        assert corner_colours() == ["red", "blue", "red", "red"]
        face = page.locator("#portrait img")
        expect(face).to_have_js_property("naturalWidth", SIDE)
        assert violations(page) == []
        page.get_by_role("button", name="Remove the picture").click()
        expect(page.get_by_text("Your picture is gone.")).to_be_visible()
        assert not Portrait.objects.exists()

    def test_turns_a_photo_upright_and_keeps_nothing_of_its_place(self, open_page: Opener, ben: Agent) -> None:
        page = open_page(ben, "/settings/profile/")
        photo = drawn(page, "image/jpeg")
        upload(page, photo[:2] + exif(orientation=6) + photo[2:])
        expect(page.get_by_text("Customers see your new picture from now on.")).to_be_visible()

        assert corner_colours()[2:] == ["red", "blue"], "a quarter turn: what was left is above"
        assert b"GPS" not in bytes(Portrait.objects.get().content)

    def test_says_what_is_wrong_with_a_file(self, open_page: Opener, ben: Agent, tmp_path: Path) -> None:
        page = open_page(ben, "/settings/profile/", width=390)
        photo = drawn(page, "image/jpeg")
        huge = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0))
        bomb = huge + chunk(b"IDAT", zlib.compress(bytes(10_000_000))) + chunk(b"IEND", b"")
        none = "This is no JPEG, PNG or WebP picture, or it is damaged."
        problem = page.locator("#picture-problem")
        for content, words in (
            (b"rubbish", none),
            (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', none),
            (photo[:200], none),
            (b"GIF89a" + photo, none),
            (bomb, "This picture has more than 50 million pixels."),
        ):
            upload(page, content)
            expect(problem).to_contain_text(words)
            expect(page.get_by_label("Picture", exact=True)).to_be_focused()

        assert violations(page) == []
        large = tmp_path / "large.jpg"
        large.write_bytes(photo + bytes(50 * 1024 * 1024))
        page.get_by_label("Picture", exact=True).set_input_files(large)
        page.get_by_role("button", name="Save the picture").click()
        expect(problem).to_contain_text("This file is larger than 20 MB.")
        assert not Portrait.objects.exists()

    def test_makes_a_picture_alone_of_a_file_that_is_two_things(self, open_page: Opener, ben: Agent) -> None:
        page = open_page(ben, "/settings/profile/")
        upload(page, drawn(page, "image/jpeg") + b"PK\x03\x04<script>alert(1)</script>", "me.html", "text/html")
        expect(page.get_by_text("Customers see your new picture from now on.")).to_be_visible()

        assert b"script" not in bytes(Portrait.objects.get().content)


class TestTheChat:
    def test_shows_the_customer_who_speaks(
        self,
        visit: Callable[..., Page],  # noqa: F811
        shop: ForeignSite,  # noqa: F811
        site: ChatSite,  # noqa: F811
        ben: Agent,
        open_page: Opener,
    ) -> None:
        own.choose(agent=ben, content=GOOD, at=make.NOON)
        page = visit(shop=shop)
        page.get_by_role("button", name="Chat with us").click()
        panel = panel_of(page)
        panel.get_by_label("What is it about?").fill("Where is my order?")
        panel.get_by_role("button", name="Send", exact=True).click()
        panel.get_by_label("E-mail address").fill("ann@customer.example")
        panel.get_by_role("button", name="Send", exact=True).click()
        expect(panel.locator(".mine .mark")).to_contain_text("Arrived")
        expect(panel.locator("#picture")).to_be_hidden()

        answer(ben, "I look for it.")
        for face in (panel.locator("#picture"), panel.locator(".who .face")):
            expect(face).to_be_visible()
            expect(face).to_have_js_property("naturalWidth", SIDE)
        expect(panel.locator("#avatar")).to_be_hidden()
        assert flaws(panel) == []

        console = open_page(ben, f"/tickets/{Conversation.objects.get().ticket.reference}/")
        expect(console.locator(".message.ours .avatar img").first).to_have_js_property("naturalWidth", SIDE)
        expect(console.locator(".rail .me .avatar img")).to_have_js_property("naturalWidth", SIDE)

        own.remove(agent=ben, by=ben, at=make.NOON)
        page.context.clear_cookies()
        page.reload()
        page.get_by_role("button", name="Chat with us").click()
        panel = panel_of(page)
        expect(panel.locator("#avatar")).to_have_text("B")
        expect(panel.locator("#picture")).to_be_hidden()
