"""Reads of FAQ articles: as customers see them (published only), and as their editors do."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from helpdesk.models import Article, Mailbox


@dataclass(frozen=True)
class Sheet:
    """An article in all its languages, as the list of the editor shows it. ``title`` is that of the first language."""

    slug: str
    title: str
    published: tuple[str, ...]
    drafts: tuple[str, ...]
    missing: tuple[str, ...]
    updated_at: datetime


def published(*, language: str) -> Sequence[Article]:
    """Every published article of ``language``, by title."""
    rows = Article.objects.filter(language=language, is_published=True)
    return list(rows.only("slug", "language", "title", "summary").order_by("title"))


def published_article(*, slug: str, language: str) -> Article:
    """One published article; raises Article.DoesNotExist, also for a draft."""
    return Article.objects.get(slug=slug, language=language, is_published=True)


def published_languages(*, slug: str) -> frozenset[str]:
    """The languages in which customers can read this article."""
    return frozenset(Article.objects.filter(slug=slug, is_published=True).values_list("language", flat=True))


def sheets(*, languages: Collection[str]) -> Sequence[Sheet]:
    """All articles for their editors, by title; ``languages`` are those that the desk speaks, the first one first."""
    by_slug: dict[str, list[Article]] = defaultdict(list)
    for article in Article.objects.defer("body").order_by("slug"):
        by_slug[article.slug].append(article)
    order = {language: place for place, language in enumerate(languages)}
    found = [_sheet(slug, rows, order) for slug, rows in by_slug.items()]
    return sorted(found, key=lambda sheet: sheet.title.casefold())


def _sheet(slug: str, rows: list[Article], order: dict[str, int]) -> Sheet:
    rows.sort(key=lambda article: order.get(article.language, len(order)))
    there = {article.language for article in rows}
    return Sheet(
        slug=slug,
        title=rows[0].title,
        published=tuple(article.language for article in rows if article.is_published),
        drafts=tuple(article.language for article in rows if not article.is_published),
        missing=tuple(language for language in order if language not in there),
        updated_at=max(article.updated_at for article in rows),
    )


def versions(*, slug: str) -> dict[str, Article]:
    """The article ``slug`` by language, drafts included; empty when there is none."""
    return {article.language: article for article in Article.objects.filter(slug=slug).select_related("author")}


def contact_address() -> str:
    """Where customers write to: the address of the oldest open mailbox, '' when there is none."""
    mailbox = Mailbox.objects.filter(channel__is_active=True).order_by("channel_id").first()
    return mailbox.address if mailbox else ""
