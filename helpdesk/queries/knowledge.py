"""FAQ articles that answer a message or a search. Only published ones, ever."""

import re
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from markdown_it import MarkdownIt

from helpdesk.models import Article
from helpdesk.queries.article_index import ArticleIndex, Document
from helpdesk.queries.highlights import Span, spans
from helpdesk.queries.lexicon import Lexicon
from helpdesk.queries.words import words
from routing_rules.stems import base_language

_SNIPPET_LETTERS = 180
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True)
class Match:
    """An article that answers a message; ``score`` orders matches of one message and means nothing else."""

    article_id: int
    slug: str
    language: str
    title: str
    url_path: str
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """A result of the public search: title and snippet as spans, for the template to mark."""

    article_id: int
    slug: str
    language: str
    url_path: str
    title: tuple[Span, ...]
    snippet: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Published articles of one language with their index, as of one state of the table."""

    articles: dict[int, Article]
    index: ArticleIndex


# One library a database, replaced as a whole when the table has changed: threads may read while another builds.
_libraries: dict[str, tuple[object, dict[str, _Shelf]]] = {}


def articles_for(*, text: str, subject: str, language: str, limit: int = 3) -> list[Match]:
    """Published articles that fit this very message, best first; none rather than wrong ones.

    ``language`` is that of the message ('' unknown). In a language without any article the desk's own is used.
    """
    shelf = _shelf(language)
    if shelf is None:
        return []
    return [
        Match(
            article_id=hit.article_id,
            slug=(article := shelf.articles[hit.article_id]).slug,
            language=article.language,
            title=article.title,
            url_path=url_path(language=article.language, slug=article.slug),
            score=hit.score,
        )
        for hit in shelf.index.match(subject=subject, text=text, limit=limit)
    ]


def search_articles(*, query: str, language: str, limit: int = 20) -> list[Found]:
    """Published articles for a search field, best first; the last word may be unfinished, a letter may be wrong."""
    shelf = _shelf(language)
    if shelf is None:
        return []
    hits, terms = shelf.index.find(query, limit=limit)
    return [_found(shelf.articles[hit.article_id], lexicon=shelf.index.lexicon, terms=terms) for hit in hits]


def url_path(*, language: str, slug: str) -> str:
    """Where an article is read; mails keep these links for years, so the shape must not change."""
    return f"/faq/{language}/{slug}/"


def _shelf(language: str) -> _Shelf | None:
    library = _library()
    return library.get(base_language(language)) or library.get(base_language(settings.LANGUAGE_CODE))


def _library() -> dict[str, _Shelf]:
    """All shelves, read again when the table has changed: asking that costs one small query instead of a rebuild."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(updated_at), count(*), sum(id) FROM helpdesk_article WHERE is_published")
        state = cursor.fetchone()
    known, library = _libraries.get(connection.alias, (None, {}))
    if known != state:
        by_language: dict[str, list[Article]] = {}
        for article in Article.objects.filter(is_published=True).order_by("id"):
            by_language.setdefault(base_language(article.language), []).append(article)
        library = {language: _make_shelf(articles, language) for language, articles in by_language.items()}
        _libraries[connection.alias] = (state, library)
    return library


def _make_shelf(articles: list[Article], language: str) -> _Shelf:
    documents = [
        Document(article_id=a.pk, title=a.title, summary=a.summary, keywords=a.keywords, body=a.body) for a in articles
    ]
    return _Shelf({a.pk: a for a in articles}, ArticleIndex(documents, language=language))


def _found(article: Article, *, lexicon: Lexicon, terms: frozenset[str]) -> Found:
    snippet = _snippet(article, lexicon=lexicon, terms=terms)
    return Found(
        article_id=article.pk,
        slug=article.slug,
        language=article.language,
        url_path=url_path(language=article.language, slug=article.slug),
        title=_spans(article.title, lexicon=lexicon, terms=terms),
        snippet=_spans(snippet, lexicon=lexicon, terms=terms),
    )


def _snippet(article: Article, *, lexicon: Lexicon, terms: frozenset[str]) -> str:
    """The summary, or the paragraph of the body that says most of what was asked for if the summary says nothing."""
    paragraphs = [article.summary, *_paragraphs(article.body)]
    told = [len({hit.term for word in words(p) for hit in lexicon.hits(word)} & terms) for p in paragraphs]
    best = paragraphs[0] if told[0] else paragraphs[told.index(max(told))]
    best = best or next((p for p in paragraphs if p), "")
    if len(best) <= _SNIPPET_LETTERS:
        return best
    return best[:_SNIPPET_LETTERS].rsplit(" ", 1)[0] + " …"


def _paragraphs(markdown: str) -> list[str]:
    """The text of each paragraph, list item, heading and cell, without marks."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    return [
        "".join(child.content or " " for child in token.children or () if child.type in _READ)
        for token in tokens
        if token.type == "inline"
    ]


_READ = frozenset({"text", "code_inline", "softbreak", "hardbreak"})


def _spans(text: str, *, lexicon: Lexicon, terms: frozenset[str]) -> tuple[Span, ...]:
    return spans(
        text,
        (
            match.span()
            for match in _WORD.finditer(text)
            if any(hit.term in terms for word in words(match[0]) for hit in lexicon.hits(word))
        ),
    )
