"""Access tokens of a grant: kept while they last, renewed once whoever asks, and never lost."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connections
from django.utils import timezone

from helpdesk.actions import grants
from helpdesk.connectors import oauth, tokens
from helpdesk.models import GrantTrouble, Mailbox, OAuthGrant
from helpdesk.queries.oauth import connection
from mail_gateway.errors import LoginRefused, Temporary
from tests.servers.desk_process import until
from tests.servers.oauth_provider import CLIENT_ID, CLIENT_SECRET, Provider, says

HOUR = timedelta(hours=1)


@pytest.fixture
def grant(mailbox: Mailbox, vendors: Provider) -> OAuthGrant:
    """A mailbox that was connected ten minutes ago, for an hour."""
    return connected(mailbox, vendors)


def connected(mailbox: Mailbox, provider: Provider, *, account: str = "support@desk.example") -> OAuthGrant:
    client = grants.Client(
        provider="google", client_id=CLIENT_ID, client_secret=CLIENT_SECRET, account=account, tenant=""
    )
    grant = grants.use_provider(mailbox=mailbox, client=client, by=None)
    given = oauth.Tokens(*provider.issue(account), HOUR)
    grants.connect(grant=grant, tokens=given, by=None, at=timezone.now() - timedelta(minutes=10))
    return OAuthGrant.objects.get(pk=grant.pk)


def expire(grant: OAuthGrant, *, minutes: float = -1.0) -> None:
    OAuthGrant.objects.filter(pk=grant.pk).update(expires_at=timezone.now() + timedelta(minutes=minutes))


def token_of(grant: OAuthGrant, **how: Any) -> str:
    return tokens.access_token(grant_id=grant.pk, **how)


class TestAToken:
    def test_is_taken_from_the_row_while_it_lasts(self, grant: OAuthGrant, vendors: Provider) -> None:
        assert token_of(grant) == grant.access_token
        expire(grant, minutes=5.5)
        assert token_of(grant) == grant.access_token
        assert vendors.asked == []

    def test_is_renewed_five_minutes_before_its_end(self, grant: OAuthGrant, vendors: Provider) -> None:
        expire(grant, minutes=4.5)

        renewed = token_of(grant)

        stored = OAuthGrant.objects.get()
        assert renewed == stored.access_token != grant.access_token
        assert vendors.owner_of(renewed) == "support@desk.example"
        assert stored.refresh_token in vendors.refresh, "the provider changes it at each use"
        assert stored.lease_until is None

    def test_is_renewed_again_and_again(self, grant: OAuthGrant, vendors: Provider) -> None:
        for _ in range(3):
            expire(grant)
            assert vendors.owner_of(token_of(grant))

    def test_with_a_short_life_is_not_renewed_at_each_login(self, grant: OAuthGrant, vendors: Provider) -> None:
        vendors.lifetime_s = 120
        expire(grant)

        assert token_of(grant) == token_of(grant)
        assert len(vendors.asked) == 1

    def test_that_a_server_refuses_is_renewed_though_it_looks_good(self, grant: OAuthGrant, vendors: Provider) -> None:
        newer = token_of(grant, refused=grant.access_token)

        assert newer != grant.access_token
        assert token_of(grant, refused=grant.access_token) == newer, "somebody has renewed it already"
        assert len(vendors.asked) == 1

    def test_keeps_the_refresh_token_where_the_provider_sends_none(self, grant: OAuthGrant, vendors: Provider) -> None:
        vendors.forgets_refresh_token = True
        expire(grant)

        token_of(grant)

        assert OAuthGrant.objects.get().refresh_token == grant.refresh_token

    def test_is_for_connected_mailboxes(self, grant: OAuthGrant, vendors: Provider) -> None:
        grants.disconnect(grant=grant, by=None)

        with pytest.raises(LoginRefused, match="Connect it on its page"):
            token_of(grant)
        assert vendors.asked == []


class TestAProviderInTrouble:
    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (500, b"<html>oops"),
            (503, b'{"error": "temporarily_unavailable"}'),
            (429, b'{"error": "slow_down"}'),
            (500, b'{"error": "invalid_grant"}'),
            (200, b"<html>Log in to the hotel's network"),
            (200, b'{"access_token": ""}'),
            (200, b"[" * 100_000),
            (200, b"x" * 2_000_000),
            (302, b""),
            (400, b"not json"),
        ],
    )
    def test_is_asked_again_later(self, grant: OAuthGrant, vendors: Provider, status: int, body: bytes) -> None:
        vendors.mood = says(status, body)
        expire(grant)

        with pytest.raises(Temporary):
            token_of(grant)

        stored = OAuthGrant.objects.get()
        assert (stored.trouble, stored.refresh_token) == (GrantTrouble.UNREACHABLE, grant.refresh_token)
        assert stored.needs_attention(now=timezone.now())
        vendors.mood = None
        assert vendors.owner_of(token_of(grant))
        assert OAuthGrant.objects.get().trouble == ""

    def test_does_not_matter_while_the_token_lasts(self, grant: OAuthGrant, vendors: Provider) -> None:
        vendors.mood = says(500, b"")
        expire(grant, minutes=2)

        assert token_of(grant) == grant.access_token
        assert not OAuthGrant.objects.get().needs_attention(now=timezone.now())

    def test_has_withdrawn_the_permission(self, grant: OAuthGrant, vendors: Provider) -> None:
        vendors.withdraw("support@desk.example")
        expire(grant)

        with pytest.raises(LoginRefused, match=r"Connect the mailbox again\. \(invalid_grant") as refusal:
            token_of(grant)

        told = connection(OAuthGrant.objects.get(), now=timezone.now())
        assert told.needs_attention
        assert "was withdrawn" in told.trouble
        assert grant.refresh_token not in str(refusal.value) + told.detail

    def test_no_longer_takes_the_client_secret(self, grant: OAuthGrant, vendors: Provider) -> None:
        OAuthGrant.objects.update(client_secret="of last year")
        expire(grant)

        with pytest.raises(LoginRefused, match="does not accept the client ID or secret"):
            token_of(grant)

        assert OAuthGrant.objects.get().trouble == GrantTrouble.CLIENT
        assert OAuthGrant.objects.get().refresh_token == grant.refresh_token


class TestWhoeverHoldsTheLease:
    def test_who_died_with_it_is_waited_for_in_vain(
        self, grant: OAuthGrant, vendors: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tokens, "PATIENCE_SECONDS", 0.1)
        expire(grant)
        OAuthGrant.objects.update(lease_until=timezone.now() + timedelta(seconds=30))

        with pytest.raises(Temporary, match="Somebody else"):
            token_of(grant)

        OAuthGrant.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert vendors.owner_of(token_of(grant))

    def test_tries_again_to_store_what_only_it_has(
        self, grant: OAuthGrant, vendors: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, refusals = tokens._unchanged, [OperationalError("database is locked")] * 3

        def locked(row: OAuthGrant) -> Any:
            if vendors.asked and refusals:
                raise refusals.pop()
            return real(row)

        monkeypatch.setattr(tokens, "_STORE_WAIT_SECONDS", 0.0)
        monkeypatch.setattr(tokens, "_unchanged", locked)
        expire(grant)

        token_of(grant)

        assert refusals == []
        assert OAuthGrant.objects.get().refresh_token in vendors.refresh


def in_threads(count: int, work: Callable[[], str]) -> list[str]:
    """Run it ``count`` times at once, each with a connection of its own."""

    def one(_: int) -> str:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)
class TestManyAtOnce:
    def test_ask_the_provider_once(self, grant: OAuthGrant, vendors: Provider) -> None:
        expire(grant)

        found = in_threads(6, lambda: token_of(grant))

        assert len(set(found)) == 1
        assert len(vendors.asked) == 1
        assert vendors.owner_of(found[0])

    def test_find_the_newer_token_when_theirs_was_refused(self, grant: OAuthGrant, vendors: Provider) -> None:
        found = in_threads(4, lambda: token_of(grant, refused=grant.access_token))

        assert len(set(found)) == 1
        assert len(vendors.asked) == 1

    def test_do_not_store_over_what_a_person_has_connected_meanwhile(
        self, grant: OAuthGrant, vendors: Provider
    ) -> None:
        access, refresh = vendors.issue("support@desk.example")

        found = renewed_while(
            grant, vendors, lambda: grants.connect(grant=grant, tokens=oauth.Tokens(access, refresh, HOUR), by=None)
        )

        assert found == [access]
        assert OAuthGrant.objects.get().refresh_token == refresh

    def test_bring_nothing_back_after_a_person_has_disconnected(self, grant: OAuthGrant, vendors: Provider) -> None:
        found = renewed_while(grant, vendors, lambda: grants.disconnect(grant=grant, by=None))

        assert found == ["The mailbox is not connected to its provider. Connect it on its page."]
        assert OAuthGrant.objects.get().refresh_token == ""

    def test_lose_nothing_when_a_person_changes_the_secret_meanwhile(
        self, grant: OAuthGrant, mailbox: Mailbox, vendors: Provider
    ) -> None:
        client = grants.Client("google", CLIENT_ID, grant.account, client_secret="a newer one")

        renewed_while(grant, vendors, lambda: grants.use_provider(mailbox=mailbox, client=client, by=None))

        stored = OAuthGrant.objects.get()
        assert stored.refresh_token in vendors.refresh, "the one before it is worth nothing any more"
        assert stored.client_secret == "a newer one"


def renewed_while(grant: OAuthGrant, provider: Provider, change: Callable[[], object]) -> list[str]:
    """The token, or why there was none, of somebody who waits for the provider while ``change`` is made."""
    expire(grant)
    provider.gate.clear()
    found: list[str] = []

    def ask() -> str:
        try:
            return token_of(grant)
        except LoginRefused as refusal:
            return str(refusal)

    renewing = threading.Thread(target=lambda: found.extend(in_threads(1, ask)))
    renewing.start()
    until(lambda: provider.asked)
    change()
    provider.gate.set()
    renewing.join(20)
    return found
