"""The FAQ: customers find and read what is published; editors keep the languages side by side."""

from urllib.parse import urljoin

import pytest
from django.test import Client

from helpdesk.actions import knowledge
from helpdesk.actions.knowledge import UnknownPlaces
from helpdesk.models import Agent, Article, Channel, Entry, Team, Template
from tests import make
from tests.flows import desk


@pytest.fixture
def lead(client: Client, eli: Agent) -> Client:
    client.force_login(eli, backend="django.contrib.auth.backends.ModelBackend")
    return client


def edit(**changes: str) -> dict[str, str]:
    """The editor's form with an English version."""
    form = {"slug": "", "en-title": "Returning a product", "en-body": "Send it back.", "en-is_published": "on"}
    return {**form, "en-summary": "", "en-keywords": "", "fi-title": "", "fi-body": "", **changes}


class TestReading:
    def test_begins_in_the_language_of_the_browser(self, client: Client, db: None) -> None:
        assert client.get("/faq/", headers={"Accept-Language": "fi-FI,en;q=0.5"})["Location"] == "/faq/fi/"
        assert client.get("/faq/", headers={"Accept-Language": "ja"})["Location"] == "/faq/en/"

    def test_shows_markdown_as_html_without_what_could_run(self, client: Client, db: None) -> None:
        desk.article(body="**Bold** <script>alert(1)</script> [x](javascript:alert(1)) ![i](https://spy.example/p.gif)")

        page = client.get("/faq/en/reset-password/").content.decode()

        assert "<strong>Bold</strong>" in page
        assert "<script>alert" not in page
        assert 'href="javascript:' not in page

    def test_is_in_the_pages_language_whoever_reads(self, lead: Client, eli: Agent) -> None:
        desk.article(language="fi", title="Salasanan vaihtaminen")

        page = lead.get("/faq/fi/reset-password/").content.decode()

        assert '<html lang="fi"' in page

    def test_leads_to_the_languages_that_there_are(self, client: Client, db: None) -> None:
        desk.article()

        answer = client.get("/faq/fi/reset-password/")

        assert answer.status_code == 404
        assert "/faq/en/reset-password/" in answer.content.decode()

    @pytest.mark.parametrize("where", ["/faq/xx/", "/faq/xx/reset-password/", "/faq/en/none/"])
    def test_says_that_there_is_nothing_at_a_wrong_address(self, client: Client, db: None, where: str) -> None:
        assert client.get(where).status_code == 404


class TestADraft:
    @pytest.fixture(autouse=True)
    def draft(self, db: None) -> Article:
        return desk.article(title="Unfinished business", is_published=False)

    @pytest.mark.parametrize(
        "where", ["/faq/en/", "/faq/en/?q=unfinished", "/faq/en/reset-password/", "/faq/fi/reset-password/"]
    )
    def test_is_nowhere_to_be_seen(self, client: Client, where: str) -> None:
        page = client.get(urljoin("/faq/en/", where)).content.decode()

        assert "Unfinished business" not in page
        assert "/faq/en/reset-password/" not in page


class TestSearching:
    def test_marks_what_was_asked_for(self, client: Client, db: None) -> None:
        desk.article()

        page = client.get("/faq/en/", {"q": "passwords"}).content.decode()

        assert "<mark>password</mark>" in page
        assert "1 answer to" in page

    def test_says_so_when_there_is_nothing(self, client: Client, db: None) -> None:
        desk.article()

        assert "no ready answer" in client.get("/faq/en/", {"q": "zebra crossing"}).content.decode()

    @pytest.mark.parametrize("query", ["<script>", "\x00\x07", "x" * 5000, "' OR 1=1 --", "%", '"'])
    def test_takes_anything(self, client: Client, db: None, query: str) -> None:
        answer = client.get("/faq/en/", {"q": query})

        assert answer.status_code == 200
        assert "<script>" not in answer.content.decode().replace("<script src", "")


class TestTheEditor:
    def test_makes_an_article_with_a_word_for_its_address(self, lead: Client) -> None:
        lead.post("/articles/new/", edit())

        assert [(row.slug, row.language) for row in Article.objects.all()] == [("returning-a-product", "en")]

    def test_adds_a_language_and_tells_what_changed(self, lead: Client, eli: Agent) -> None:
        desk.article(by=eli, slug="returns")

        lead.post("/articles/returns/edit/", edit(slug="returns", **{"fi-title": "Palautus", "fi-body": "Palauta."}))

        assert Article.objects.get(slug="returns", language="fi").title == "Palautus"
        changed = [entry.data["change"] for entry in Entry.objects.order_by("id")]
        assert changed == ["created", "changed", "created"]

    def test_writes_nothing_for_what_did_not_change(self, lead: Client) -> None:
        lead.post("/articles/new/", edit())
        lead.post("/articles/returning-a-product/edit/", edit(slug="returning-a-product"))

        assert Entry.objects.count() == 1

    def test_renames_all_languages_at_once(self, lead: Client, eli: Agent) -> None:
        desk.article(by=eli, slug="returns")
        desk.article(by=eli, slug="returns", language="fi")

        lead.post("/articles/returns/edit/", edit(slug="sending-back", **{"fi-title": "x", "fi-body": "x"}))

        assert set(Article.objects.values_list("slug", flat=True)) == {"sending-back"}

    @pytest.mark.parametrize(
        ("changes", "complaint"),
        [
            ({"en-title": ""}, "needs a title"),
            ({"en-body": ""}, "needs a text"),
            ({"slug": "taken"}, "Another article has this word"),
        ],
    )
    def test_says_what_is_missing_and_keeps_what_was_typed(
        self, lead: Client, eli: Agent, changes: dict[str, str], complaint: str
    ) -> None:
        desk.article(by=eli, slug="taken")

        page = lead.post("/articles/new/", edit(**{"en-summary": "Kept", **changes})).content.decode()

        assert complaint in page
        assert 'value="Kept"' in page

    def test_foretells_which_tickets_would_get_the_link(
        self, lead: Client, eli: Agent, channel: Channel, billing: Team
    ) -> None:
        desk.article(by=eli)
        for subject in ("I forgot my password", "The parcel is late"):
            ticket = make.ticket(channel=channel, team=billing, subject=subject, language="en")
            make.message(ticket=ticket, text=f"{subject}. What shall I do?")

        page = lead.get("/articles/reset-password/linked/").content.decode()

        assert "1 of the 2 newest tickets" in page
        assert "I forgot my password" in page

    def test_deletes_all_languages(self, lead: Client, eli: Agent) -> None:
        desk.article(by=eli)

        lead.post("/articles/reset-password/delete/")

        assert not Article.objects.exists()


class TestTextsOfOurMails:
    FORM = {
        "kind": "acknowledgement",
        "language": "en",
        "name": "Usual",
        "body": "Hello {{contact_name}}",
        "is_default": "on",
    }

    def test_are_refused_when_nothing_fills_a_name(self, lead: Client) -> None:
        page = lead.post("/templates/new/", {**self.FORM, "body": "Hello {{salutation}}"}).content.decode()

        assert "Nothing fills {{salutation}}" in page
        assert not Template.objects.exists()

    def test_are_refused_by_the_action_too(self, eli: Agent) -> None:
        with pytest.raises(UnknownPlaces):
            desk.template(by=eli, body="{{password}}")

    def test_have_one_default_a_language(self, lead: Client, eli: Agent) -> None:
        lead.post("/templates/new/", self.FORM)
        lead.post("/templates/new/", {**self.FORM, "name": "Other"})

        assert [row.name for row in Template.objects.filter(is_default=True)] == ["Other"]

    def test_are_said_in_the_next_acknowledgement(self, lead: Client, channel: Channel) -> None:
        lead.post("/templates/new/", {**self.FORM, "body": "Ahoy {{contact_name}}, {{reference}}"})

        message = make.deliver(channel, make.mail())

        ours = message.ticket.messages.get(kind="automatic")
        assert f"Ahoy Ann Archer, {message.ticket.reference}" in ours.text

    def test_are_deleted(self, lead: Client, eli: Agent) -> None:
        template = desk.template(by=eli)

        lead.post(f"/templates/{template.pk}/delete/")

        assert not Template.objects.exists()
        assert knowledge.PLACES
