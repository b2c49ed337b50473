"""Trying a mailbox out against real servers: what works, what would happen, and that nothing is touched."""

import socket
from datetime import UTC, datetime

import pytest

from helpdesk.console.connection_trial import try_out
from helpdesk.models import Mailbox
from tests import make
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.smtp_server import serve


def mailbox_of(dovecot: Dovecot, user: str, *, password: str = PASSWORD) -> Mailbox:
    return Mailbox(
        address="support@desk.example",
        imap_host="127.0.0.1",
        imap_port=dovecot.port,
        imap_security="none",
        imap_username=user,
        imap_password=password,
    )


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class TestIncomingMail:
    def test_is_foretold_by_numbers_and_left_as_it_is(self, dovecot: Dovecot) -> None:
        for day in (
            datetime(2025, 1, 1, tzinfo=UTC),
            datetime(2025, 6, 1, tzinfo=UTC),
            datetime(2026, 3, 9, tzinfo=UTC),
        ):
            dovecot.deliver("trial", make.mail(), received_at=day)

        incoming, _outgoing = try_out(mailbox_of(dovecot, "trial"))

        assert incoming.is_good
        assert "3 mails lie in INBOX." in incoming.sentences
        assert dovecot.seen_mails("trial") == 0

    def test_says_that_the_login_was_refused_without_the_password(self, dovecot: Dovecot) -> None:
        incoming, _outgoing = try_out(mailbox_of(dovecot, "trial", password="not-the-password"))

        assert not incoming.is_good
        assert "does not accept this user name and password" in incoming.sentences[0]
        assert "not-the-password" not in incoming.detail

    def test_says_that_nobody_answers(self, dovecot: Dovecot) -> None:
        mailbox = mailbox_of(dovecot, "trial")
        mailbox.imap_port = free_port()

        incoming, _outgoing = try_out(mailbox)

        assert not incoming.is_good
        assert "can't be reached" in incoming.sentences[0]

    def test_says_that_the_certificate_is_not_trusted_until_its_authority_is_named(
        self, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mailbox = mailbox_of(dovecot, "trial")
        mailbox.imap_port, mailbox.imap_security = dovecot.tls_port, "tls"

        strange, _outgoing = try_out(mailbox)
        monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificates.ca_file))
        known, _outgoing = try_out(mailbox)

        assert not strange.is_good
        assert "certificate can't be trusted" in strange.sentences[0]
        assert known.is_good

    def test_says_that_the_port_does_not_speak_tls(self, dovecot: Dovecot) -> None:
        mailbox = mailbox_of(dovecot, "trial")
        mailbox.imap_security = "tls"

        incoming, _outgoing = try_out(mailbox)

        assert not incoming.is_good
        assert incoming.sentences[0] == "No encrypted connection came about on this port."


class TestOutgoingMail:
    def test_logs_in_and_sends_nothing(self) -> None:
        with serve({"EHLO": ["250-sink\r\n250 AUTH PLAIN LOGIN"]}) as server:
            _incoming, outgoing = try_out(outgoing_mailbox(server.port))

        assert outgoing.is_good
        assert outgoing.sentences == ("The login works.", "Nothing was sent.")
        assert "MAIL" not in server.verbs()

    def test_says_that_the_login_was_refused(self) -> None:
        answers = {"EHLO": ["250-sink\r\n250 AUTH PLAIN LOGIN"], "AUTH": ["535 5.7.8 no"]}
        with serve(answers) as server:
            _incoming, outgoing = try_out(outgoing_mailbox(server.port))

        assert not outgoing.is_good
        assert "535" in outgoing.detail


def outgoing_mailbox(port: int) -> Mailbox:
    return Mailbox(
        address="support@desk.example",
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_security="none",
        smtp_username="desk",
        smtp_password="secret",
    )
