"""An admin pastes a Message-ID and reads its fate."""

import pytest
from django.test import Client

from helpdesk.models import Agent, FolderState, Receipt, Team
from tests.flows.traffic import Traffic, happen

pytestmark = pytest.mark.django_db


@pytest.fixture
def traffic(dora: Agent, eli: Agent, support: Team) -> Traffic:
    return happen(admin=dora, agent=eli)


@pytest.fixture
def admin(client: Client, dora: Agent) -> Client:
    client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")
    return client


def rows(admin: Client, **asked: str) -> list[str]:
    """The rows of the table, as markup."""
    page = admin.get("/settings/ledger/", asked).content.decode()
    return page.partition("<tbody>")[2].partition("</tbody>")[0].split("<tr>")[1:]


class TestTheLedgerPage:
    def test_lists_every_arrival_once(self, admin: Client, traffic: Traffic) -> None:
        assert len(rows(admin)) == Receipt.objects.count() == 13

    @pytest.mark.parametrize(
        "words", ["mail-1@customer.example", "<mail-1@customer.example>", "Message-ID: <mail-1@customer.example>"]
    )
    def test_finds_a_message_by_its_message_id(self, admin: Client, traffic: Traffic, words: str) -> None:
        again, first = rows(admin, q=words)

        assert traffic.ticket.reference in first
        assert "The same again" in again
        assert f"#{traffic.mail.event_id}" in again

    def test_finds_what_became_no_message(self, admin: Client, traffic: Traffic) -> None:
        quarantined, ignored, waiting = (rows(admin, q=f"mail-{number}@customer.example") for number in (7, 8, 9))

        assert f"/quarantine/{traffic.quarantined.pk}/" in quarantined[0]
        assert "An agent discarded it" in ignored[0]
        assert "It will be read in a moment" in waiting[0]
        assert [len(each) for each in (quarantined, ignored, waiting)] == [1, 1, 1]

    def test_finds_all_of_a_sender(self, admin: Client, traffic: Traffic) -> None:
        assert len(rows(admin, q="ann@customer.example")) == 6  # two, one of them twice; the envelopes of the rest
        assert len(rows(admin, q="Bea@Customer.example")) == 2
        assert len(rows(admin, q="robot@shop.example")) == 1

    def test_finds_a_uid_in_the_folder_that_it_is_of(self, admin: Client, traffic: Traffic) -> None:
        FolderState.objects.create(mailbox=traffic.channel.mailbox, folder="INBOX", uidvalidity=7, last_uid=12)

        assert len(rows(admin, q="imap:INBOX:7:12")) == 1
        assert "UID 12" in rows(admin, q="12")[0]

    def test_finds_a_number_and_a_day(self, admin: Client, traffic: Traffic) -> None:
        assert len(rows(admin, q=f"#{traffic.waiting.pk}")) == 1
        assert len(rows(admin, q="mail-9@customer.example", on="1999-01-01")) == 0
        assert len(rows(admin, on="not a day")) == 13

    def test_knows_the_mails_of_the_desk_itself(self, admin: Client, traffic: Traffic) -> None:
        assert traffic.sent.message is not None
        page = admin.get("/settings/ledger/", {"q": traffic.sent.message.message_id}).content.decode()

        assert "The desk itself sent this mail" in page
        assert f"/outgoing/{traffic.sent.pk}/" in page

    def test_says_so_when_the_desk_has_never_seen_it(self, admin: Client, traffic: Traffic) -> None:
        FolderState.objects.create(mailbox=traffic.channel.mailbox, folder="INBOX")
        page = admin.get("/settings/ledger/", {"q": "<script>@x.example"}).content.decode()

        assert "The desk has never seen it" in page
        assert "<script>@" not in page

    @pytest.mark.parametrize("words", ["#", "9" * 40, "٣", "imap:", "@", "%00", "a@b@c", "<>", "f" * 64])
    def test_takes_any_words(self, admin: Client, traffic: Traffic, words: str) -> None:
        assert admin.get("/settings/ledger/", {"q": words}).status_code == 200
