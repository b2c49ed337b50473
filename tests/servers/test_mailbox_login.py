"""Connecting a mailbox at a provider: there and back with a real one, and everything that comes back forged."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from helpdesk.connectors import http
from helpdesk.models import Agent, Channel, Entry, Mailbox, OAuthGrant
from helpdesk.queries import oauth
from tests.servers.oauth_provider import CLIENT_ID, CLIENT_SECRET, Provider, says

FORM = {"login-provider": "google", "login-client_id": CLIENT_ID, "login-client_secret": CLIENT_SECRET}
NOT_HERE = "This login was not begun here, or took too long."


def browser_of(agent: Agent) -> Client:
    browser = Client()
    browser.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return browser


@pytest.fixture
def admin(dora: Agent) -> Client:
    return browser_of(dora)


def page(admin: Client, mailbox: Mailbox) -> str:
    return admin.get(f"/channels/{mailbox.channel_id}/").content.decode()


def leave(admin: Client, mailbox: Mailbox, **changes: str) -> Any:
    """Choose Google and go there; the answer that sends the browser on."""
    return admin.post(f"/channels/{mailbox.channel_id}/login/", {**FORM, **changes})


def address_of(answer: Any) -> str:
    return str(answer["Refresh"]).removeprefix("0; url=")


def visit(address: str) -> str:
    """What the person's browser does at the provider: the path and query with which it comes back."""
    there = http.get(address)
    assert there.status == 302, there.body
    back = urlsplit(there.headers["location"])
    return f"{back.path}?{back.query}"


@pytest.fixture
def grant(admin: Client, mailbox: Mailbox, vendors: Provider) -> OAuthGrant:
    """A connected mailbox."""
    admin.get(visit(address_of(leave(admin, mailbox))))
    return OAuthGrant.objects.get(mailbox=mailbox)


class TestTheWayThere:
    def test_asks_the_provider_for_mail_with_pkce_and_state(
        self, admin: Client, mailbox: Mailbox, vendors: Provider
    ) -> None:
        answer = leave(admin, mailbox)
        asked = {name: value for name, [value] in parse_qs(urlsplit(address_of(answer)).query).items()}

        assert asked["scope"] == "https://mail.google.com/"
        assert (asked["access_type"], asked["prompt"]) == ("offline", "consent")
        assert asked["redirect_uri"].endswith("/channels/oauth/callback/")
        assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
        assert len(asked["state"]) >= 43
        assert OAuthGrant.objects.get().attempt_hash != asked["state"]
        assert CLIENT_SECRET not in answer.content.decode()

    def test_asks_microsoft_in_the_directory_of_the_app(
        self, admin: Client, mailbox: Mailbox, vendors: Provider
    ) -> None:
        answer = leave(admin, mailbox, **{"login-provider": "microsoft", "login-tenant": "contoso.example"})

        assert urlsplit(address_of(answer)).path == "/contoso.example/authorize"
        assert "IMAP.AccessAsUser.All" in address_of(answer)
        assert "offline_access" in address_of(answer)

    def test_goes_to_the_vendors_themselves(self, admin: Client, mailbox: Mailbox) -> None:
        google = address_of(leave(admin, mailbox))
        microsoft = address_of(leave(admin, mailbox, **{"login-provider": "microsoft"}))

        assert google.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
        assert microsoft.startswith("https://login.microsoftonline.com/common/oauth2/v2.0/authorize?")

    def test_fills_in_the_servers_and_forgets_the_password(self, admin: Client, mailbox: Mailbox) -> None:
        Mailbox.objects.update(imap_host="mail.desk.example", imap_password="of the old server")

        leave(admin, mailbox, **{"login-provider": "microsoft"})

        mailbox.refresh_from_db()
        assert (mailbox.imap_host, mailbox.imap_port, mailbox.imap_security) == ("outlook.office365.com", 993, "tls")
        assert (mailbox.smtp_host, mailbox.smtp_port, mailbox.smtp_security) == ("smtp.office365.com", 587, "starttls")
        assert mailbox.imap_username == mailbox.smtp_username == "support@desk.example"
        assert mailbox.imap_password == ""
        assert mailbox.imap_started_at is None, "nobody has seen yet what lies there"

    @pytest.mark.parametrize(
        ("field", "value", "complaint"),
        [
            ("client_secret", "", "This field is required."),
            ("client_id", "two words", "neither spaces"),
            ("provider", "evil", "Select a valid choice"),
            ("tenant", "../../evil", "the ID of a directory"),
            ("tenant", "a@evil.example/", "the ID of a directory"),
            ("account", "nobody", "valid email"),
        ],
    )
    def test_is_not_taken_with_a_mistake(
        self, admin: Client, mailbox: Mailbox, field: str, value: str, complaint: str
    ) -> None:
        answer = leave(admin, mailbox, **{f"login-{field}": value})

        assert complaint in answer.content.decode()
        assert CLIENT_SECRET not in answer.content.decode()
        assert not OAuthGrant.objects.exists()

    def test_gives_a_stored_secret_to_no_other_app(self, admin: Client, grant: OAuthGrant, mailbox: Mailbox) -> None:
        other = {"login-client_secret": "", "login-client_id": "another-app"}

        assert "belongs to another app" in leave(admin, mailbox, **other).content.decode()
        assert "Refresh" in leave(admin, mailbox, **{"login-client_secret": ""})

    def test_is_for_admins(self, eli: Agent, mailbox: Mailbox) -> None:
        client = browser_of(eli)

        for path in ("", "connect/", "disconnect/", "password/"):
            assert client.post(f"/channels/{mailbox.channel_id}/login/{path}", FORM).status_code == 403
        assert client.get("/channels/oauth/callback/?state=x&code=y").status_code == 403


class TestTheWayBack:
    def test_stores_the_permission_and_shows_it(self, admin: Client, mailbox: Mailbox, vendors: Provider) -> None:
        Channel.objects.update(paused_reason="The login was refused.")

        answer = admin.get(visit(address_of(leave(admin, mailbox))))

        grant = OAuthGrant.objects.get()
        assert answer["Location"] == f"/channels/{mailbox.channel_id}/?try"
        assert vendors.owner_of(grant.access_token) == "support@desk.example"
        assert grant.refresh_token in vendors.refresh
        assert "Connected" in page(admin, mailbox)
        assert Channel.objects.get().paused_reason == ""

    def test_leaves_no_secret_on_pages_in_rows_or_in_the_journal(
        self, admin: Client, grant: OAuthGrant, mailbox: Mailbox
    ) -> None:
        secrets = (CLIENT_SECRET, grant.access_token, grant.refresh_token)
        with connection.cursor() as cursor:
            cursor.execute("SELECT client_secret, access_token, refresh_token FROM helpdesk_oauthgrant")
            rows = str(cursor.fetchall())

        for secret in secrets:
            assert secret not in page(admin, mailbox) + rows + str(list(Entry.objects.values()))
        told = [entry.data["change"] for entry in Entry.objects.filter(data__what="channel").order_by("id")]
        assert told[-2:] == ["login-changed", "connected"]

    def test_tells_whoever_watches_that_all_is_well(self, grant: OAuthGrant) -> None:
        [seen] = oauth.connections(now=timezone.now())

        assert (seen.provider, seen.account, seen.needs_attention) == ("Google", "support@desk.example", False)
        assert seen.expires_at is not None
        assert seen.expires_at > timezone.now()

    def test_can_be_gone_again_and_undone(
        self, admin: Client, grant: OAuthGrant, mailbox: Mailbox, vendors: Provider
    ) -> None:
        admin.get(visit(address_of(admin.post(f"/channels/{mailbox.channel_id}/login/connect/"))))
        renewed = OAuthGrant.objects.get()
        admin.post(f"/channels/{mailbox.channel_id}/login/disconnect/")
        gone = OAuthGrant.objects.get()
        admin.post(f"/channels/{mailbox.channel_id}/login/password/")

        assert renewed.refresh_token != grant.refresh_token
        assert (gone.refresh_token, gone.access_token, gone.is_connected) == ("", "", False)
        assert not OAuthGrant.objects.exists()

    def test_keeps_the_connection_when_only_the_secret_changes(
        self, admin: Client, grant: OAuthGrant, mailbox: Mailbox
    ) -> None:
        leave(admin, mailbox, **{"login-client_secret": "a newer one"})
        kept = OAuthGrant.objects.get()
        leave(admin, mailbox, **{"login-account": "shared@desk.example"})

        assert kept.refresh_token == grant.refresh_token
        assert not OAuthGrant.objects.get().is_connected, "the permission was given for another account"

    def test_says_in_words_that_the_secret_is_wrong(self, admin: Client, mailbox: Mailbox, vendors: Provider) -> None:
        admin.get(visit(address_of(leave(admin, mailbox, **{"login-client_secret": "wrong"}))))

        assert "does not accept the client ID or the client secret" in page(admin, mailbox)

    @pytest.mark.parametrize(
        "body", [b"<html>", b"[]", b'{"access_token": 5}', b'{"access_token": "a\\nb"}', b"x" * 2_000_000]
    )
    def test_takes_nothing_that_is_no_token(
        self, admin: Client, mailbox: Mailbox, vendors: Provider, body: bytes
    ) -> None:
        vendors.mood = says(200, body)

        admin.get(visit(address_of(leave(admin, mailbox))))

        assert not OAuthGrant.objects.get().is_connected
        assert "can&#39;t be reached just now" in page(admin, mailbox)

    def test_needs_a_permission_that_lasts(self, admin: Client, mailbox: Mailbox, vendors: Provider) -> None:
        vendors.forgets_refresh_token = True

        admin.get(visit(address_of(leave(admin, mailbox))))

        assert not OAuthGrant.objects.get().is_connected
        assert "no refresh token" in page(admin, mailbox)


class TestAForgedReturn:
    def test_with_another_state_asks_nobody(self, admin: Client, mailbox: Mailbox, vendors: Provider) -> None:
        leave(admin, mailbox)

        for state in ("", "x", "ä", "a" * 100_000):
            answer = admin.get("/channels/oauth/callback/", {"state": state, "code": "stolen"}, follow=True)
            assert NOT_HERE in answer.content.decode()
        assert vendors.asked == []

    def test_works_once(self, admin: Client, mailbox: Mailbox, vendors: Provider) -> None:
        back = visit(address_of(leave(admin, mailbox)))
        admin.get(back)
        first = OAuthGrant.objects.get()

        answer = admin.get(back, follow=True)

        assert NOT_HERE in answer.content.decode()
        assert OAuthGrant.objects.get().refresh_token == first.refresh_token
        assert len(vendors.asked) == 1

    def test_in_another_browser_connects_nothing(
        self, admin: Client, dora: Agent, mailbox: Mailbox, vendors: Provider
    ) -> None:
        """Somebody sends an admin a link that would connect the mailbox to the sender's account."""
        back = visit(address_of(leave(admin, mailbox)))

        assert NOT_HERE in browser_of(dora).get(back, follow=True).content.decode()
        assert vendors.asked == []
        admin.get(back)
        assert OAuthGrant.objects.get().is_connected, "the attempt was not used up"

    def test_that_comes_too_late_connects_nothing(self, admin: Client, mailbox: Mailbox, vendors: Provider) -> None:
        back = visit(address_of(leave(admin, mailbox)))
        OAuthGrant.objects.update(attempt_until=timezone.now())

        assert NOT_HERE in admin.get(back, follow=True).content.decode()

    def test_of_an_earlier_attempt_connects_nothing(self, admin: Client, mailbox: Mailbox, vendors: Provider) -> None:
        early = visit(address_of(leave(admin, mailbox)))
        leave(admin, mailbox)

        assert NOT_HERE in admin.get(early, follow=True).content.decode()

    def test_with_a_code_for_another_login_connects_nothing(
        self, admin: Client, mailbox: Mailbox, vendors: Provider
    ) -> None:
        """Without PKCE the code of the sender's own login would do."""
        theirs = parse_qs(urlsplit(visit(address_of(leave(admin, mailbox)))).query)["code"][0]
        ours = parse_qs(urlsplit(address_of(leave(admin, mailbox))).query)["state"][0]

        admin.get("/channels/oauth/callback/", {"state": ours, "code": theirs})

        assert not OAuthGrant.objects.get().is_connected

    def test_shows_the_provider_s_words_as_words(self, admin: Client, mailbox: Mailbox, vendors: Provider) -> None:
        vendors.denies_with |= {
            "error": "access_denied<script>alert(1)</script>",
            "error_description": "<img src=x onerror=alert(2)>\r\nX-Header: 1 " + "long " * 1000,
        }

        admin.get(visit(address_of(leave(admin, mailbox))))

        shown = page(admin, mailbox)
        assert "did not give the permission" in shown
        assert "<script>alert" not in shown
        assert "&lt;img src=x onerror=alert(2)&gt; X-Header: 1" in shown
        assert len(OAuthGrant.objects.get().detail) < 400

    def test_leads_nowhere_else(self, admin: Client, mailbox: Mailbox, vendors: Provider) -> None:
        state = parse_qs(urlsplit(address_of(leave(admin, mailbox))).query)["state"][0]
        extra = {"next": "https://evil.example/", "redirect_uri": "https://evil.example/", "error": "x"}

        answer = admin.get("/channels/oauth/callback/", {"state": state, **extra})

        assert answer["Location"] == f"/channels/{mailbox.channel_id}/"


class TestTheListOfChannels:
    def test_says_that_a_mailbox_has_to_be_connected(
        self, admin: Client, grant: OAuthGrant, mailbox: Mailbox, vendors: Provider
    ) -> None:
        well = admin.get("/channels/").content.decode()
        OAuthGrant.objects.update(trouble="withdrawn")

        assert "no connection to its provider" not in well
        assert "no connection to its provider" in admin.get("/channels/").content.decode()
