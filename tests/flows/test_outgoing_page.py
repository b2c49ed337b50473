"""Outgoing mail by hand: release, retry, discard; and the pages that show it."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from helpdesk import live
from helpdesk.actions import mailroom
from helpdesk.models import Agent, Breaker, Channel, Delivery, Entry, Identity, Team, Ticket
from helpdesk.models.transport import DeliveryState
from helpdesk.queries import mailroom as reads
from tests import make
from tests.flows import desk


@pytest.fixture
def ticket(channel: Channel, billing: Team, ann: Identity) -> Ticket:
    return make.ticket(channel=channel, team=billing, identity=ann)


@pytest.fixture
def lead(client: Client, eli: Agent) -> Client:
    client.force_login(eli, backend="django.contrib.auth.backends.ModelBackend")
    return client


class TestRelease:
    def test_queues_what_was_held_wakes_the_outbox_and_writes_it_down(
        self, ticket: Ticket, eli: Agent, django_capture_on_commit_callbacks: Any
    ) -> None:
        held = desk.delivery(ticket=ticket, state=DeliveryState.HELD)
        live.bell(live.OUTBOX).clear()

        with django_capture_on_commit_callbacks(execute=True):
            assert mailroom.release(delivery=held, by=eli)

        held.refresh_from_db()
        assert held.state == DeliveryState.QUEUED
        assert live.bell(live.OUTBOX).is_set()
        entry = Entry.objects.get(kind=Entry.Kind.DELIVERY_CHANGED)
        assert (entry.agent, entry.ticket, entry.data["from"]) == (eli, ticket, "held")

    def test_happens_once_when_two_people_press_it(self, ticket: Ticket, eli: Agent) -> None:
        held = desk.delivery(ticket=ticket, state=DeliveryState.HELD)

        assert [mailroom.release(delivery=held, by=eli) for _ in range(2)] == [True, False]
        assert Entry.objects.count() == 1

    def test_of_everything_leaves_other_states_alone(self, ticket: Ticket, eli: Agent) -> None:
        for state in DeliveryState:
            desk.delivery(ticket=ticket, state=state)

        assert mailroom.release_held(by=eli) == 1
        assert Delivery.objects.filter(state=DeliveryState.QUEUED).count() == 2
        assert Delivery.objects.filter(state=DeliveryState.FAILED).count() == 1


class TestRetry:
    @pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.RETRY])
    def test_gives_all_attempts_back_and_keeps_the_bytes(
        self, lead: Client, ticket: Ticket, state: DeliveryState
    ) -> None:
        delivery = desk.delivery(ticket=ticket, state=state, attempts=7, error="451 later")
        before = bytes(delivery.mime)

        lead.post(f"/outgoing/{delivery.pk}/retry/")

        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts, delivery.error) == (DeliveryState.QUEUED, 0, "")
        assert bytes(delivery.mime) == before

    @pytest.mark.parametrize("state", [DeliveryState.SENT, DeliveryState.SENDING, DeliveryState.CANCELLED])
    def test_never_sends_again_what_is_gone(self, lead: Client, ticket: Ticket, state: DeliveryState) -> None:
        delivery = desk.delivery(ticket=ticket, state=state)

        lead.post(f"/outgoing/{delivery.pk}/retry/")

        delivery.refresh_from_db()
        assert delivery.state == state


class TestDiscard:
    def test_cancels_a_held_mail(self, lead: Client, ticket: Ticket) -> None:
        delivery = desk.delivery(ticket=ticket, state=DeliveryState.HELD)

        lead.post(f"/outgoing/{delivery.pk}/discard/")

        delivery.refresh_from_db()
        assert delivery.state == DeliveryState.CANCELLED

    def test_comes_too_late_for_a_sent_one(self, eli: Agent, ticket: Ticket) -> None:
        assert not mailroom.discard(delivery=desk.delivery(ticket=ticket, state=DeliveryState.SENT), by=eli)

    def test_is_not_for_agents(self, client: Client, ben: Agent, ticket: Ticket) -> None:
        delivery = desk.delivery(ticket=ticket, state=DeliveryState.HELD)
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")

        assert client.post(f"/outgoing/{delivery.pk}/discard/").status_code == 403
        assert client.post("/outgoing/held/", {"verb": "discard"}).status_code == 403


class TestWhatABreakerHolds:
    @pytest.fixture
    def tripped(self, channel: Channel, ticket: Ticket) -> Channel:
        """The mailbox's breaker, tripped just now, with two mails behind it."""
        Breaker.objects.create(channel=channel, tripped_at=timezone.now())
        for _ in range(2):
            desk.delivery(ticket=ticket, state=DeliveryState.HELD, is_automatic=True)
        return channel

    def test_stands_at_the_head_of_its_page_with_the_gauges(self, lead: Client, tripped: Channel) -> None:
        page = lead.get("/outgoing/?state=held").content.decode()

        assert "0 of 5000" in page
        assert "0 of 10000" in page
        assert "2 mails are held" in page
        assert "Held back until" in page

    def test_is_released_for_one_mailbox_at_a_click(self, lead: Client, tripped: Channel, tech: Team) -> None:
        sales = make.mailbox("sales@desk.example").channel
        elsewhere = desk.delivery(
            ticket=make.ticket(channel=sales, team=Team.objects.get(slug="billing")), state=DeliveryState.HELD
        )

        answer = lead.post("/outgoing/held/", {"verb": "release", "channel": tripped.pk})

        assert answer["Location"] == "/outgoing/?state=held"
        assert Delivery.objects.filter(channel=tripped, state=DeliveryState.QUEUED).count() == 2
        elsewhere.refresh_from_db()
        assert elsewhere.state == DeliveryState.HELD
        assert Entry.objects.filter(kind=Entry.Kind.DELIVERY_CHANGED).count() == 2

    def test_of_other_teams_stays_held_when_a_lead_clicks(self, lead: Client, channel: Channel, tech: Team) -> None:
        hidden = desk.delivery(ticket=make.ticket(channel=channel, team=tech), state=DeliveryState.HELD)

        lead.post("/outgoing/held/", {"verb": "discard"})

        hidden.refresh_from_db()
        assert hidden.state == DeliveryState.HELD

    def test_goes_one_by_one_too(self, lead: Client, tripped: Channel) -> None:
        one = Delivery.objects.order_by("pk")[0]

        answer = lead.post(f"/outgoing/{one.pk}/release/", {"back": "held"})

        assert answer["Location"] == "/outgoing/?state=held"
        assert sorted(Delivery.objects.values_list("state", flat=True)) == ["held", "queued"]

    def test_stays_when_an_admin_closes_the_breaker_early(self, client: Client, dora: Agent, tripped: Channel) -> None:
        client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")

        client.post("/outgoing/breaker/", {"channel": tripped.pk})

        assert Breaker.objects.get().tripped_at is None
        assert Delivery.objects.filter(state=DeliveryState.HELD).count() == 2

    def test_is_no_leads_business_to_end(self, lead: Client, tripped: Channel) -> None:
        assert lead.post("/outgoing/breaker/", {"channel": tripped.pk}).status_code == 403

    @pytest.mark.parametrize("channel_id", ["0", "x", "99999"])
    def test_knows_no_other_channels(self, lead: Client, tripped: Channel, channel_id: str) -> None:
        assert lead.post("/outgoing/held/", {"verb": "discard", "channel": channel_id}).status_code == 404


class TestPaging:
    def test_goes_back_and_forth_without_loss(self, eli: Agent, ticket: Ticket) -> None:
        ids = [desk.delivery(ticket=ticket).pk for _ in range(5)][::-1]

        first = reads.outgoing(agent=eli, size=2)
        second = reads.outgoing(agent=eli, key=reads.Key(before=first.older), size=2)
        third = reads.outgoing(agent=eli, key=reads.Key(before=second.older), size=2)
        back = reads.outgoing(agent=eli, key=reads.Key(after=third.newer), size=2)

        assert [row.pk for page in (first, second, third) for row in page.rows] == ids
        assert (first.newer, third.older) == (None, None)
        assert [row.pk for row in back.rows] == [row.pk for row in second.rows]

    def test_reads_no_mail_bytes_for_a_list(
        self, lead: Client, ticket: Ticket, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(20):
            desk.delivery(ticket=ticket)

        with django_assert_max_num_queries(8) as queries:
            lead.get("/outgoing/")

        assert not any('"mime"' in query["sql"] for query in queries.captured_queries)

    @pytest.mark.parametrize("key", ["x", "-1", "9" * 30, "٣", ""])
    def test_takes_a_key_that_is_none_as_the_newest_page(self, lead: Client, ticket: Ticket, key: str) -> None:
        desk.delivery(ticket=ticket)

        assert "Our answer" in lead.get("/outgoing/", {"before": key}).content.decode()


class TestOneMail:
    def test_shows_headers_and_text_as_text(self, lead: Client, ticket: Ticket) -> None:
        raw = make.mail(
            sender="support@desk.example", to="ann@customer.example", subject="<b>", text="<script>x</script>"
        )
        delivery = desk.delivery(ticket=ticket, mime=raw, subject="<b>bold</b>")

        page = lead.get(f"/outgoing/{delivery.pk}/").content.decode()

        assert "&lt;script&gt;x" in page
        assert "<b>bold" not in page
        assert "support@desk.example" in page

    def test_is_handed_out_as_bytes_that_nothing_renders(self, lead: Client, ticket: Ticket) -> None:
        delivery = desk.delivery(ticket=ticket)

        answer = lead.get(f"/outgoing/{delivery.pk}/raw/")

        assert answer.content == bytes(delivery.mime)
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answer["Content-Security-Policy"]


class TestResumeChannel:
    def test_clears_the_reason_and_lets_the_waiting_go(self, dora: Agent, ticket: Ticket, channel: Channel) -> None:
        Channel.objects.update(paused_reason="The login was refused.")
        channel.refresh_from_db()
        waiting = desk.delivery(ticket=ticket, state=DeliveryState.RETRY)
        at = make.NOON.replace(hour=9)

        assert mailroom.resume_channel(channel=channel, by=dora, at=at)

        channel.refresh_from_db()
        waiting.refresh_from_db()
        assert channel.paused_reason == ""
        assert waiting.next_attempt_at == at
        assert Entry.objects.get().data["change"] == "resumed"
