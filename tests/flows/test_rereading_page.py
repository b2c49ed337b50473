"""One mail read again in the console: leads see what differs, side by side, and may use it; agents may not."""

import pytest
from django.test import Client

from helpdesk import blobs
from helpdesk.models import Agent, Channel, Entry, Message, Team
from tests import make


@pytest.fixture
def message(channel: Channel, billing: Team) -> Message:
    """A mail in a ticket of billing whose text was stored otherwise than it reads today."""
    message = make.deliver(channel, make.mail(text="Where is parcel 2?\n\nIt should have been here on Monday.\n"))
    message.ticket.team = billing
    message.ticket.save()
    Message.objects.filter(pk=message.pk).update(text="Where is p=E4rcel 2?", subject="<b>Old</b> subject")
    message.refresh_from_db()
    return message


def client_of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


class TestReadingAgain:
    def test_shows_both_readings_and_changes_nothing(self, message: Message, eli: Agent) -> None:
        page = client_of(eli).get(f"/messages/{message.pk}/reread/").content.decode()

        assert "<del>Where is p=E4rcel 2?</del>" in page
        assert "<ins>Where is parcel 2?</ins>" in page
        assert "&lt;b&gt;Old&lt;/b&gt;" in page
        assert page.count("Stays as stored") == 1
        assert Message.objects.get(pk=message.pk).text == "Where is p=E4rcel 2?"

    def test_says_so_when_nothing_differs(self, channel: Channel, dora: Agent) -> None:
        message = make.deliver(channel, make.mail())

        page = client_of(dora).get(f"/messages/{message.pk}/reread/").content.decode()

        assert "Nothing differs" in page
        assert "Use today" not in page

    def test_says_why_it_can_not_be_read(self, message: Message, eli: Agent) -> None:
        assert message.event is not None
        blobs.path_of(message.event.blob).unlink()

        shown = client_of(eli).get(f"/messages/{message.pk}/reread/").content.decode()
        answer = client_of(eli).post(f"/messages/{message.pk}/reread/use/")

        assert "can't read this mail" in shown
        assert answer.headers["Location"] == f"/messages/{message.pk}/reread/"

    def test_is_used_by_one_click_and_written_down(self, message: Message, eli: Agent) -> None:
        answer = client_of(eli).post(f"/messages/{message.pk}/reread/use/", follow=True)

        message.refresh_from_db()
        assert message.text.startswith("Where is parcel 2?")
        assert message.subject == "<b>Old</b> subject"
        entry = Entry.objects.get(kind=Entry.Kind.MESSAGE_REREAD)
        assert (entry.agent, entry.ticket, entry.data["changed"]) == (eli, message.ticket, ["text"])
        assert "used today&#39;s reading of the mail of Ann Archer: Whole text" in answer.content.decode()


class TestWhoMay:
    def test_is_offered_to_leads_beside_the_source(self, message: Message, ben: Agent, eli: Agent) -> None:
        link = f"/messages/{message.pk}/reread/"

        assert link in client_of(eli).get(f"/messages/{message.pk}/source/").content.decode()
        assert link not in client_of(ben).get(f"/messages/{message.pk}/source/").content.decode()

    @pytest.mark.parametrize("what", ["reread/", "reread/use/"])
    def test_is_nobody_but_a_lead_who_sees_the_ticket(
        self, message: Message, ben: Agent, eli: Agent, tech: Team, what: str
    ) -> None:
        where = f"/messages/{message.pk}/{what}"
        assert client_of(ben).post(where).status_code == 403

        message.ticket.team = tech
        message.ticket.save()
        assert [client_of(eli).get(where).status_code, client_of(eli).post(where).status_code] == (
            [404, 405] if what == "reread/" else [405, 404]
        )
        message.refresh_from_db()
        assert message.text == "Where is p=E4rcel 2?"

    def test_offers_nothing_for_what_never_came_as_mail(self, message: Message, eli: Agent) -> None:
        ours = make.message(ticket=message.ticket, kind=Message.Kind.REPLY, text="Ours")

        assert client_of(eli).get(f"/messages/{ours.pk}/reread/").status_code == 404
