"""A mailbox is fetched only after somebody has seen what would happen; what touches its server is asked for first."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from helpdesk.actions import mailboxes, setup
from helpdesk.connectors.email_imap import clears_into, follower_of, take_lease
from helpdesk.connectors.imap_books import Books, receipt_prefix
from helpdesk.models import Agent, Channel, Entry, FolderState, Mailbox, OlderMail
from mail_gateway.errors import Temporary
from mail_gateway.imap import Check, Cursor
from tests import make
from tests.flows.test_channel_page import FORM

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def admin(client: Client, dora: Agent) -> Client:
    client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def mailbox(admin: Client) -> Mailbox:
    """Made on the page; its server does not exist."""
    assert admin.post("/channels/new/", {**FORM, "imap_host": "127.0.0.1", "imap_port": "1"}).status_code == 302
    return Mailbox.objects.get()


def save(client: Client, mailbox: Mailbox, **changes: Any) -> str:
    form = {**FORM, "imap_host": "127.0.0.1", "imap_port": "1", "imap_password": "", "smtp_password": "", **changes}
    return client.post(f"/channels/{mailbox.channel_id}/", form, follow=True).content.decode()


def start(client: Client, mailbox: Mailbox, **choices: str) -> str:
    form = {"start": "now", "older_mail": "silent", **choices}
    return client.post(f"/channels/{mailbox.channel_id}/start/", form, follow=True).content.decode()


class TestANewMailbox:
    def test_waits_for_its_start(self, mailbox: Mailbox, admin: Client) -> None:
        page = admin.get(f"/channels/{mailbox.channel_id}/").content.decode()

        assert mailbox.imap_started_at is None
        assert "Before mail is fetched" in page
        assert "Waits for you to start it" in admin.get("/channels/").content.decode()

    def test_starts_with_what_comes_from_now_on(self, mailbox: Mailbox, admin: Client) -> None:
        page = start(admin, mailbox, older_mail="leave")

        mailbox.refresh_from_db()
        assert mailbox.imap_started_at is not None
        assert mailbox.import_since is not None
        assert timedelta() <= mailbox.imap_started_at - mailbox.import_since < timedelta(minutes=10)
        assert mailbox.older_mail == OlderMail.LEAVE
        assert "Before mail is fetched" not in page
        assert Entry.objects.latest("id").data["change"] == "started"

    def test_starts_with_a_day(self, mailbox: Mailbox, admin: Client) -> None:
        start(admin, mailbox, start="day", day="2026-03-01")

        mailbox.refresh_from_db()
        assert timezone.localtime(mailbox.import_since).isoformat()[:16] == "2026-03-01T00:00"

    def test_starts_with_everything(self, mailbox: Mailbox, admin: Client) -> None:
        start(admin, mailbox, start="all")

        mailbox.refresh_from_db()
        assert (mailbox.imap_started_at is not None, mailbox.import_since) == (True, None)

    @pytest.mark.parametrize("day", ["", "2999-01-01", "yesterday"])
    def test_does_not_start_with_a_day_that_is_none(self, mailbox: Mailbox, admin: Client, day: str) -> None:
        start(admin, mailbox, start="day", day=day)

        mailbox.refresh_from_db()
        assert mailbox.imap_started_at is None

    def test_starts_once(self, mailbox: Mailbox, admin: Client) -> None:
        start(admin, mailbox, start="day", day="2026-03-01")
        before = Mailbox.objects.get()
        start(admin, mailbox, start="all")

        assert Mailbox.objects.get().import_since == before.import_since

    def test_is_not_started_by_somebody_else_than_an_admin(self, mailbox: Mailbox, cleo: Agent) -> None:
        client = Client()
        client.force_login(cleo, backend="django.contrib.auth.backends.ModelBackend")
        for word in ("start", "forecast", "folders", "check"):
            assert client.post(f"/channels/{mailbox.channel_id}/{word}/", {"start": "all"}).status_code in {403, 404}

        mailbox.refresh_from_db()
        assert mailbox.imap_started_at is None

    def test_foretells_trouble_in_words(self, mailbox: Mailbox, admin: Client) -> None:
        answer = admin.post(
            f"/channels/{mailbox.channel_id}/forecast/",
            {"start": "now", "older_mail": "silent"},
            headers={"HX-Request": "true"},
        ).content.decode()

        assert "can&#39;t be reached" in answer
        assert "<html" not in answer

    def test_has_to_be_started_again_with_another_account(self, mailbox: Mailbox, admin: Client) -> None:
        start(admin, mailbox)
        page = save(admin, mailbox, imap_username="sales", imap_password="another")

        mailbox.refresh_from_db()
        assert mailbox.imap_started_at is None
        assert "Before mail is fetched" in page


class TestFolders:
    def test_are_taken_from_ticks_and_from_lines(self, mailbox: Mailbox, admin: Client) -> None:
        save(admin, mailbox, imap_folders=["inbox", "Työt & muut\nA, b\nINBOX"])

        mailbox.refresh_from_db()
        assert mailbox.imap_folders == ["INBOX", "Työt & muut", "A, b"]

    def test_that_are_dropped_lose_their_cursor(self, mailbox: Mailbox, admin: Client) -> None:
        for folder in ("INBOX", "Old"):
            FolderState.objects.create(mailbox=mailbox, folder=folder, uidvalidity=7, last_uid=9)
        save(admin, mailbox, display_name="Bills")

        assert [state.folder for state in FolderState.objects.all()] == ["INBOX"]

    @pytest.mark.parametrize("folders", ["", "x" * 191])
    def test_have_names(self, mailbox: Mailbox, admin: Client, folders: str) -> None:
        save(admin, mailbox, imap_folders=folders)

        mailbox.refresh_from_db()
        assert mailbox.imap_folders == ["INBOX"]

    def test_have_ids_of_their_own_however_long_their_names_are(self) -> None:
        one, other = (receipt_prefix(folder="x" * 189 + letter, uidvalidity=2**32) for letter in "ab")

        assert one != other
        assert len(one) < 200
        assert receipt_prefix(folder="INBOX", uidvalidity=7) == "imap:INBOX:7:"


class TestAfterTheImport:
    def test_deleting_asks_for_the_address(self, mailbox: Mailbox, admin: Client) -> None:
        page = save(admin, mailbox, after_import="delete", confirmation="yes")
        mailbox.refresh_from_db()
        assert mailbox.after_import == "keep"
        assert "type billing@desk.example" in page

        save(admin, mailbox, after_import="delete", confirmation="Billing@desk.example ")
        mailbox.refresh_from_db()
        assert clears_into(mailbox) == ""

        save(admin, mailbox, after_import="delete", display_name="Bills")
        mailbox.refresh_from_db()
        assert mailbox.display_name == "Bills"

    @pytest.mark.parametrize(("folder", "is_taken"), [("", False), ("INBOX", False), ("Inbox", False), ("Done", True)])
    def test_moving_needs_a_folder_that_is_not_read(
        self, mailbox: Mailbox, admin: Client, folder: str, is_taken: bool
    ) -> None:
        save(admin, mailbox, after_import="move", after_import_folder=folder)

        mailbox.refresh_from_db()
        assert clears_into(mailbox) == ("Done" if is_taken else None)

    def test_what_was_kept_so_far_stays(self, mailbox: Mailbox, admin: Client) -> None:
        FolderState.objects.create(mailbox=mailbox, folder="INBOX", uidvalidity=7, last_uid=99)
        save(admin, mailbox, after_import="move", after_import_folder="Done")

        assert FolderState.objects.get().cleared_uid == 99


class TestTheBooksOfAFolder:
    @pytest.fixture
    def books(self) -> Books:
        mailbox = make.mailbox("support@desk.example", imap_host="mail.example", imap_folders=["INBOX"])
        state = take_lease(mailbox=mailbox, folder="INBOX", owner="a:1", now=NOW)
        assert state is not None
        follower = follower_of(mailbox, state)
        assert follower is not None
        return follower.books

    def receive(self, uid: int, *, uidvalidity: int = 7, folder: str = "INBOX") -> None:
        prefix = receipt_prefix(folder=folder, uidvalidity=uidvalidity)
        make.arrive(Channel.objects.get(), make.mail(subject=f"{folder} {uid}"), external_id=f"{prefix}{uid}")

    def test_know_what_is_missing(self, books: Books) -> None:
        for uid in (3, 5):
            self.receive(uid)
        self.receive(4, uidvalidity=8)
        self.receive(6, folder="inbox")
        books.begin(Cursor(7, 2), uidnext=10)
        books.save_cursor(Cursor(7, 6))

        assert books.unaccounted(Cursor(7, 6), [1, 2, 3, 4, 5, 6, 7]) == [4, 6]

    def test_know_what_is_stored_whole(self, books: Books) -> None:
        for uid in (3, 5):
            self.receive(uid)
        Channel.objects.get().events.filter(receipts__external_id="imap:INBOX:7:5").update(is_truncated=True)

        assert books.may_clear(7, [2, 3, 4, 5]) == [3]
        assert books.may_clear(8, [3]) == []

    def test_leave_what_lies_there_under_new_numbers(self, books: Books) -> None:
        books.begin(Cursor(7, 0), uidnext=10)
        assert books.cleared_uid() == 0

        books.begin(Cursor(8, 0), uidnext=40)
        assert books.cleared_uid() == 39

    def test_are_compared_each_hour_and_when_asked(self, books: Books, dora: Agent) -> None:
        assert books.is_check_due()

        books.checked(Check(7, 18_402, (4,), (5, 6)))
        state = FolderState.objects.get()
        assert not books.is_check_due()
        assert (state.server_count, state.accounted_count, state.unexplained_count) == (18_402, 18_401, 1)
        assert (state.unexplained, state.recovered) == ([4], [5, 6])

        mailboxes.request_check(channel=Channel.objects.get(), by=dora)
        assert books.is_check_due()
        books.checked(Check(7, 18_402, (), ()))
        FolderState.objects.update(checked_at=timezone.now() - timedelta(hours=1))
        assert books.is_check_due()

    def test_are_closed_to_who_lost_the_lease(self, books: Books) -> None:
        FolderState.objects.update(lease_owner="b:2")

        with pytest.raises(Temporary):
            books.save_cursor(Cursor(7, 4))
        with pytest.raises(Temporary):
            books.begin(Cursor(7, 0), uidnext=1)
        with pytest.raises(Temporary):
            books.cleared(4, is_flagged_only=False)
        with pytest.raises(Temporary):
            books.checked(Check(7, 1, (), ()))

    def test_tell_why_mail_stays_until_it_goes(self, books: Books) -> None:
        books.not_cleared("over quota")
        assert FolderState.objects.get().notice == "over quota"
        books.cleared(4, is_flagged_only=True)
        assert FolderState.objects.get().notice == FolderState.FLAGGED_ONLY
        books.cleared(5, is_flagged_only=None)
        assert FolderState.objects.get().notice == FolderState.FLAGGED_ONLY
        books.cleared(6, is_flagged_only=False)
        assert FolderState.objects.get().notice == ""

    def test_are_shown_on_the_page(self, books: Books, admin: Client) -> None:
        books.checked(Check(7, 18_402, (4, 9), ()))
        setup.save_mail_channel(channel=Channel.objects.get(), values={"display_name": "x"}, by=None)

        page = admin.get(f"/channels/{books.channel_id}/").content.decode()

        assert "18,402 on the server, 18,400 accounted for, 2 unexplained" in page
        assert "4, 9" in page
        assert admin.post(f"/channels/{books.channel_id}/check/").status_code == 302
        assert FolderState.objects.get().check_requested_at is not None


class TestTheMailboxOfTheEnvironment:
    def test_starts_by_itself_and_is_fixed_on_the_page(self, settings: Any, admin: Client) -> None:
        from helpdesk.actions.environment import apply_environment

        settings.MAIL_ADDRESS, settings.IMAP_URL = "help@desk.example", "imaps://help:word@mail.example/Help"
        channel = apply_environment()
        assert channel is not None
        mailbox = Mailbox.objects.get()

        form = {**FORM, "address": "thief@desk.example", "imap_host": "thief.example", "imap_folders": "Other"}
        admin.post(f"/channels/{channel.pk}/", form)

        assert mailbox.imap_started_at is not None
        assert mailbox.import_since is not None
        assert mailbox.imap_started_at - mailbox.import_since > timedelta(hours=23)
        mailbox.refresh_from_db()
        assert (mailbox.address, mailbox.imap_host, mailbox.imap_folders, mailbox.imap_password) == (
            "help@desk.example",
            "mail.example",
            ["Help"],
            "word",
        )
