"""Channels: set up by admins; passwords go in and never come out."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from helpdesk.models import Agent, Channel, Entry, FolderState, Mailbox

SECRET = "a-mailbox-password"
FORM = {
    "name": "Billing",
    "is_active": "on",
    "address": "Billing@desk.example",
    "aliases": "invoices@desk.example, accounts@desk.example",
    "imap_host": "imap.desk.example",
    "imap_port": "993",
    "imap_security": "tls",
    "imap_username": "billing",
    "imap_password": SECRET,
    "imap_folders": "INBOX",
    "after_import": "keep",
    "smtp_host": "smtp.desk.example",
    "smtp_port": "465",
    "smtp_security": "tls",
    "smtp_username": "billing",
    "smtp_password": SECRET,
    "trusted_networks": "10.0.0.0/8",
}


@pytest.fixture
def admin(client: Client, dora: Agent) -> Client:
    client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def stored(admin: Client) -> Mailbox:
    assert admin.post("/channels/new/", FORM).status_code == 302
    return Mailbox.objects.get(address="billing@desk.example")


def change(client: Client, mailbox: Mailbox, **changes: str) -> Any:
    form = {**FORM, "imap_password": "", "smtp_password": "", **changes}
    return client.post(f"/channels/{mailbox.channel_id}/", form)


class TestANewChannel:
    def test_is_stored_with_its_mailbox(self, stored: Mailbox) -> None:
        assert stored.channel.slug == "billing"
        assert stored.aliases == ["invoices@desk.example", "accounts@desk.example"]
        assert stored.trusted_networks == ["10.0.0.0/8"]
        assert stored.imap_password == SECRET

    def test_has_its_passwords_sealed_in_the_database(self, stored: Mailbox) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT imap_password, smtp_password FROM helpdesk_mailbox")
            assert SECRET not in str(cursor.fetchall())

    def test_gets_a_word_of_its_own_in_rules(self, stored: Mailbox, admin: Client) -> None:
        admin.post("/channels/new/", {**FORM, "address": "other@desk.example"})

        assert set(Channel.objects.values_list("slug", flat=True)) == {"billing", "billing-2"}

    @pytest.mark.parametrize(
        ("field", "value", "complaint"),
        [
            ("address", "not an address", "valid email"),
            ("aliases", "x", "valid email"),
            ("trusted_networks", "everywhere", "written like 10.0.0.0/8"),
            ("imap_folders", " ", "at least one folder"),
            ("imap_port", "0", "greater than or equal to 1"),
        ],
    )
    def test_is_refused_with_a_sentence(self, admin: Client, field: str, value: str, complaint: str) -> None:
        answer = admin.post("/channels/new/", {**FORM, field: value})

        assert complaint in answer.content.decode()
        assert not Mailbox.objects.exists()

    def test_cannot_take_the_address_of_another(self, stored: Mailbox, admin: Client) -> None:
        assert "Another channel has this address" in admin.post("/channels/new/", FORM).content.decode()


class TestPasswords:
    def test_are_on_no_page_and_in_no_journal_line(self, stored: Mailbox, admin: Client) -> None:
        page = admin.get(f"/channels/{stored.channel_id}/").content.decode()
        change(admin, stored, smtp_password="another-" + SECRET)

        assert SECRET not in page
        assert SECRET not in str(list(Entry.objects.values()))
        assert Entry.objects.latest("id").data["details"] == {"smtp_password": {"changed": True}}

    def test_stay_when_the_field_is_left_empty(self, stored: Mailbox, admin: Client) -> None:
        change(admin, stored, name="Bills")

        stored.refresh_from_db()
        assert stored.imap_password == SECRET

    @pytest.mark.parametrize("field", ["imap_host", "imap_username", "imap_port", "smtp_host", "smtp_username"])
    def test_are_not_given_to_another_server_or_user(self, stored: Mailbox, admin: Client, field: str) -> None:
        """Neither when saving nor when trying: else an admin of today could read the password of yesterday's."""
        elsewhere = {field: "1993" if field.endswith("port") else "thief.example"}

        assert "Type the password again" in change(admin, stored, **elsewhere).content.decode()
        form = {**FORM, "imap_password": "", "smtp_password": "", **elsewhere}
        trial = admin.post(f"/channels/{stored.channel_id}/trial/", form, headers={"HX-Request": "true"})
        assert "Not tried" in trial.content.decode()

    def test_survive_a_form_that_has_errors_unseen(self, admin: Client) -> None:
        assert SECRET not in admin.post("/channels/new/", {**FORM, "address": ""}).content.decode()


class TestAnotherAccount:
    def test_starts_reading_from_the_beginning(self, stored: Mailbox, admin: Client) -> None:
        FolderState.objects.create(mailbox=stored, folder="INBOX", uidvalidity=7, last_uid=99)

        change(admin, stored, imap_username="sales", imap_password="another")

        assert not FolderState.objects.exists()

    def test_lifts_the_pause_of_sending(self, stored: Mailbox, admin: Client) -> None:
        Channel.objects.update(paused_reason="The login was refused.")

        change(admin, stored, smtp_password="the right one")

        assert Channel.objects.get().paused_reason == ""


class TestTheList:
    def test_says_what_is_wrong_and_offers_to_resume(self, stored: Mailbox, admin: Client) -> None:
        Channel.objects.update(paused_reason="The login was refused.")
        FolderState.objects.create(mailbox=stored, folder="INBOX", phase="refused", error="AUTHENTICATIONFAILED")

        page = admin.get("/channels/").content.decode()
        admin.post(f"/channels/{stored.channel_id}/resume/")

        assert "The login was refused." in page
        assert "AUTHENTICATIONFAILED" in page
        assert Channel.objects.get().paused_reason == ""
