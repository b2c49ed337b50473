"""FAQ articles that answer a message, and those that a search finds."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.demo import articles_en, articles_fi
from helpdesk.demo.content import ArticleText
from helpdesk.models import Article
from helpdesk.queries import knowledge
from tests.flows.knowledge_messages import HELD_OUT, MESSAGES, TUNED_ON, Labelled

pytestmark = pytest.mark.django_db


def publish(texts: tuple[ArticleText, ...], *, language: str) -> list[Article]:
    return [
        Article.objects.create(
            slug=text.slug,
            language=language,
            title=text.title,
            summary=text.summary,
            keywords=text.keywords,
            body=text.body,
            is_published=True,
        )
        for text in texts
    ]


@pytest.fixture
def faq() -> None:
    publish(articles_en.ARTICLES, language="en")
    publish(articles_fi.ARTICLES, language="fi")


def slugs_for(message: Labelled) -> list[str]:
    found = knowledge.articles_for(text=message.text, subject=message.subject, language=message.language)
    return [match.slug for match in found]


def precision_and_recall(messages: tuple[Labelled, ...]) -> tuple[float, float]:
    """Share of links that fit, and share of answerable messages whose best article was linked."""
    answers = [(message, slugs_for(message)) for message in messages]
    links = [slug in message.fits for message, slugs in answers for slug in slugs]
    asked = [message.fits[0] in slugs for message, slugs in answers if message.fits]
    return sum(links) / len(links), sum(asked) / len(asked)


@pytest.mark.usefixtures("faq")
class TestArticlesForLabelledMessages:
    def test_the_set_has_enough_messages_and_enough_that_fit_nothing(self) -> None:
        assert len(MESSAGES) >= 60
        assert sum(not message.fits for message in MESSAGES) >= 20

    @pytest.mark.parametrize("messages", [TUNED_ON, HELD_OUT, MESSAGES], ids=["tuned on", "held out", "all"])
    def test_links_are_right_and_mostly_there(self, messages: tuple[Labelled, ...]) -> None:
        precision, recall = precision_and_recall(messages)

        assert precision >= 0.95
        assert recall >= 0.8

    def test_nothing_is_linked_where_nothing_fits(self) -> None:
        assert [(m.subject, slugs_for(m)) for m in MESSAGES if not m.fits and slugs_for(m)] == []

    @pytest.mark.parametrize(
        ("language", "subject", "text"),
        [
            ("en", "Copy of invoice", "Please send the invoice of May once more, we can't find it."),
            ("fi", "Laskun kopio", "Lähettäisittekö toukokuun laskun uudelleen? Emme löydä sitä."),
        ],
    )
    def test_invoices_find_nothing_once_their_article_is_gone(self, language: str, subject: str, text: str) -> None:
        Article.objects.filter(slug="invoice-copy").delete()

        assert knowledge.articles_for(text=text, subject=subject, language=language) == []


class TestArticlesFor:
    SUBJECT, TEXT = "Password", "I forgot my password and need to reset it."

    def test_says_where_the_article_is_read(self, faq: None) -> None:
        match = knowledge.articles_for(text=self.TEXT, subject=self.SUBJECT, language="en")[0]

        assert (match.slug, match.language) == ("reset-password", "en")
        assert match.title == "How to reset your password"
        assert match.url_path == "/faq/en/reset-password/"

    def test_never_shows_a_draft(self, faq: None) -> None:
        Article.objects.get(slug="reset-password", language="en").delete()
        draft = publish(articles_en.ARTICLES[:1], language="en")[0]
        draft.is_published = False
        draft.save()

        found = knowledge.articles_for(text=self.TEXT, subject=self.SUBJECT, language="en")

        assert "reset-password" not in [match.slug for match in found]

    def test_speaks_the_language_of_the_message(self, faq: None) -> None:
        found = knowledge.articles_for(text="Unohdin salasanani.", subject="Salasana", language="fi-FI")

        assert {match.language for match in found} == {"fi"}

    def test_falls_back_to_the_language_of_the_desk_where_there_are_none(self, faq: None) -> None:
        found = knowledge.articles_for(text="Har glömt mitt password, reset?", subject="Password", language="sv")

        assert [(match.slug, match.language) for match in found][:1] == [("reset-password", "en")]

    def test_does_not_fall_back_where_there_are_some(self) -> None:
        publish(articles_en.ARTICLES, language="en")
        publish(articles_fi.ARTICLES[-1:], language="fi")

        assert knowledge.articles_for(text=self.TEXT, subject=self.SUBJECT, language="fi") == []

    def test_has_nothing_without_articles(self) -> None:
        assert knowledge.articles_for(text=self.TEXT, subject=self.SUBJECT, language="en") == []

    def test_keeps_to_the_limit(self, faq: None) -> None:
        assert len(knowledge.articles_for(text=self.TEXT, subject=self.SUBJECT, language="en", limit=1)) == 1

    def test_sees_an_edit_at_once(self, faq: None) -> None:
        article = Article.objects.get(slug="shop-hours", language="en")
        assert knowledge.articles_for(text="Any sauna here?", subject="Sauna", language="en") == []

        article.title, article.keywords = "Sauna on our pier", "sauna"
        article.save()

        found = knowledge.articles_for(text="Any sauna here?", subject="Sauna", language="en")
        assert [match.slug for match in found] == ["shop-hours"]

    def test_asks_the_database_once_when_nothing_has_changed(self, faq: None) -> None:
        knowledge.articles_for(text=self.TEXT, subject=self.SUBJECT, language="en")

        with CaptureQueriesContext(connection) as queries:
            knowledge.articles_for(text=self.TEXT, subject=self.SUBJECT, language="en")

        assert len(queries) == 1

    @pytest.mark.parametrize("text", ["", "\x00" * 50, "a" * 100_000, "ő́" * 30_000, "password " * 50_000])
    def test_takes_any_text(self, faq: None, text: str) -> None:
        assert len(knowledge.articles_for(text=text, subject=text, language="en")) <= 3


@pytest.mark.usefixtures("faq")
class TestSearchArticles:
    @pytest.mark.parametrize(
        ("language", "query", "slug"),
        [
            ("en", "password", "reset-password"),
            ("en", "passw", "reset-password"),
            ("en", "forgot pasword", "reset-password"),
            ("en", "servicing life jackets", "life-jacket-service"),
            ("fi", "salasanani", "reset-password"),
            ("fi", "salasananvaihto", "reset-password"),
            ("fi", "merikartt", "chart-update"),
            ("fi", "lahjakortin saldo", "gift-cards"),
        ],
    )
    def test_finds_the_article_first(self, language: str, query: str, slug: str) -> None:
        assert knowledge.search_articles(query=query, language=language)[0].slug == slug

    @pytest.mark.parametrize("query", ["", "   ", "xyzzy", "1234", "'; SELECT 1 --", '"*"', "the and of"])
    def test_finds_nothing_for_nothing(self, query: str) -> None:
        assert knowledge.search_articles(query=query, language="en") == []

    def test_marks_what_was_asked_for_and_keeps_the_text_whole(self) -> None:
        found = knowledge.search_articles(query="resetting passwords", language="en")[0]

        assert "".join(span.text for span in found.title) == "How to reset your password"
        assert [span.text for span in found.title if span.is_hit] == ["reset", "password"]

    def test_shows_the_passage_that_answers(self) -> None:
        found = knowledge.search_articles(query="spam folder", language="en")[0]

        snippet = "".join(span.text for span in found.snippet)
        assert "spam folder" in snippet
        assert "**" not in snippet
        assert len(snippet) <= 182
