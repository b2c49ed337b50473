"""Quarantine: mail that crashed the reader is shown without being read, and goes where a person says."""

from typing import Any

import pytest
from django.test import Client

from helpdesk import blobs, live
from helpdesk.actions import quarantine
from helpdesk.actions.quarantine import Decision
from helpdesk.models import Agent, Channel, Entry, InboundEvent, Message, Team
from tests import make
from tests.flows import desk

ODD = (
    b"Subject: =?utf-8?q?Lasku_v=C3=A4=C3=A4rin?=\r\nFrom: Ann <ann@customer.example>\r\n"
    b"Date: Mon, 02 Mar 2026 12:00:00 +0000\r\n\r\n<script>alert(1)</script>\xff\xfe"
)


@pytest.fixture
def event(channel: Channel) -> InboundEvent:
    return desk.quarantined(channel=channel, raw=ODD)


@pytest.fixture
def lead(client: Client, eli: Agent) -> Client:
    client.force_login(eli, backend="django.contrib.auth.backends.ModelBackend")
    return client


def decide(client: Client, decision: str, *events: InboundEvent, back: str = "") -> str:
    """Press a button; the page that one sees then."""
    values = {"decision": decision, "event": [each.pk for each in events], "back": back}
    return client.post("/quarantine/decide/", values, follow=True).content.decode()


class TestThePage:
    def test_says_why_in_a_sentence_and_what_helps(self, lead: Client, event: InboundEvent) -> None:
        assert "The reader crashed on it three times" in lead.get("/quarantine/").content.decode()

        page = lead.get(f"/quarantine/{event.pk}/").content.decode()
        assert "Tried 3 times; it stopped" in page
        assert "Try again after an update of the desk" in page

    @pytest.mark.parametrize("where", ["/quarantine/", "/quarantine/{}/"])
    def test_shows_what_people_know_a_mail_by(self, lead: Client, event: InboundEvent, where: str) -> None:
        page = lead.get(where.format(event.pk)).content.decode()

        assert "Lasku väärin" in page
        assert "Ann &lt;ann@customer.example&gt;" in page

    def test_shows_the_beginning_as_plain_characters(self, lead: Client, event: InboundEvent) -> None:
        page = lead.get(f"/quarantine/{event.pk}/").content.decode()

        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page

    def test_survives_a_file_that_is_gone(self, lead: Client, event: InboundEvent) -> None:
        blobs.path_of(event.blob).unlink()

        answer = lead.get(f"/quarantine/{event.pk}/")

        assert answer.status_code == 200
        assert "missing from the disk" in answer.content.decode()
        assert lead.get("/quarantine/").status_code == 200
        assert lead.get(f"/quarantine/{event.pk}/raw/").status_code == 404

    @pytest.mark.parametrize("raw", [b"", b"\x00" * 5000, b"Subject: " + b"=?utf-8?b?" * 900, b"\xff: \xff\r\n" * 99])
    def test_survives_rubbish(self, lead: Client, channel: Channel, raw: bytes) -> None:
        event = desk.quarantined(channel=channel, raw=raw)

        assert lead.get("/quarantine/").status_code == lead.get(f"/quarantine/{event.pk}/").status_code == 200

    def test_hands_out_the_bytes_as_they_came_as_a_file(self, lead: Client, event: InboundEvent) -> None:
        answer = lead.get(f"/quarantine/{event.pk}/raw/")

        assert answer.content == ODD
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment;")
        assert answer["X-Content-Type-Options"] == "nosniff"


class TestWhatIsNotInQuarantine:
    """A lead may read mail of any team while it is in quarantine, and none that isn't."""

    def test_never_shows_mail_that_became_a_message(self, lead: Client, channel: Channel) -> None:
        message = make.deliver(channel, make.mail())

        assert lead.get(f"/quarantine/{message.event_id}/").status_code == 404
        assert lead.get(f"/quarantine/{message.event_id}/raw/").status_code == 404

    def test_never_shows_mail_that_waits(self, lead: Client, channel: Channel) -> None:
        event = make.arrive(channel, ODD)

        assert lead.get(f"/quarantine/{event.pk}/").status_code == 404
        assert lead.get(f"/quarantine/{event.pk}/raw/").status_code == 404

    def test_shows_nothing_of_what_a_mail_says_while_it_is_read_again(self, lead: Client, event: InboundEvent) -> None:
        page = decide(lead, "retry", event, back="mail")

        assert "It is being read again" in page
        assert "Lasku" not in page + lead.get("/quarantine/?state=read").content.decode()
        assert lead.get(f"/quarantine/{event.pk}/raw/").status_code == 404

    def test_tells_a_lead_of_another_team_only_that_it_was_read(
        self, lead: Client, event: InboundEvent, tech: Team
    ) -> None:
        decide(lead, "retry", event)
        make.process_all()
        ticket = Message.objects.get(event=event).ticket
        ticket.team = tech
        ticket.save()

        for where in (f"/quarantine/{event.pk}/", "/quarantine/?state=read"):
            page = lead.get(where).content.decode()
            assert "a ticket of another team" in page
            assert "Lasku" not in page
            assert ticket.reference not in page


class TestWhatCanBeDone:
    def test_retry_makes_a_message_of_it_and_leads_to_its_ticket(
        self, lead: Client, event: InboundEvent, billing: Team
    ) -> None:
        decide(lead, "retry", event)
        make.process_all()

        event.refresh_from_db()
        ticket = Message.objects.get(event=event).ticket
        assert event.state == InboundEvent.State.DONE
        ticket.team = billing
        ticket.save()
        assert f"/tickets/{ticket.reference}/" in lead.get(f"/quarantine/{event.pk}/").content.decode()
        assert ticket.reference in lead.get("/quarantine/?state=read").content.decode()

    def test_open_as_plain_ticket_is_not_for_what_came_by_a_platform(self, lead: Client, event: InboundEvent) -> None:
        InboundEvent.objects.filter(pk=event.pk).update(is_social=True)

        page = lead.get(f"/quarantine/{event.pk}/").content.decode()
        decide(lead, "plain", event)

        assert 'value="retry"' in page
        assert 'value="plain"' not in page
        assert InboundEvent.objects.get(pk=event.pk).state == InboundEvent.State.QUARANTINED

    def test_open_as_plain_ticket_makes_one_without_reading_the_structure(
        self, lead: Client, event: InboundEvent
    ) -> None:
        decide(lead, "plain", event)
        make.process_all()

        event.refresh_from_db()
        assert (event.state, event.is_plain) == (InboundEvent.State.DONE, True)

    def test_discard_keeps_the_mail_and_offers_to_undo(self, lead: Client, event: InboundEvent) -> None:
        page = decide(lead, "discard", event)

        event.refresh_from_db()
        assert (event.state, event.reason) == (InboundEvent.State.IGNORED, InboundEvent.Reason.DISCARDED)
        assert blobs.get(event.blob) == ODD
        assert "Undo" in page
        assert "Lasku väärin" in lead.get("/quarantine/?state=discarded").content.decode()

    def test_undo_brings_it_back_as_it_was(self, lead: Client, event: InboundEvent) -> None:
        decide(lead, "discard", event)
        decide(lead, "bring-back", event)

        event.refresh_from_db()
        assert (event.state, event.reason) == (InboundEvent.State.QUARANTINED, InboundEvent.Reason.CRASHED)
        assert (event.attempts, event.former_reason, event.processed_at) == (3, "", None)

    def test_brings_back_nothing_that_nobody_discarded(self, lead: Client, channel: Channel) -> None:
        ours = make.arrive(channel, ODD)
        InboundEvent.objects.filter(pk=ours.pk).update(state="ignored", reason="own-mail")

        assert "Nothing was changed" in decide(lead, "bring-back", ours)

    def test_is_done_with_several_at_once(self, lead: Client, channel: Channel, event: InboundEvent) -> None:
        other, kept = (desk.quarantined(channel=channel, raw=ODD + bytes([65 + number])) for number in range(2))

        page = decide(lead, "discard", event, other)

        states = dict(InboundEvent.objects.values_list("pk", "state"))
        assert states == {event.pk: "ignored", other.pk: "ignored", kept.pk: "quarantined"}
        assert "2 mails are discarded" in page
        assert Entry.objects.get(kind=Entry.Kind.SETTINGS_CHANGED).data["name"] == f"#{event.pk}, #{other.pk}"

    def test_is_done_with_all_after_an_update(self, lead: Client, channel: Channel, event: InboundEvent) -> None:
        desk.quarantined(channel=channel, raw=ODD + b"A")
        discarded = desk.quarantined(channel=channel, raw=ODD + b"B")
        decide(lead, "discard", discarded)

        assert "2 mails are being read again" in decide(lead, "retry-all")
        assert not InboundEvent.objects.filter(state="quarantined").exists()
        discarded.refresh_from_db()
        assert discarded.state == InboundEvent.State.IGNORED

    def test_needs_a_choice(self, lead: Client, event: InboundEvent) -> None:
        assert "No mail was chosen" in decide(lead, "discard")
        assert lead.post("/quarantine/decide/", {"decision": "burn", "event": event.pk}).status_code == 404

    @pytest.mark.parametrize(
        ("kind", "bell"),
        [({}, live.INTAKE), ({"is_slow": True}, live.SLOW_INTAKE), ({"is_social": True}, live.SOCIAL_INTAKE)],
    )
    def test_retry_wakes_the_loop_that_reads_it(
        self,
        event: InboundEvent,
        eli: Agent,
        kind: dict[str, bool],
        bell: str,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        InboundEvent.objects.filter(pk=event.pk).update(**kind)
        bells = (live.INTAKE, live.SLOW_INTAKE, live.SOCIAL_INTAKE)
        for each in bells:
            live.bell(each).clear()

        with django_capture_on_commit_callbacks(execute=True):
            quarantine.decide(decision=Decision.RETRY, events=[event.pk], by=eli)

        assert [each for each in bells if live.bell(each).is_set()] == [bell]

    def test_is_written_down_once_when_two_people_press_it(self, event: InboundEvent, eli: Agent) -> None:
        done = [quarantine.decide(decision=Decision.RETRY, events=[event.pk], by=eli) for _ in range(2)]

        assert [list(each) for each in done] == [[event.pk], []]
        assert Entry.objects.filter(kind=Entry.Kind.SETTINGS_CHANGED).count() == 1

    def test_is_for_leads_only(self, ben: Agent, client: Client, event: InboundEvent) -> None:
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")

        assert client.post("/quarantine/decide/", {"decision": "retry-all"}).status_code == 403
        event.refresh_from_db()
        assert event.state == InboundEvent.State.QUARANTINED
