"""The health page and the banner: what is wrong, since when, what to do, and where."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from helpdesk.actions import alarms
from helpdesk.models import Agent, Alarm, AlarmCode, Channel, FolderState, Heartbeat, OAuthGrant, Watch
from helpdesk.queries import trouble_words, troubles
from helpdesk.queries.troubles import Trouble
from tests import make
from tests.flows import desk
from tests.flows.outgoing import mail_channel, queue

pytestmark = pytest.mark.django_db
DISK = Trouble(AlarmCode.DISK, values={"free": 4096, "folder": "/var/lib/luotsi"})


@pytest.fixture
def admin(client: Client, dora: Agent) -> Client:
    client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture(autouse=True)
def _alive() -> None:
    """Every loop of the desk, in one process."""
    now = timezone.now()
    for name in (*troubles.WORKER_LOOPS, *troubles.mail_loops()):
        Heartbeat.objects.create(process="host:1", loop=name, started_at=now, beat_at=now)


def folder(**values: object) -> FolderState:
    """A folder that is followed; in trouble as ``values`` say."""
    now = timezone.now()
    mailbox = mail_channel(slug="sales", imap_host="mail.example", imap_started_at=now).mailbox
    return FolderState.objects.create(
        mailbox=mailbox, folder="INBOX", **({"last_contact_at": now, "phase": "idle", "uidvalidity": 7} | values)
    )


def stuck(channel: Channel, *, error: str = "421 busy") -> None:
    """A mail that its server has refused again and again."""
    queue(channel, state="retry", attempts=4, error=error, next_attempt_at=timezone.now() + timedelta(minutes=30))


LONG_AGO = timedelta(hours=2)


def dead_loop() -> None:
    Heartbeat.objects.filter(loop="outbox").update(beat_at=timezone.now() - timedelta(minutes=20))


def dying_loop() -> None:
    Heartbeat.objects.filter(loop="intake").update(error="OSError: disk")


def paused() -> None:
    Channel.objects.filter(pk=mail_channel(slug="sales").pk).update(paused_reason="535 wrong password")


def disconnected() -> None:
    OAuthGrant.objects.create(
        mailbox=mail_channel(slug="sales").mailbox, provider="google", client_id="x", account="x", trouble="withdrawn"
    )


def slow_intake() -> None:
    make.arrive(mail_channel(), make.mail(), received_at=timezone.now() - LONG_AGO)


def slow_outbox() -> None:
    queue(mail_channel(), next_attempt_at=timezone.now() - LONG_AGO)


#: What happens, and what the page says: the sentence, a word of the advice or the error, and where it leads.
WRONG: list[tuple[Callable[[], object], str, str, str]] = [
    (dead_loop, "“Sending mail” doesn&#39;t run", "start the desk", "/settings/status/"),
    (dying_loop, "“Reading what arrived” doesn&#39;t run", "OSError: disk", "/settings/status/"),
    (
        lambda: folder(last_contact_at=timezone.now() - LONG_AGO),
        "isn&#39;t being fetched",
        "Nothing is lost",
        "/channels/",
    ),
    (lambda: folder(phase="refused", error="NO login"), "INBOX of Sales", "NO login", "/channels/"),
    (lambda: folder(unexplained=[12, 13]), "2 mails in INBOX of Sales are on", "by their UID", "/settings/ledger/"),
    (disconnected, "Sales can&#39;t log in at Google", "Connect the mailbox again", "/channels/"),
    (paused, "The channel Sales is paused", "535 wrong password", "/channels/"),
    (lambda: stuck(mail_channel()), "takes nothing: 1 mail waits", "421 busy", "/channels/"),
    (slow_intake, "1 mail has arrived and isn", "locked database", "/settings/status/"),
    (slow_outbox, "1 mail is due and isn", "locked database", "/outgoing/?state=waiting"),
    (lambda: desk.quarantined(channel=mail_channel()), "1 mail could not be read", "Read why", "/quarantine/"),
    (
        lambda: queue(mail_channel(), state="held", is_automatic=True),
        "1 automatic mail is held",
        "release",
        "/outgoing/?state=held",
    ),
    (lambda: Heartbeat.objects.update(beat_at=timezone.now() + LONG_AGO), "s apart", "NTP", "/settings/status/"),
]


class TestTheHealthPage:
    @pytest.mark.parametrize(("happens", "sentence", "hint", "where"), WRONG, ids=[each[1] for each in WRONG])
    def test_says_what_is_wrong_what_to_do_and_where(
        self, admin: Client, happens: Callable[[], object], sentence: str, hint: str, where: str
    ) -> None:
        happens()

        page = admin.get("/settings/status/").content.decode()

        verdict = page.partition('id="verdict"')[2].partition("</section>")[0]
        assert sentence in verdict
        assert hint in verdict
        assert where in page
        assert "1 thing needs you" in verdict

    def test_is_red_when_the_disk_is_nearly_full(self, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(troubles, "LEAST_FREE_BYTES", 2**60)

        assert "The disk is nearly full" in admin.get("/settings/status/").content.decode()

    def test_is_calm_when_all_is_well(self, admin: Client) -> None:
        state = folder(last_uid=18402, server_count=18402, accounted_count=18402, checked_at=timezone.now())

        page = admin.get("/settings/status/").content.decode()

        assert "All is well" in page
        assert "18,402 on the server, 18,402 accounted for, 0 unexplained" in page
        assert "UID 18402" in page
        assert "Listening" in page
        assert state.mailbox.address in page
        assert ("SQLite" if connection.vendor == "sqlite" else "PostgreSQL") in page

    def test_takes_no_single_full_mailbox_for_a_server_that_refuses(self, admin: Client) -> None:
        channel = mail_channel()
        stuck(channel, error="452 mailbox full")
        queue(channel, state="sent", sent_at=timezone.now())

        assert "All is well" in admin.get("/settings/status/").content.decode()

    def test_says_when_there_is_no_second_way(self, admin: Client) -> None:
        mail_channel(smtp_port=1)
        assert "No second way" in admin.get("/settings/status/").content.decode()

        mail_channel(slug="other", smtp_port=1)
        assert "No second way" not in admin.get("/settings/status/").content.decode()

    def test_tells_since_when_a_channel_is_paused(self, admin: Client) -> None:
        paused()
        began = timezone.now() - timedelta(hours=3)
        alarms.note(troubles=list(troubles.of_sending(now=began)), now=began)

        assert Alarm.objects.get().since == began
        assert "Since a moment ago" not in admin.get("/settings/status/").content.decode()

    def test_has_words_for_every_loop(self) -> None:
        assert {*troubles.WORKER_LOOPS, *troubles.mail_loops(), "lmtp", "wake-ups"} <= set(trouble_words.LOOPS)

    def test_has_words_and_a_place_for_every_code(self) -> None:
        values = {
            "count": 2,
            "channel": "x",
            "folder": "y",
            "loop": "z",
            "free": 1,
            "seconds": 9,
            "channel_id": 1,
            "provider": "p",
        }
        for code in AlarmCode:
            assert trouble_words.told(code, values)
            assert trouble_words.advice(code)
            assert trouble_words.link(code, values)[0].startswith("/")

    def test_costs_no_more_for_many_mailboxes(
        self, admin: Client, django_assert_max_num_queries: Callable[..., object]
    ) -> None:
        for number in range(3):
            mail_channel(slug=f"box-{number}")

        with django_assert_max_num_queries(60):  # type: ignore[attr-defined]
            admin.get("/settings/status/")


class TestTheBanner:
    @pytest.fixture
    def raised(self) -> None:
        now = timezone.now() - timedelta(minutes=15)
        for minute in range(16):
            alarms.note(troubles=[DISK], now=now + timedelta(minutes=minute))

    def test_stands_above_every_page_of_an_admin(self, admin: Client, raised: None) -> None:
        for path in ("/inbox/all/", "/channels/", "/settings/ledger/", "/settings/alarms/"):
            assert "The disk is nearly full: 4.0" in admin.get(path).content.decode(), path

    def test_is_not_shown_to_others(self, client: Client, eli: Agent, raised: None) -> None:
        client.force_login(eli, backend="django.contrib.auth.backends.ModelBackend")

        assert "disk" not in client.get("/inbox/all/").content.decode()

    def test_is_gone_when_it_is_well_again(self, admin: Client, raised: None) -> None:
        now = timezone.now()
        for minute in range(1, 8):
            alarms.note(troubles=[], now=now + timedelta(minutes=minute))
        Watch.objects.update(looked_at=timezone.now())

        assert 'class="alarm"' not in admin.get("/channels/").content.decode()

    def test_says_when_nobody_looks(self, admin: Client) -> None:
        Watch.objects.create(name="alarms", looked_at=timezone.now() - timedelta(minutes=10))

        assert "Nobody looks for trouble" in admin.get("/channels/").content.decode()
