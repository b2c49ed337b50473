"""The desk with a mailbox that logs in by a permission: it fetches from a real Dovecot, and sends, with tokens."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from helpdesk import outbox
from helpdesk.actions import grants
from helpdesk.connectors import email_imap, oauth
from helpdesk.connectors.oauth import Server
from helpdesk.console.connection_trial import try_out
from helpdesk.management.loops import take_in
from helpdesk.models import Channel, Delivery, FolderState, InboundEvent, Mailbox, OAuthGrant
from tests import make
from tests.flows.outgoing import NOW, queue
from tests.servers.desk_process import until
from tests.servers.dovecot import Dovecot
from tests.servers.oauth_provider import Provider
from tests.servers.smtp_server import ScriptedServer, serve
from tests.servers.test_tokens import HOUR, connected

REAL_ROWS = pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)


@pytest.fixture
def sink() -> Iterator[ScriptedServer]:
    with serve({"EHLO": ["AUTH XOAUTH2"]}) as server:
        yield server


@pytest.fixture
def account(vendors: Provider, dovecot: Dovecot, sink: ScriptedServer, settings: Settings) -> str:
    """A user of the mail servers, which are on this machine."""
    there = {
        "imap": Server("127.0.0.1", dovecot.port, "none"),
        "smtp": Server("127.0.0.1", sink.port, "none"),
    }
    settings.OAUTH_VENDORS = {name: doors | there for name, doors in settings.OAUTH_VENDORS.items()}
    return f"user-{uuid4().hex[:8]}"


@pytest.fixture
def grant(mailbox: Mailbox, vendors: Provider, account: str) -> OAuthGrant:
    made = connected(mailbox, vendors, account=account)
    Mailbox.objects.update(imap_started_at=timezone.now(), import_since=datetime(2026, 1, 1, tzinfo=UTC))
    return made


def connect_again(grant: OAuthGrant, provider: Provider) -> None:
    tokens = oauth.Tokens(*provider.issue(grant.account), HOUR)
    assert grants.connect(grant=OAuthGrant.objects.get(pk=grant.pk), tokens=tokens, by=None)


@dataclass
class Fetching:
    """The loops that follow mailboxes, in a thread."""

    stop: threading.Event
    thread: threading.Thread


@pytest.fixture
def fetching(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fetching]:
    monkeypatch.setattr(email_imap, "LOOK_SECONDS", 0.05)
    stop = threading.Event()

    def run() -> None:
        try:
            email_imap.follow_all(stop, take_in=take_in, owner="test:1")
        finally:
            connections.close_all()

    running = Fetching(stop, threading.Thread(target=run))
    yield running
    stop.set()
    if running.thread.ident is not None:
        running.thread.join(20)


@REAL_ROWS
class TestFetching:
    def test_takes_mail_with_a_token_that_it_has_renewed(
        self, grant: OAuthGrant, dovecot: Dovecot, vendors: Provider, fetching: Fetching
    ) -> None:
        dovecot.deliver(grant.account, make.mail())
        OAuthGrant.objects.update(expires_at=timezone.now())

        fetching.thread.start()

        until(InboundEvent.objects.exists)
        assert len(vendors.asked) == 1

    def test_renews_a_token_that_ended_before_its_time(
        self, grant: OAuthGrant, dovecot: Dovecot, vendors: Provider, fetching: Fetching
    ) -> None:
        dovecot.deliver(grant.account, make.mail())
        vendors.forget_access(grant.account)

        fetching.thread.start()

        until(InboundEvent.objects.exists)
        assert len(vendors.asked) == 1

    def test_waits_for_a_person_when_the_permission_is_withdrawn_and_goes_on_at_once(
        self, grant: OAuthGrant, dovecot: Dovecot, vendors: Provider, fetching: Fetching
    ) -> None:
        dovecot.deliver(grant.account, make.mail())
        vendors.withdraw(grant.account)
        fetching.thread.start()
        until(FolderState.objects.filter(phase="refused").exists)
        asked = len(vendors.asked)
        trouble = FolderState.objects.get().error

        connect_again(grant, vendors)

        until(InboundEvent.objects.exists)
        assert "Connect the mailbox again" in trouble
        assert asked == 1, "it is not asked again and again"


class TestSending:
    def test_hands_mail_over_with_a_token(
        self, grant: OAuthGrant, channel: Channel, sink: ScriptedServer, vendors: Provider
    ) -> None:
        delivery = queue(channel)

        outbox.deliver_due(NOW)

        delivery.refresh_from_db()
        assert delivery.state == Delivery.State.SENT
        assert any(command.startswith("AUTH XOAUTH2") for command in sink.commands)

    def test_pauses_when_the_permission_is_withdrawn_and_burns_no_attempt(
        self, grant: OAuthGrant, channel: Channel, sink: ScriptedServer, vendors: Provider
    ) -> None:
        delivery = queue(channel)
        vendors.withdraw(grant.account)
        OAuthGrant.objects.update(expires_at=NOW)

        outbox.deliver_due(NOW)

        delivery.refresh_from_db()
        channel.refresh_from_db()
        assert "Connect the mailbox again" in channel.paused_reason
        assert (delivery.state, delivery.attempts) == (Delivery.State.QUEUED, 0)
        connect_again(grant, vendors)
        outbox.deliver_due(NOW)
        assert len(sink.taken) == 1

    def test_is_tried_later_while_the_provider_is_down(
        self, grant: OAuthGrant, channel: Channel, sink: ScriptedServer, settings: Settings
    ) -> None:
        delivery = queue(channel)
        OAuthGrant.objects.update(expires_at=NOW)
        settings.HTTP_INNER_HOSTS = frozenset()  # the provider is on this machine, where no request may go now

        outbox.deliver_due(NOW)

        delivery.refresh_from_db()
        channel.refresh_from_db()
        assert (delivery.state, channel.paused_reason) == (Delivery.State.RETRY, "")
        assert sink.commands == []


class TestTryingItOut:
    def test_tells_what_would_happen(self, grant: OAuthGrant, dovecot: Dovecot) -> None:
        dovecot.deliver(grant.account, make.mail())

        incoming, outgoing = try_out(Mailbox.objects.get())

        assert (incoming.is_good, outgoing.is_good) == (True, True)
        assert "1 mail lies in INBOX." in incoming.sentences

    def test_tells_that_the_account_is_not_let_in(self, grant: OAuthGrant, dovecot: Dovecot) -> None:
        OAuthGrant.objects.update(account="somebody-else")

        incoming, _outgoing = try_out(Mailbox.objects.get())

        assert "its provider's permission" in incoming.sentences[0]


class TestATokenGoesNowhereElse:
    def test_whatever_the_row_of_the_mailbox_says(
        self, grant: OAuthGrant, channel: Channel, sink: ScriptedServer
    ) -> None:
        with serve({"EHLO": ["AUTH XOAUTH2"]}) as thief:
            Mailbox.objects.update(smtp_host="127.0.0.1", smtp_port=thief.port, smtp_security="none")
            queue(channel)
            outbox.deliver_due(NOW)

        assert thief.commands == []
        assert len(sink.taken) == 1
