"""Mail accounts written as one address."""

import pytest

from helpdesk.mail_urls import BadMailUrl, MailUrl, read_imap_url, read_smtp_url


class TestAnImapUrl:
    def test_says_host_user_password_and_folder(self) -> None:
        read = read_imap_url("imaps://support%40desk.example:p%40ss%23word@mail.example:1993/Inbox/Support")

        assert read == MailUrl("mail.example", 1993, "tls", "support@desk.example", "p@ss#word", "Inbox/Support")

    @pytest.mark.parametrize(
        ("scheme", "security", "port"), [("imaps", "tls", 993), ("imap", "starttls", 143), ("imap+plain", "none", 143)]
    )
    def test_says_by_its_scheme_how_the_line_is_protected(self, scheme: str, security: str, port: int) -> None:
        read = read_imap_url(f"{scheme}://ann:word@mail.example")

        assert (read.security, read.port) == (security, port)

    def test_needs_a_user(self) -> None:
        with pytest.raises(BadMailUrl, match="names no user"):
            read_imap_url("imaps://mail.example")


class TestAnSmtpUrl:
    @pytest.mark.parametrize(
        ("scheme", "security", "port"), [("smtps", "tls", 465), ("smtp", "starttls", 587), ("smtp+plain", "none", 25)]
    )
    def test_says_by_its_scheme_how_the_line_is_protected(self, scheme: str, security: str, port: int) -> None:
        read = read_smtp_url(f"{scheme}://mail.example")

        assert (read.security, read.port, read.username) == (security, port, "")


class TestAMistake:
    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("mail.example", "must begin with one of"),
            ("imaps://ann:secret@mail.example", "must begin with one of"),
            ("smtps://ann:secret@", "names no host"),
            ("smtps://ann:secret@mail.example:http", "can't be read"),
            ("smtps://ann:secret#1@mail.example", "can't be read"),
            ("smtps://ann:secret/1@mail.example", "can't be read"),
            ("smtps://ann:secret@[mail.example", "can't be read"),
        ],
    )
    def test_is_named_without_the_password(self, url: str, reason: str) -> None:
        with pytest.raises(BadMailUrl, match=reason) as error:
            read_smtp_url(url)

        assert "secret" not in str(error.value)

    def test_shows_no_password_in_a_log(self) -> None:
        assert "word" not in repr(read_smtp_url("smtps://ann:word@mail.example"))
