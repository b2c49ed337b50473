"""From a mailbox in trouble to the rows of the desk: nothing is lost and nothing is there twice."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.utils import timezone

from helpdesk.actions import mailboxes
from helpdesk.connectors import email_imap
from helpdesk.connectors.base import Arrival
from helpdesk.management.loops import take_in
from helpdesk.models import Channel, Delivery, FolderState, InboundEvent, Mailbox, Message, OlderMail, Receipt, Ticket
from mail_gateway.errors import Temporary
from mail_gateway.following import Follower
from mail_gateway.imap import Cursor
from mail_gateway.mailbox import Mailbox as OpenMailbox
from tests import make
from tests.servers.desk_process import until
from tests.servers.imap_server import ImapServer, serve_imap

pytestmark = pytest.mark.django_db


class Killed(Exception):
    """The process died here."""


def letters(*uids: int) -> dict[int, bytes]:
    return {uid: make.mail(sender=f"c{uid}@customer.example", subject=f"Enquiry {uid}") for uid in uids}


def date(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%d-%b-%Y %H:%M:%S +0000")


@dataclass
class Fetching:
    """One mailbox, fetched pass by pass in this thread. `dies_after`: the process dies with so many mails stored."""

    server: ImapServer
    mailbox: Mailbox
    dies_after: int | None = None
    max_bytes: int = 25_000_000
    owner: str = "a:1"
    taken: list[Arrival] = field(default_factory=list)

    def once(self) -> int:
        """One life of a loop: connect, take what is new, keep house. Raises Killed when it died."""
        self.mailbox.refresh_from_db()
        state = email_imap.take_lease(mailbox=self.mailbox, folder="INBOX", owner=self.owner, now=timezone.now())
        assert state is not None
        follower = email_imap.follower_of(self.mailbox, state)
        assert follower is not None
        books = follower.books
        loop = Follower(
            books.load_cursor,
            lambda mail: follower.take(mail, self._take),
            books.save_cursor,
            Event(),
            self.max_bytes,
            books,
        )
        with OpenMailbox(follower.account, is_writable=loop.changes_folder) as line:
            count = loop.take_new(line)
            loop.keep_house(line)
        return count

    def _take(self, arrival: Arrival) -> None:
        take_in(arrival)
        self.taken.append(arrival)
        if len(self.taken) == self.dies_after:
            raise Killed

    @property
    def state(self) -> FolderState:
        return FolderState.objects.get()


@pytest.fixture
def server() -> Iterator[ImapServer]:
    with serve_imap(ImapServer(mails=letters(1, 2, 3))) as running:
        yield running


@pytest.fixture
def fetching(server: ImapServer) -> Fetching:
    mailbox = make.mailbox(
        "support@desk.example",
        imap_host="127.0.0.1",
        imap_port=server.port,
        imap_security="none",
        imap_username="support",
        imap_password="secret",
    )
    start(mailbox, since=None)
    return Fetching(server, mailbox)


def start(mailbox: Mailbox, *, since: datetime | None, older_mail: OlderMail = OlderMail.SILENT) -> None:
    Mailbox.objects.update(imap_started_at=None)
    assert mailboxes.start_mailbox(channel=mailbox.channel, since=since, older_mail=older_mail, by=None)


def counts() -> tuple[int, int]:
    return InboundEvent.objects.count(), Receipt.objects.count()


class TestAFolder:
    def test_with_new_numbers_is_read_again_and_nothing_is_there_twice(self, fetching: Fetching) -> None:
        fetching.once()
        fetching.server.uidvalidity = 8
        fetching.server.mails = {uid + 50: raw for uid, raw in letters(1, 2, 3, 4).items()}

        fetching.once()

        assert counts() == (4, 7)
        assert (fetching.state.uidvalidity, fetching.state.last_uid) == (8, 54)

    @pytest.mark.parametrize("dies_after", [1, 2, 3])
    def test_is_taken_once_although_the_process_dies_behind_a_mail(self, fetching: Fetching, dies_after: int) -> None:
        fetching.dies_after = dies_after
        with pytest.raises(Killed):
            fetching.once()

        fetching.once()

        assert counts() == (3, 3)

    def test_loses_no_mail_when_one_vanishes_in_between(self, fetching: Fetching) -> None:
        fetching.server.vanished = {2}
        fetching.once()
        FolderState.objects.update(checked_at=None)
        fetching.once()

        assert counts() == (2, 2)
        assert (fetching.state.server_count, fetching.state.unexplained_count) == (2, 0)

    def test_says_so_when_nothing_is_missing(self, fetching: Fetching) -> None:
        fetching.once()

        state = fetching.state
        assert (state.server_count, state.accounted_count, state.unexplained, state.recovered) == (3, 3, [], [])

    def test_takes_a_mail_again_that_has_no_receipt(self, fetching: Fetching) -> None:
        fetching.once()
        lost = Receipt.objects.get(external_id="imap:INBOX:7:2")
        event = lost.event
        lost.delete()
        event.delete()
        FolderState.objects.update(checked_at=None)

        fetching.once()

        assert counts() == (3, 3)
        assert fetching.state.recovered == [2]
        assert fetching.state.unexplained_count == 0


class TestAMailboxThatWasAway:
    @pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)
    def test_for_ten_days_gets_tickets_and_no_acknowledgements_for_old_mail(
        self, server: ImapServer, fetching: Fetching, support: object
    ) -> None:
        now = timezone.now()
        start(fetching.mailbox, since=now - timedelta(days=30))
        server.times = {1: date(now - timedelta(days=9)), 2: date(now - timedelta(hours=25)), 3: date(now)}

        fetching.once()
        make.process_all()
        messages = {message.subject: message for message in Message.objects.all()}

        assert Ticket.objects.exclude(state="closed").count() == 3
        assert messages["Enquiry 1"].acknowledgement == "too-old"
        assert messages["Enquiry 2"].acknowledgement == "too-old"
        assert messages["Enquiry 3"].acknowledgement != "too-old"


class TestOldMail:
    def test_becomes_closed_tickets_without_an_answer_an_owner_or_an_alarm(
        self, server: ImapServer, fetching: Fetching, support: object
    ) -> None:
        now = timezone.now()
        start(fetching.mailbox, since=now - timedelta(days=1))
        server.times = dict.fromkeys((1, 2, 3), date(now - timedelta(days=400)))

        fetching.once()
        assert not InboundEvent.objects.filter(next_attempt_at__lt=now - timedelta(minutes=1)).exists()
        make.process_all()

        assert Ticket.objects.filter(state="closed", owner=None).count() == 3
        assert not Delivery.objects.exists()

    def test_that_is_left_alone_is_accounted_for(self, server: ImapServer, fetching: Fetching) -> None:
        now = timezone.now()
        start(fetching.mailbox, since=now - timedelta(days=1), older_mail=OlderMail.LEAVE)
        server.times = {1: date(now - timedelta(days=9)), 2: date(now - timedelta(days=8)), 3: date(now)}

        fetching.once()

        assert [arrival.external_id for arrival in fetching.taken] == ["imap:INBOX:7:3"]
        assert (fetching.state.server_count, fetching.state.accounted_count, fetching.state.left_uid) == (3, 3, 2)


class TestAfterTheImport:
    @pytest.fixture(autouse=True)
    def _moves(self, fetching: Fetching) -> None:
        fetching.server.capabilities = "IMAP4rev1 MOVE UIDPLUS"
        Mailbox.objects.update(after_import="move", after_import_folder="Done")

    def test_only_what_has_a_receipt_is_moved(self, server: ImapServer, fetching: Fetching) -> None:
        fetching.dies_after = 2
        with pytest.raises(Killed):
            fetching.once()
        assert set(server.mails) == {1, 2, 3}

        fetching.once()

        assert server.folders == {"Done": [1, 2, 3]}
        assert counts() == (3, 3)

    def test_a_mail_above_the_size_limit_stays(self, server: ImapServer, fetching: Fetching) -> None:
        server.mails[4] = make.mail(subject="large", text="x" * 5_000)
        fetching.max_bytes = 2_000

        fetching.once()

        assert set(server.mails) == {4}
        assert fetching.state.cleared_uid == 4

    def test_a_worker_that_lost_its_lease_changes_nothing_more(self, server: ImapServer, fetching: Fetching) -> None:
        def lose(arrival: Arrival) -> None:
            take_in(arrival)
            FolderState.objects.update(lease_owner="b:2")

        fetching._take = lose  # type: ignore[method-assign]
        with pytest.raises(Temporary):
            fetching.once()
        assert set(server.mails) == {1, 2, 3}
        assert fetching.state.last_uid == 0

        other = Fetching(server, fetching.mailbox, owner="b:2")
        other.once()

        assert counts() == (3, 3)
        assert server.folders == {"Done": [1, 2, 3]}


@pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)
class TestAStuckLoop:
    def test_is_started_again_by_a_watchdog(
        self, server: ImapServer, fetching: Fetching, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(email_imap, "STUCK_SECONDS", 0.3)
        monkeypatch.setattr(email_imap, "LOOK_SECONDS", 0.05)
        server.silent_at = {"SEARCH"}
        stop = Event()

        def follow_all() -> None:
            try:
                email_imap.follow_all(stop, take_in=take_in, owner="a:1")
            finally:
                connections.close_all()

        loops = threading.Thread(target=follow_all)
        loops.start()
        try:
            until(lambda: server.counted("SEARCH") == 1)
            server.silent_at = set()
            until(lambda: Receipt.objects.count() == 3)
        finally:
            stop.set()
            loops.join()

        assert server.logins >= 2
        assert Channel.objects.get().events.count() == 3
        assert fetching.state.uidvalidity is not None
        assert Cursor(7, fetching.state.last_uid) == Cursor(7, 3)
