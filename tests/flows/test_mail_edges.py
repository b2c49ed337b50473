"""What stands between the mail servers and the intake: the environment's mailbox, our addresses, leases of folders."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from helpdesk.actions.environment import apply_environment, ensure_default_team, governed_fields
from helpdesk.connectors.base import Arrival
from helpdesk.connectors.email_imap import LEASE, take_lease
from helpdesk.connectors.email_smtp import Directory
from helpdesk.connectors.imap_books import Books
from helpdesk.mail_urls import BadMailUrl
from helpdesk.management.loops import take_in
from helpdesk.models import Channel, FolderState, Mailbox, Team
from mail_gateway.errors import Temporary
from mail_gateway.imap import Cursor, State, Status
from tests import make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class TestTheMailboxOfTheEnvironment:
    @pytest.fixture(autouse=True)
    def _environment(self, settings: Settings) -> None:
        settings.MAIL_ADDRESS = "Help@desk.example"
        settings.IMAP_URL = "imaps://help:word@mail.example/Support"
        settings.SMTP_URL = "smtp://help:word@mail.example"

    def test_is_made_with_its_accounts(self) -> None:
        apply_environment()

        mailbox = Mailbox.objects.get()
        assert (mailbox.address, mailbox.imap_host, mailbox.imap_folders) == (
            "help@desk.example",
            "mail.example",
            ["Support"],
        )
        assert (mailbox.smtp_port, mailbox.smtp_security, mailbox.smtp_password) == (587, "starttls", "word")

    def test_is_changed_when_the_environment_changes(self, settings: Settings) -> None:
        apply_environment()
        settings.SMTP_URL = "smtps://help:other@mail.example"

        apply_environment()

        mailbox = Mailbox.objects.get()
        assert (mailbox.smtp_port, mailbox.smtp_password) == (465, "other")

    def test_keeps_what_people_have_set(self) -> None:
        apply_environment()
        Mailbox.objects.update(display_name="The desk")
        Channel.objects.update(name="Help")

        apply_environment()

        assert (Mailbox.objects.get().display_name, Channel.objects.get().name) == ("The desk", "Help")

    def test_takes_over_a_mailbox_of_that_address(self) -> None:
        make.mailbox("help@desk.example")

        apply_environment()

        assert Mailbox.objects.get().imap_username == "help"

    def test_governs_the_fields_that_it_sets_and_no_others(self, settings: Settings) -> None:
        settings.IMAP_URL = ""
        apply_environment()

        governed = governed_fields(Mailbox.objects.get())

        assert {"address", "smtp_host", "smtp_password"} <= governed
        assert "imap_host" not in governed
        assert governed_fields(make.mailbox("sales@desk.example")) == frozenset()

    def test_is_refused_in_words(self, settings: Settings) -> None:
        settings.IMAP_URL = "http://mail.example"

        with pytest.raises(BadMailUrl, match="imaps://"):
            apply_environment()

    def test_is_none_without_an_address(self, settings: Settings) -> None:
        settings.MAIL_ADDRESS = ""

        assert apply_environment() is None
        assert not Mailbox.objects.exists()


class TestTheDefaultTeam:
    def test_is_made_once(self) -> None:
        ensure_default_team()
        ensure_default_team()

        assert Team.objects.get().is_default

    def test_makes_room_for_a_team_of_its_name(self) -> None:
        Team.objects.create(slug="support", name="Support")

        ensure_default_team()

        assert Team.objects.get(is_default=True).slug != "support"


class TestOurAddresses:
    @pytest.mark.parametrize(
        "address",
        ["support@desk.example", "Support@Desk.Example", "support+r.token@desk.example", "help@desk.example"],
    )
    def test_are_known_in_every_spelling(self, address: str) -> None:
        mailbox = make.mailbox("support@desk.example", aliases=["Help@desk.example"])

        assert Directory().channel_of(address) == mailbox.channel

    @pytest.mark.parametrize("address", ["suppor@desk.example", "support@other.example", "support", "+x@desk.example"])
    def test_are_not_mistaken(self, address: str) -> None:
        make.mailbox("support@desk.example")

        assert Directory().channel_of(address) is None

    def test_of_a_channel_that_is_off_take_nothing(self) -> None:
        make.mailbox("support@desk.example")
        Channel.objects.update(is_active=False)

        assert Directory().channel_of("support@desk.example") is None

    def test_are_grouped_by_channel(self) -> None:
        support, sales = make.mailbox("support@desk.example"), make.mailbox("sales@desk.example")

        grouped = Directory().by_channel(
            ["support@desk.example", "sales@desk.example", "support+x@desk.example", "a@b.c"]
        )

        assert grouped == [
            (support.channel, ("support@desk.example", "support+x@desk.example")),
            (sales.channel, ("sales@desk.example",)),
        ]


class TestAnArrival:
    def test_for_two_mailboxes_is_an_event_of_each(self) -> None:
        for mailbox in (make.mailbox("support@desk.example"), make.mailbox("sales@desk.example")):
            take_in(Arrival(channel=mailbox.channel, external_id=f"smtp:{uuid4()}", raw=make.mail(), received_at=NOW))

        assert [channel.events.count() for channel in Channel.objects.all()] == [1, 1]


class TestALeaseOfAFolder:
    @pytest.fixture
    def mailbox(self) -> Mailbox:
        return make.mailbox("support@desk.example", imap_host="mail.example", imap_folders=["INBOX", "Sales"])

    def test_belongs_to_one_process_until_it_runs_out(self, mailbox: Mailbox) -> None:
        assert takes(mailbox, "a:1", NOW)
        assert not takes(mailbox, "b:2", NOW + timedelta(seconds=30))
        assert takes(mailbox, "a:1", NOW + timedelta(seconds=30))
        assert not takes(mailbox, "b:2", NOW + LEASE)
        assert takes(mailbox, "b:2", NOW + LEASE * 2)

    def test_says_nothing_about_another_folder(self, mailbox: Mailbox) -> None:
        assert takes(mailbox, "a:1", NOW)
        assert takes(mailbox, "b:2", NOW, folder="Sales")

    @pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)
    def test_that_was_lost_moves_no_cursor(self, mailbox: Mailbox) -> None:
        state = takes(mailbox, "a:1", NOW)
        assert state is not None
        books = Books(state_id=state.pk, channel_id=mailbox.channel_id, folder="INBOX", owner="a:1")
        books.save_cursor(Cursor(7, 3))
        takes(mailbox, "b:2", NOW + LEASE * 2)

        with pytest.raises(Temporary):
            books.save_cursor(Cursor(7, 4))
        books.report(Status(State.IDLE, NOW, "", None, None))

        assert books.load_cursor() == Cursor(7, 3)
        assert FolderState.objects.get().phase == ""


def takes(mailbox: Mailbox, owner: str, now: datetime, *, folder: str = "INBOX") -> FolderState | None:
    return take_lease(mailbox=mailbox, folder=folder, owner=owner, now=now)
