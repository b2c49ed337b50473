"""The seed of the demo: what stands in the desk afterwards is what the desk itself would have written.

Seeding takes seconds, so each test looks at one desk from several sides.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from helpdesk.demo import LOGIN, PASSWORD, NotEmpty, seed
from helpdesk.models import (
    Agent,
    Article,
    Attachment,
    Channel,
    Delivery,
    InboundEvent,
    Message,
    Rehearsal,
    RoutingDecision,
    State,
    Ticket,
)
from helpdesk.queries.search import search

pytestmark = pytest.mark.django_db


class TestSeed:
    def test_makes_a_lively_desk_in_the_past_and_sends_nothing(self, settings: Settings) -> None:
        seed()

        assert Ticket.objects.count() == 42
        assert Ticket.objects.values("contact").distinct().count() >= 14
        assert Ticket.objects.values("team").distinct().count() == 4
        assert Ticket.objects.filter(owner=None).exists()
        states = set(Ticket.objects.values_list("state", flat=True))
        assert {State.NEW, State.WAITING, State.SOLVED, State.CLOSED} <= states
        assert Attachment.objects.count() >= 8
        assert Article.objects.filter(is_published=True, slug="reset-password").count() == 2
        assert not Message.objects.filter(created_at__gt=timezone.now()).exists()
        assert set(Delivery.objects.values_list("state", flat=True)) == {Delivery.State.SENT}
        assert not Delivery.objects.filter(sent_at__gt=timezone.now()).exists()
        (tried,) = Rehearsal.objects.all()
        assert (tried.state, tried.tickets > 30, tried.changes.exists()) == ("done", True, True)
        assert not list(Path(settings.OUTGOING_DIR).glob("*.eml"))

    def test_goes_through_the_real_intake(self) -> None:
        call_command("seed_demo")

        mails = Message.objects.filter(
            kind__in=[Message.Kind.CUSTOMER, Message.Kind.MACHINE], ticket__channel__kind=Channel.Kind.EMAIL
        )
        assert not mails.filter(event=None).exists()
        assert set(InboundEvent.objects.values_list("state", flat=True)) == {InboundEvent.State.DONE}
        assert set(RoutingDecision.objects.values_list("rules_version", flat=True)) == {1}
        assert set(mails.values_list("verdict", flat=True)) == {Message.Verdict.VERIFIED}
        assert set(mails.values_list("threading", flat=True)) == {Message.Threading.NEW, Message.Threading.TOKEN}
        first = mails.get(subject="Salasana unohtui")
        assert first.acknowledgement == "full"
        letter = first.ticket.messages.get(kind=Message.Kind.AUTOMATIC)
        assert "/faq/fi/reset-password/" in letter.text
        assert first.ticket.reference in letter.text

    def test_lets_the_printed_login_in_just_after_midnight_and_happens_once(self) -> None:
        seed(now=datetime(2026, 3, 1, 22, 5, tzinfo=UTC))

        agent = Agent.objects.get(email=LOGIN)
        assert agent.check_password(PASSWORD)
        assert agent.is_admin
        assert Ticket.objects.count() == 42
        assert [hit.ticket.subject for hit in search(agent=agent, query="from:sjostrom åkeriet").hits] == [
            "Leverans av fem kajaker"
        ]
        with pytest.raises(NotEmpty):
            seed()
        with pytest.raises(CommandError, match="empty"):
            call_command("seed_demo")
