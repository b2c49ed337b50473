"""The seed of the demo: what stands in the desk afterwards is what the desk itself would have written.

Seeding takes seconds, so each test looks at one desk from several sides.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Never

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from helpdesk.actions import social_replies
from helpdesk.connectors import http
from helpdesk.demo import LOGIN, PASSWORD, NotEmpty, seed
from helpdesk.intake import social_care, social_polling
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
    SocialAccount,
    State,
    Ticket,
)
from helpdesk.outbox import deliver_due
from helpdesk.queries.search import search
from helpdesk.queries.social import way_of
from helpdesk.queries.troubles import of_accounts, of_sending

pytestmark = pytest.mark.django_db


class TestSeed:
    def test_makes_a_lively_desk_in_the_past_and_sends_nothing(self, settings: Settings) -> None:
        seed()

        assert Ticket.objects.count() == 46
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
        assert Ticket.objects.count() == 46
        assert [hit.ticket.subject for hit in search(agent=agent, query="from:sjostrom åkeriet").hits] == [
            "Leverans av fem kajaker"
        ]
        with pytest.raises(NotEmpty):
            seed()
        with pytest.raises(CommandError, match="empty"):
            call_command("seed_demo")


class TestItsSocialChannels:
    def test_have_conversations_of_every_sort_and_ask_and_send_nothing_outside(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def outside(host: str, *_more: object) -> Never:
            raise AssertionError(f"the demo asked {host}")

        monkeypatch.setattr(http, "_addresses", outside)  # the door's only way to a host
        seed()

        now = timezone.now()
        tickets = {each.channel.kind: each for each in Ticket.objects.filter(social_threads__isnull=False)}
        ways = {kind: way_of(ticket) for kind, ticket in tickets.items()}
        assert {kind: way.is_open(now) for kind, way in ways.items() if way is not None} == {
            "telegram": True, "instagram": True, "whatsapp": False, "mastodon": True,
        }  # fmt: skip
        assert [kind for kind, way in ways.items() if way is not None and way.is_public] == ["mastodon"]
        assert (
            tickets["telegram"].contact == Ticket.objects.filter(contact__name="Mary Whitfield").earliest("id").contact
        )

        assert social_polling.accounts_due() == []
        assert social_care.look_after_all(now=now + timedelta(days=2)) == 4
        agent = Agent.objects.get(email=LOGIN)
        answer = social_replies.reply(
            ticket=tickets["instagram"], agent=agent, text="In 40 litres too.", seen_cursor=0, is_forced=True, at=now
        )
        deliver_due(now + timedelta(minutes=1))

        assert Delivery.objects.get(message=answer).state == Delivery.State.SENT
        assert set(SocialAccount.objects.values_list("trouble", flat=True)) == {""}
        assert SocialAccount.objects.get(provider="whatsapp").templates.count() == 3
        assert [*of_accounts(now=now), *of_sending(now=now)] == []
