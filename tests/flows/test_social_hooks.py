"""Deliveries of social platforms: proved, stored before the answer, once, each item for itself."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from helpdesk.api import social_hooks
from helpdesk.intake import social
from helpdesk.models import InboundEvent, Message, Receipt, SocialPost, SocialTrouble, Ticket
from mail_gateway.errors import Temporary
from tests.flows.social_platforms import account, deliver, event, signed, work

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _desk(support: object) -> None:
    """There is a default team."""


class TestADelivery:
    def test_with_half_a_character_in_it_is_read_with_a_sign_that_it_is_missing(self) -> None:
        row = account()

        answer = deliver(row, event(id="a\ud83d", thread="b\ud83d", text="cut \ud83d"))
        work()

        assert answer.status_code == 200
        assert Message.objects.get(kind=Message.Kind.CUSTOMER).text == "cut \ufffd"

    def test_is_stored_before_it_is_answered_and_read_later(self) -> None:
        row = account()

        answer = deliver(row, event())

        assert answer.status_code == 200
        assert InboundEvent.objects.get().state == "waiting"
        assert not Ticket.objects.exists()
        row.refresh_from_db()
        assert row.last_event_at is not None

    @pytest.mark.parametrize(
        "proof",
        [
            dict,
            lambda: {"X-Luotsi-Timestamp": "1"},
            lambda: signed(b"other bytes"),
            lambda: signed(b"{}", secret="another secret, long enough"),
            lambda: signed(b"{}", at=time.time() - 310),
            lambda: signed(b"{}", at=time.time() + 330),
            lambda: signed(b"{}") | {"X-Luotsi-Timestamp": "٣"},
            lambda: signed(b"{}") | {"X-Luotsi-Signature": "sha256=ä"},
        ],
        ids=["unsigned", "half", "other bytes", "other secret", "old", "early", "odd digits", "odd signature"],
    )
    def test_without_proof_is_refused_and_shown_to_the_admin(self, proof: Callable[[], dict[str, str]]) -> None:
        row = account()

        answer = deliver(row, body=b"{}", headers=proof())

        assert answer.status_code == 403
        assert not InboundEvent.objects.exists()
        row.refresh_from_db()
        assert row.trouble == SocialTrouble.FORGED
        assert row.trouble_detail

    def test_of_an_account_without_a_secret_is_refused(self) -> None:
        row = account(secret="")

        answer = deliver(row, body=b"{}", headers=signed(b"{}", secret=""))

        assert answer.status_code == 403

    def test_beyond_the_limit_is_refused_unread(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(social_hooks, "MAX_BYTES", 1_000)
        row = account()

        answer = deliver(row, body=b"x" * 1_001)

        assert answer.status_code == 413
        row.refresh_from_db()
        assert row.trouble == SocialTrouble.TOO_LARGE

    def test_that_is_no_json_is_kept_whole_in_quarantine(self) -> None:
        row = account()

        answer = deliver(row, body=b"\xff not json")
        work()

        assert answer.status_code == 200
        kept = InboundEvent.objects.get()
        assert (kept.state, kept.reason) == ("quarantined", "unreadable")
        row.refresh_from_db()
        assert row.trouble == SocialTrouble.UNREADABLE

    def test_with_one_bad_item_keeps_the_good_ones(self) -> None:
        row = account()

        deliver(row, event("m1"), {"type": "message", "id": "m2"}, "rubbish", event("m3", text="And it is urgent."))
        work()

        assert [each.text[:5] for each in Message.objects.filter(kind="customer").order_by("id")] == ["Hello", "And i"]
        assert InboundEvent.objects.filter(state="quarantined", reason="unreadable").count() == 2

    def test_is_not_answered_yes_while_the_database_refuses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(**_values: object) -> None:
            raise Temporary("The database did not take it.") from OperationalError("locked")

        monkeypatch.setattr(social, "accept", refuse)

        assert deliver(account(), event()).status_code == 503

    def test_to_an_unknown_or_closed_address_finds_nobody(self) -> None:
        row = account()
        row.channel.is_active = False
        row.channel.save()

        assert deliver(row, event()).status_code == 404
        assert Client().get("/hooks/nobody/").status_code == 404

    def test_by_get_is_refused_where_the_platform_knows_no_handshake(self) -> None:
        assert Client().get(f"/hooks/{account().key}/?hub.challenge=1").status_code == 403


class TestTheSameAgain:
    def test_is_one_message_however_often_it_comes(self) -> None:
        row = account()

        deliver(row, event("m1"))
        work()
        deliver(row, event("m1"))
        deliver(row, event("m1", text="Hello, once more in other bytes."))
        work()

        assert Message.objects.filter(kind="customer").count() == 1
        assert Ticket.objects.count() == 1

    def test_is_known_after_thirty_days(self) -> None:
        row, first = account(), event("m1")
        deliver(row, first)
        work()
        InboundEvent.objects.update(received_at=timezone.now() - timedelta(days=31))
        Receipt.objects.update(received_at=timezone.now() - timedelta(days=31))
        Ticket.objects.update(state="closed")

        deliver(row, first)
        work()

        assert Message.objects.filter(kind="customer").count() == 1

    def test_in_the_same_delivery_is_one(self) -> None:
        row, first = account(), event("m1")

        deliver(row, first, first)
        work()

        assert Message.objects.filter(kind="customer").count() == 1

    def test_of_another_account_is_another_message(self) -> None:
        for name in ("One", "Two"):
            deliver(account(name=name), event("m1"))
        work()

        assert Message.objects.filter(kind="customer").count() == 2
        assert len({each.contact_id for each in Ticket.objects.all()}) == 2


class TestOutOfOrder:
    def test_a_deletion_before_its_message_wins(self) -> None:
        row = account()

        deliver(row, event("d1", type="deletion", refers_to="m1"))
        work()
        deliver(row, event("m1"))
        work()

        assert not Message.objects.filter(kind="customer").exists()
        assert SocialPost.objects.get().deleted_at is not None
        assert set(InboundEvent.objects.values_list("state", flat=True)) == {"done"}

    def test_an_edit_before_its_message_waits_for_it(self) -> None:
        row = account()

        deliver(row, event("e1", type="edit", refers_to="m1", text="I can log in again."))
        work()
        deliver(row, event("m1"))
        work()
        InboundEvent.objects.filter(state="waiting").update(next_attempt_at=timezone.now())
        work()

        assert Message.objects.get(kind="customer").text == "I can log in again."

    def test_the_older_of_two_edits_changes_nothing(self) -> None:
        row, now = account(), time.time()
        deliver(row, event("m1", at=now - 60))
        work()

        deliver(row, event("e2", type="edit", refers_to="m1", text="newest", at=now))
        deliver(row, event("e1", type="edit", refers_to="m1", text="older", at=now - 30))
        work()

        assert Message.objects.get(kind="customer").text == "newest"

    def test_what_tells_of_a_message_that_never_comes_rests_with_a_reason(self) -> None:
        row = account()
        deliver(row, event("r1", type="receipt", receipt="read", refers_to="never"))

        for _ in range(3):
            InboundEvent.objects.update(next_attempt_at=timezone.now())
            work()

        assert list(InboundEvent.objects.values_list("state", "reason")) == [("ignored", "unknown-message")]

    def test_json_that_is_too_deep_hurts_nobody(self) -> None:
        row = account()

        answer = deliver(row, body=b"[" * 100_000)
        deliver(row, event())
        work()

        assert answer.status_code == 200
        assert Message.objects.filter(kind="customer").count() == 1
