"""Each mistake in the settings is named, with a hint."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.checks import CheckMessage
from django.core.management import call_command
from pytest_django import Settings

from helpdesk import checks

GOOD_SECRET = "kP3v-9qLz0XwT7uYb2NfRe5sHc8MdGj1"


def ids(check: Callable[..., list[CheckMessage]]) -> list[str | None]:
    found = check(None)
    assert all(message.hint for message in found)
    return [message.id for message in found]


class TestTheDataFolder:
    def test_is_fine_when_it_takes_files(self, settings: Settings, tmp_path: Path) -> None:
        settings.DATA_DIR = tmp_path / "new"

        assert ids(checks.data_folder) == []

    def test_is_named_when_it_takes_none(self, settings: Settings, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        settings.DATA_DIR = tmp_path / "file" / "data"

        assert ids(checks.data_folder) == ["luotsi.E001"]


class TestTheSecretKey:
    @pytest.mark.parametrize(
        ("key", "found"), [(GOOD_SECRET, []), ("short", ["luotsi.E002"]), ("a" * 50, ["luotsi.E002"])]
    )
    def test_has_to_be_hard_to_guess(self, settings: Settings, key: str, found: list[str]) -> None:
        settings.SECRET_KEY = key

        assert ids(checks.secret_key) == found


class TestTheSiteUrl:
    @pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost", "http://desk.example:8000"])
    def test_is_fine_as_a_browser_writes_it(self, settings: Settings, url: str) -> None:
        settings.SITE_URL = url

        assert ids(checks.site_url) == []

    @pytest.mark.parametrize("url", ["desk.example", "https://", "ftp://desk.example", ""])
    def test_is_named_when_it_is_none(self, settings: Settings, url: str) -> None:
        settings.SITE_URL = url

        assert ids(checks.site_url) == ["luotsi.E003"]

    def test_does_not_go_with_debug_pages(self, settings: Settings) -> None:
        settings.SITE_URL, settings.DEBUG = "http://desk.example", True

        assert ids(checks.site_url) == ["luotsi.E004"]

    def test_needs_a_proxy_that_is_known_for_https(self, settings: Settings) -> None:
        settings.SITE_URL, settings.SECURE_SSL_REDIRECT = "https://desk.example", True
        settings.SECURE_PROXY_SSL_HEADER = None
        assert ids(checks.site_url) == ["luotsi.E005"]

        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        assert ids(checks.site_url) == []


class TestTheAddressesToListenOn:
    @pytest.mark.parametrize("address", ["8000", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:80000", ""])
    def test_are_named_when_they_cannot_be_understood(self, settings: Settings, address: str) -> None:
        settings.HTTP_ADDRESS, settings.SMTP_ADDRESS = address, "127.0.0.1:2525"

        assert ids(checks.listening_addresses) == ["luotsi.E006"]

    @pytest.mark.parametrize("address", ["127.0.0.1:2525", "[::1]:2525", "0.0.0.0:25", ""])
    def test_may_leave_the_mail_receiver_out(self, settings: Settings, address: str) -> None:
        settings.HTTP_ADDRESS, settings.SMTP_ADDRESS = "127.0.0.1:8000", address

        assert ids(checks.listening_addresses) == []


class TestMailAccounts:
    @pytest.fixture(autouse=True)
    def _address(self, settings: Settings) -> None:
        settings.MAIL_ADDRESS, settings.IMAP_URL, settings.SMTP_URL = "help@desk.example", "", ""

    def test_are_fine_when_they_can_be_read(self, settings: Settings) -> None:
        settings.IMAP_URL, settings.SMTP_URL = "imaps://a:b@mail.example", "smtps://a:b@mail.example"

        assert ids(checks.mail_accounts) == []

    def test_are_named_without_the_password(self, settings: Settings) -> None:
        settings.SMTP_URL = "https://a:secret@mail.example"

        assert ids(checks.mail_accounts) == ["luotsi.E008"]
        assert "secret" not in str(checks.mail_accounts(None))

    def test_need_an_address(self, settings: Settings) -> None:
        settings.MAIL_ADDRESS, settings.IMAP_URL = "", "imaps://a:b@mail.example"

        assert ids(checks.mail_accounts) == ["luotsi.W007"]


class TestRedis:
    def test_is_not_asked_for_where_nobody_named_it(self, settings: Settings) -> None:
        settings.REDIS_URL = ""

        assert ids(checks.redis) == []

    @pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "not an address"])
    def test_is_missed_when_it_does_not_answer(self, settings: Settings, url: str) -> None:
        settings.REDIS_URL = url

        assert ids(checks.redis) == ["luotsi.W010"]


class TestTheCrashPointOfATest:
    @pytest.mark.parametrize(
        ("value", "expected"), [("", []), ("outbox.claimed:2", ["luotsi.W012"]), ("nowhere", ["luotsi.E011"])]
    )
    def test_is_named_or_refused(self, settings: Settings, value: str, expected: list[str]) -> None:
        settings.CRASH_AT = value

        assert ids(checks.crash_point) == expected


class TestADeskInProduction:
    def test_passes_every_check_of_django_for_deployment(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Tests in a browser set it for all that follows in their process.
        monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)
        settings.SITE_URL, settings.SECRET_KEY, settings.DEBUG = "https://desk.example", GOOD_SECRET * 2, False
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = settings.SECURE_SSL_REDIRECT = True
        settings.SECURE_HSTS_SECONDS = 31_536_000
        settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True

        call_command("check", deploy=True, fail_level="WARNING")

        assert settings.SILENCED_SYSTEM_CHECKS == []
