"""`make screens`: photographs of the demo for docs/screens: desk, tablet and phone, light and dark.

Run as a program, not as a test: what it shows is for people to look at.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.desk import Desk
from benchmarks.place import ROOT, Place

FOLDER = ROOT / "docs" / "screens"
CHROMIUM = "/usr/bin/chromium"
HEIGHTS = {1440: 900, 1024: 768, 390: 844}


@dataclass(frozen=True)
class Screen:
    """One photograph: its file is `name-width-scheme.png`."""

    name: str
    path: str
    width: int = 1440
    scheme: str = "light"
    is_public: bool = False

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.name}-{self.width}-{self.scheme}.png"


def screens(*, ticket: str, customer: int, closed: str) -> list[Screen]:
    """What is photographed: a ticket and a customer that stand for all, and a ticket with a closed reply window."""
    opened = f"/tickets/{ticket}/"
    return [
        Screen("inbox", "/inbox/teams/"),
        Screen("inbox", "/inbox/teams/", width=390, scheme="dark"),
        Screen("ticket", opened),
        Screen("ticket", opened, scheme="dark"),
        Screen("ticket", opened, width=1024),
        Screen("ticket", opened, width=390),
        Screen("customer", f"/customers/{customer}/"),
        Screen("window-closed", f"/tickets/{closed}/", width=390),
        Screen("rules", "/rules/"),
        Screen("outgoing", "/outgoing/"),
        Screen("faq", "/faq/en/", is_public=True),
        Screen("faq", "/faq/fi/", width=390, is_public=True),
    ]


def photograph(page: Page, screen: Screen) -> None:
    answer = page.goto(screen.path, wait_until="networkidle")
    if answer is None or not answer.ok:
        raise RuntimeError(f"{screen.path}: {answer.status if answer else 'no answer'}")
    page.screenshot(path=screen.file)


def log_in(browser: Browser, url: str) -> dict[str, str]:
    """The session cookie of the demo's first login."""
    from helpdesk.demo import LOGIN, PASSWORD

    page = browser.new_page(base_url=url)
    page.goto("/login/")
    page.fill("[name=username]", LOGIN)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(re.compile("/inbox/"))
    (session,) = [cookie for cookie in page.context.cookies() if cookie["name"] == "sessionid"]
    page.close()
    return {"name": "sessionid", "value": session["value"], "url": url}


def ticket_to_show() -> str:
    """The open ticket in English with most to show: notes, then messages."""
    from django.db.models import Count, Q

    from helpdesk.models import Message, Ticket

    talk = Count(
        "messages", filter=Q(messages__kind__in=[Message.Kind.CUSTOMER, Message.Kind.REPLY, Message.Kind.NOTE])
    )
    notes = Count("messages", filter=Q(messages__kind=Message.Kind.NOTE))
    lively = Ticket.objects.filter(language="en", state__in=["new", "open", "waiting"]).annotate(talk=talk, notes=notes)
    return lively.order_by("-notes", "-talk", "-last_activity_at")[0].reference


def shown() -> dict[str, Any]:
    """What `screens` wants: a customer who is linked with a handle, a conversation that approved texts alone reach."""
    from helpdesk.models import Contact, Ticket

    customer = Contact.objects.get(name="Mary Whitfield", merged_into=None)
    closed = Ticket.objects.get(channel__kind="whatsapp")
    return {"ticket": ticket_to_show(), "customer": customer.pk, "closed": closed.reference}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with Place.fresh() as place, Desk(place, has_demo=True), sync_playwright() as playwright:
        place.migrate()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        session = log_in(browser, place.url)
        for screen in screens(**shown()):
            context = browser.new_context(
                viewport={"width": screen.width, "height": HEIGHTS[screen.width]},
                color_scheme="dark" if screen.scheme == "dark" else "light",
                reduced_motion="reduce",
                base_url=place.url,
            )
            if not screen.is_public:
                context.add_cookies([{"name": session["name"], "value": session["value"], "url": session["url"]}])
            photograph(context.new_page(), screen)
            context.close()
            print(screen.file.relative_to(ROOT), file=sys.stderr)
        browser.close()


if __name__ == "__main__":
    main()
