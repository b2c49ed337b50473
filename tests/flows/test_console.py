"""The console's pages without scripts: what each agent sees, may change, and gets when it can't be."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from helpdesk import blobs
from helpdesk.actions import replies
from helpdesk.models import (
    Agent,
    Attachment,
    Channel,
    Draft,
    Entry,
    Identity,
    Membership,
    Message,
    Reading,
    State,
    Team,
    Template,
    Ticket,
)
from helpdesk.queries import inbox
from helpdesk.queries.inbox import View
from helpdesk.text import sanitise
from tests import make
from tests.make import NOON

FRAGMENT = {"HX-Request": "true"}


def client_of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def ticket(channel: Channel, billing: Team, ann: Identity) -> Ticket:
    row = make.ticket(channel=channel, team=billing, identity=ann, subject="Charged twice")
    make.message(ticket=row, text="Hello, I was charged twice.", contact=ann.contact, sender_address=ann.value)
    return row


class TestInboxPage:
    def test_pages_by_key_without_losing_or_doubling_a_row(
        self, channel: Channel, billing: Team, tech: Team, ben: Agent
    ) -> None:
        for number in range(7):
            make.ticket(channel=channel, team=billing, at=NOON - timedelta(hours=number // 2))
            make.ticket(channel=channel, team=tech)

        seen: list[int] = []
        after = ""
        while True:
            page = inbox.page(agent=ben, view=View.TEAMS, after=after, limit=3)
            seen += [row.id for row in page.rows]
            if not page.older:
                break
            after = page.older

        mine = Ticket.objects.filter(team=billing).order_by("-last_activity_at", "-id")
        assert seen == list(mine.values_list("pk", flat=True))

    @pytest.mark.parametrize("key", ["x", "12", "-", "1-", "-1", "9" * 39, "1-9223372036854775808999", "²-²"])
    def test_takes_a_made_up_key_for_the_first_page(self, ben: Agent, ticket: Ticket, key: str) -> None:
        answer = client_of(ben).get("/inbox/teams/", {"after": key})

        assert answer.status_code == 200

    @pytest.mark.parametrize(
        ("view", "state", "expected"),
        [
            (View.MINE, "active", {"mine"}),
            (View.TEAMS, "active", {"mine", "nobody's"}),
            (View.UNASSIGNED, "active", {"nobody's"}),
            (View.TEAMS, "solved", {"solved"}),
            (View.ALL, "every", {"mine", "nobody's", "solved"}),
        ],
    )
    def test_shows_each_view_what_belongs_to_it(
        self, channel: Channel, billing: Team, tech: Team, ben: Agent, view: View, state: str, expected: set[str]
    ) -> None:
        make.ticket(channel=channel, team=billing, owner=ben, subject="mine")
        make.ticket(channel=channel, team=billing, subject="nobody's")
        make.ticket(channel=channel, team=billing, subject="solved", state=State.SOLVED)
        make.ticket(channel=channel, team=tech, subject="another team's")

        assert {row.subject for row in inbox.page(agent=ben, view=view, state=state).rows} == expected

    def test_shows_an_admin_every_team(self, channel: Channel, billing: Team, tech: Team, dora: Agent) -> None:
        for team in (billing, tech):
            make.ticket(channel=channel, team=team)

        for view in (View.TEAMS, View.UNASSIGNED, View.ALL):
            assert len(inbox.page(agent=dora, view=view).rows) == 2

    def test_asks_the_database_as_often_for_fifty_rows_as_for_one(
        self, channel: Channel, billing: Team, ben: Agent, ann: Identity
    ) -> None:
        client = client_of(ben)
        make.ticket(channel=channel, team=billing, identity=ann)
        client.get("/inbox/teams/")
        with CaptureQueriesContext(connection) as few:
            client.get("/inbox/teams/")
        for _ in range(49):
            make.ticket(channel=channel, team=billing, identity=ann, owner=ben)
        with CaptureQueriesContext(connection) as many:
            client.get("/inbox/teams/")

        assert len(many) == len(few)

    def test_tells_unread_from_read(self, ben: Agent, ticket: Ticket) -> None:
        Ticket.objects.filter(pk=ticket.pk).update(message_cursor=5)

        (before,) = inbox.page(agent=ben, view=View.TEAMS).rows
        client_of(ben).post(f"/tickets/{ticket.reference}/read/", {"cursor": "99"})
        (after,) = inbox.page(agent=ben, view=View.TEAMS).rows

        assert (before.is_unread, after.is_unread) == (True, False)
        assert Reading.objects.get(agent=ben).cursor == 5  # no further than there is something to read

    def test_knows_no_other_views(self, ben: Agent) -> None:
        assert client_of(ben).get("/inbox/everything/").status_code == 404


class TestFirstSteps:
    """A desk that nobody can write to yet says what to do first, to those who can do it."""

    def test_lead_an_admin_to_the_channels_and_then_to_the_people(self, dora: Agent, support: Team) -> None:
        Membership.objects.all().delete()

        empty = client_of(dora).get("/inbox/teams/").text
        Channel.objects.create(slug="support", name="Support")
        connected = client_of(dora).get("/inbox/teams/").text
        Membership.objects.create(agent=dora, team=support)
        ready = client_of(dora).get("/inbox/teams/").text

        assert "No channel yet" in empty
        assert 'href="/channels/new/"' in empty
        assert "Nobody is in a team yet" in connected
        assert "All done here" in ready

    def test_are_not_for_agents(self, ben: Agent) -> None:
        page = client_of(ben).get("/inbox/teams/").text

        assert "All done here" in page
        assert "No channel yet" not in page


class TestPermission:
    """Cleo is in another team: nothing of the ticket is there for her."""

    @pytest.mark.parametrize("part", ["", "live/", "why/"])
    def test_hides_the_ticket_from_other_teams(self, cleo: Agent, ticket: Ticket, part: str) -> None:
        assert client_of(cleo).get(f"/tickets/{ticket.reference}/{part}").status_code == 404

    @pytest.mark.parametrize("part", ["read", "change", "send", "draft"])
    def test_lets_other_teams_do_nothing(self, cleo: Agent, ticket: Ticket, part: str) -> None:
        data = {"state": "solved", "reply": "x", "to": "a@b.example", "note": "x", "cursor": "1"}

        answer = client_of(cleo).post(f"/tickets/{ticket.reference}/{part}/", data)

        assert answer.status_code == 404
        assert not Draft.objects.exists()
        assert Message.objects.count() == 1

    @pytest.mark.parametrize("part", ["text", "frame", "html", "source"])
    def test_hides_parts_of_messages(self, cleo: Agent, ticket: Ticket, part: str) -> None:
        message = ticket.messages.get()

        assert client_of(cleo).get(f"/messages/{message.pk}/{part}/").status_code == 404

    def test_hides_files(self, cleo: Agent, ben: Agent, ticket: Ticket) -> None:
        replies.reply(
            ticket=ticket, agent=ben, text="See there.", to=["ann@customer.example"], seen_cursor=0,
            files=[replies.File(filename="list.html", content_type="text/html", content=b"<script>alert(1)</script>")],
        )  # fmt: skip
        file = Attachment.objects.get()

        assert client_of(cleo).get(f"/attachments/{file.pk}/").status_code == 404
        mine = client_of(ben).get(f"/attachments/{file.pk}/")
        assert mine.getvalue() == b"<script>alert(1)</script>"
        mine.close()
        assert mine["Content-Type"] == "application/octet-stream"
        assert mine["Content-Disposition"].startswith("attachment;")
        assert "sandbox" in mine["Content-Security-Policy"]

    def test_hides_it_from_the_palette_and_the_search(self, cleo: Agent, ben: Agent, ticket: Ticket) -> None:
        for agent, count in ((cleo, 0), (ben, 1)):
            assert len(client_of(agent).get("/find/", {"q": ticket.reference}).json()["found"]) == count
        assert client_of(cleo).get("/search/", {"q": ticket.reference}).status_code == 200
        assert client_of(ben).get("/search/", {"q": ticket.reference}).status_code == 302

    def test_sends_visitors_to_the_login(self, ticket: Ticket) -> None:
        answer = Client().get(f"/tickets/{ticket.reference}/")

        assert answer.status_code == 302
        assert answer["Location"].startswith("/login/")

    def test_shows_only_visible_tickets_of_the_customer_as_earlier(
        self, ben: Agent, ticket: Ticket, channel: Channel, tech: Team, ann: Identity
    ) -> None:
        make.ticket(channel=channel, team=tech, identity=ann, subject="Secret of tech")
        make.ticket(channel=channel, team=ticket.team, identity=ann, subject="Open to Ben")

        beside = client_of(ben).get(f"/customers/beside/{ticket.reference}/", headers=FRAGMENT).text
        page = client_of(ben).get(f"/customers/{ann.contact_id}/").text
        assert ("Open to Ben" in beside, "Open to Ben" in page) == (True, True)
        assert ("Secret of tech" in beside, "Secret of tech" in page) == (False, False)


class TestTicketWithoutScripts:
    def test_shows_the_conversation_and_escapes_it(self, ben: Agent, ticket: Ticket) -> None:
        make.message(ticket=ticket, text="<script>alert(1)</script> https://customer.example/a?b=1&c=2")

        page = client_of(ben).get(f"/tickets/{ticket.reference}/").text

        assert "Hello, I was charged twice." in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert (
            'rel="nofollow noopener noreferrer" target="_blank"' in page or 'href="https://customer.example/a' in page
        )

    def test_heads_each_block_about_the_customer_by_a_heading(self, ben: Agent, ticket: Ticket) -> None:
        page = client_of(ben).get(f"/tickets/{ticket.reference}/").text

        assert re.findall(r'<(\w+) class="head" id="about-reached_at">', page) == ["h3"]

    def test_leads_a_sloppy_reference_to_the_right_address(self, ben: Agent, ticket: Ticket) -> None:
        answer = client_of(ben).get(f"/tickets/{ticket.reference.lower()}/")

        assert answer["Location"] == f"/tickets/{ticket.reference}/"

    def test_finds_no_ticket_for_a_wrong_check_digit(self, ben: Agent, ticket: Ticket) -> None:
        wrong = ticket.reference[:-1] + str((int(ticket.reference[-1]) + 1) % 10)

        assert client_of(ben).get(f"/tickets/{wrong}/").status_code == 404

    def test_changes_a_property_and_comes_back(self, ben: Agent, ticket: Ticket) -> None:
        answer = client_of(ben).post(f"/tickets/{ticket.reference}/change/?view=mine&state=active", {"state": "solved"})

        ticket.refresh_from_db()
        assert ticket.state == State.SOLVED
        assert answer["Location"] == f"/tickets/{ticket.reference}/?view=mine&state=active"

    @pytest.mark.parametrize(
        "data", [{"state": "lost"}, {"team": "0"}, {"owner": "999"}, {"priority": "9"}, {"team": "x" * 30}]
    )
    def test_refuses_what_no_choice_offers(self, ben: Agent, ticket: Ticket, data: dict[str, str]) -> None:
        answer = client_of(ben).post(f"/tickets/{ticket.reference}/change/", data)

        assert answer.status_code == 409
        assert not Entry.objects.filter(ticket=ticket).exists()

    def test_hands_a_ticket_on_and_leads_back_to_the_list(self, ben: Agent, ticket: Ticket, tech: Team) -> None:
        outsider = client_of(ben).post(f"/tickets/{ticket.reference}/change/", {"team": tech.pk}, headers=FRAGMENT)

        assert outsider.status_code == 409  # tech is not Ben's

    def test_answers_and_adds_a_note(self, ben: Agent, ticket: Ticket) -> None:
        client, address = client_of(ben), f"/tickets/{ticket.reference}/send/"

        client.post(address, {"kind": "reply", "reply": "Sorry.", "to": "ann@customer.example", "seen": "0"})
        client.post(address, {"kind": "note", "note": "She is right."})

        kinds = list(ticket.messages.order_by("id").values_list("kind", flat=True))
        assert kinds == ["customer", "reply", "note"]

    def test_keeps_what_was_typed_when_it_cannot_be_sent(self, ben: Agent, ticket: Ticket) -> None:
        data = {"kind": "reply", "reply": "Long and dear words", "to": "not an address", "seen": "0"}

        answer = client_of(ben).post(f"/tickets/{ticket.reference}/send/", data)

        assert answer.status_code == 422
        assert re.search(r"<textarea[^>]*>Long and dear words</textarea>", answer.text)


class TestWhatIsSeen:
    @pytest.mark.parametrize("part", ["", "live/"])
    def test_never_covers_what_came_while_the_page_was_read(
        self, ben: Agent, eli: Agent, ticket: Ticket, part: str
    ) -> None:
        noted: list[Message] = []

        def note_meanwhile(execute: Callable[..., object], sql: str, *rest: object) -> object:
            found = execute(sql, *rest)
            if not noted and 'FROM "helpdesk_message"' in sql:
                noted.append(Message())
                noted[0] = replies.note(ticket=Ticket.objects.get(pk=ticket.pk), agent=eli, text="I know her.")
            return found

        with connection.execute_wrapper(note_meanwhile):
            page = client_of(ben).get(f"/tickets/{ticket.reference}/{part}").content.decode()

        assert "I know her." not in page
        cursor = re.search(r'data-cursor="(\d+)"', page)
        assert cursor
        assert int(cursor[1]) < Entry.objects.get(message=noted[0]).pk


class TestHtmlOfAMail:
    def test_has_a_policy_of_its_own_that_allows_nothing(self, ben: Agent, ticket: Ticket) -> None:
        message = make.message(ticket=ticket, html='<p>Hi</p><img src="https://tracker.example/p.gif">')

        answer = client_of(ben).get(f"/messages/{message.pk}/html/")

        policy = answer["Content-Security-Policy"]
        assert policy.startswith("sandbox ")
        assert "default-src 'none'" in policy
        assert "allow-scripts" not in policy
        assert "allow-same-origin" not in policy
        assert answer["X-Frame-Options"] == "SAMEORIGIN"


class TestPicturesInHtmlMail:
    def test_come_from_the_message_itself_and_only_when_they_are_pictures(self, ticket: Ticket, ben: Agent) -> None:
        html = '<p>See <img src="cid:shot@x"> and <img src="cid:evil@x"> <img src="https://tracker.example/p.gif"></p>'
        message = make.message(ticket=ticket, text="See", html=html)
        for content_id, content in (("shot@x", b"\x89PNG\r\n\x1a\nrest"), ("evil@x", b"<svg onload=alert(1)>")):
            message.attachments.create(
                filename="a.png",
                content_type="image/png",
                size=len(content),
                blob=blobs.put(content),
                content_id=content_id,
                is_inline=True,
            )

        answer = client_of(ben).get(f"/messages/{message.pk}/html/")

        page = answer.content.decode()
        assert 'src="data:image/png;base64,' in page
        assert "svg" not in page
        assert "img-src data:;" in answer["Content-Security-Policy"]


class TestCannedReplies:
    def test_come_filled_in_the_customers_language(self, ticket: Ticket, ben: Agent) -> None:
        for language, body in (("en", "Hello {{contact_name}}"), ("fi", "Hei {{contact_name}}, {{agent_name}}")):
            Template.objects.create(slug="hello", kind="canned", language=language, name=f"Hi {language}", body=body)
        Ticket.objects.update(language="fi")

        page = client_of(ben).get(f"/tickets/{ticket.reference}/canned/", headers=FRAGMENT).content.decode()

        assert 'data-insert="Hei Ann Archer, Ben"' in page
        assert "Hello" not in page

    def test_let_no_customer_write_into_the_page(self, ticket: Ticket, ben: Agent) -> None:
        Template.objects.create(slug="a", kind="canned", language="en", name="A", body="{{subject}}")
        Ticket.objects.update(subject='"><script>alert(1)</script>{{agent_name}}')

        page = client_of(ben).get(f"/tickets/{ticket.reference}/canned/", headers=FRAGMENT).content.decode()

        assert "<script>alert" not in page
        assert "{{agent_name}}" in page

    def test_are_for_those_who_see_the_ticket(self, ticket: Ticket, cleo: Agent) -> None:
        assert client_of(cleo).get(f"/tickets/{ticket.reference}/canned/").status_code == 404


class TestRemoteImagesInHtmlMail:
    HTML = '<img alt="a" src="https://x.example/a.png?b=1&amp;c=2"><img src="http://x.example/b.png"><img src="https://x.example/c.SVG?d">'

    def test_stay_away_until_they_are_asked_for_and_then_only_pictures_by_https(
        self, ticket: Ticket, ben: Agent
    ) -> None:
        message = make.message(ticket=ticket, html=sanitise(self.HTML))
        client = client_of(ben)

        before = client.get(f"/messages/{message.pk}/html/")
        shown = client.get(f"/messages/{message.pk}/html/", {"images": "shown"})

        assert "x.example" not in before.text
        assert "img-src data:;" in before["Content-Security-Policy"]
        assert 'src="https://x.example/a.png?b=1&amp;c=2"' in shown.text
        assert "b.png" not in shown.text
        assert "c.SVG" not in shown.text
        assert "img-src data: https:;" in shown["Content-Security-Policy"]
        assert shown["Referrer-Policy"] == "no-referrer"

    @pytest.mark.parametrize(("html", "is_offered"), [(HTML, True), ("<p>None</p>", False), (HTML[60:], False)])
    def test_are_offered_where_there_are_some(self, ticket: Ticket, ben: Agent, html: str, *, is_offered: bool) -> None:
        message = make.message(ticket=ticket, html=sanitise(html))

        page = client_of(ben).get(f"/messages/{message.pk}/frame/", headers=FRAGMENT).text

        assert ("Show images" in page) is is_offered
