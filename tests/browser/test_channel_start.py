"""The page of a new mailbox: its folders are ticked, and what would happen is seen before it starts."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from helpdesk.models import Agent, Mailbox
from tests import make
from tests.browser.conftest import Opener
from tests.servers.imap_server import ImapServer, serve_imap

TIMES = {1: "05-Jan-2020 12:00:00 +0000"}


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_mailbox_starts_after_its_forecast(open_page: Opener, dora: Agent, width: int, scheme: str) -> None:
    script = ImapServer(mails={1: b"old", 2: b"new"}, recent={1, 2}, times=TIMES, folders={"Sales": []})
    with serve_imap(script) as server:
        mailbox = make.mailbox(
            "support@desk.example",
            imap_host="127.0.0.1",
            imap_port=server.port,
            imap_security="none",
            imap_username="a",
        )
        page = open_page(dora, f"/channels/{mailbox.channel_id}/", width=width, scheme=scheme)
        forecast = page.locator("#forecast")
        expect(forecast).to_contain_text("2 mails lie there.")

        page.get_by_label("Mail since a day").check()
        first = timezone.localdate().replace(day=1)
        expect(forecast).to_contain_text(f"before {first.day} {first:%b}")
        page.get_by_label("All mail").check()
        expect(forecast).to_contain_text("2 mails: they become tickets.")

        page.get_by_role("button", name="Look up folders").click()
        expect(page.get_by_label("Sales")).not_to_be_checked()
        expect(page.get_by_label("INBOX")).to_be_checked()

        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.get_by_text("Before mail is fetched")).to_have_count(0)

    started = Mailbox.objects.get()
    assert started.imap_started_at is not None
    assert started.import_since is None
