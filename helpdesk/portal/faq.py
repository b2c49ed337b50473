"""Questions and answers for customers: the list, the search, one article. Published articles only."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from helpdesk.models import Article
from helpdesk.portal import languages
from helpdesk.queries import articles, knowledge
from helpdesk.text import clean

MAX_QUERY = 200


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """``/faq/``: on to the reader's language."""
    answer = redirect("faq-language", languages.chosen(request))
    patch_vary_headers(answer, ["Accept-Language", "Cookie"])
    return answer


@require_safe
def listing(request: HttpRequest, language: str) -> HttpResponse:
    """All articles of a language, or those that ``?q=`` finds."""
    if language not in languages.KNOWN:
        return _nothing_here(request, languages.chosen(request), others=())
    query = clean(request.GET.get("q", ""), max_length=MAX_QUERY)
    with translation.override(language):
        context = {
            "query": query,
            "found": knowledge.search_articles(query=query, language=language) if query else [],
            "articles": [] if query else articles.published(language=language),
            "language_code": language,
            "address": articles.contact_address(),
            "languages": [(code, name, reverse("faq-language", args=[code])) for code, name in settings.LANGUAGES],
        }
        page = render(request, "portal/faq.html", context)
    if query:
        page["X-Robots-Tag"] = "noindex"
    page["Content-Language"] = language
    return page


@require_safe
def article(request: HttpRequest, language: str, slug: str) -> HttpResponse:
    """One article; in a language that it isn't written in, a 404 that leads to those that it is."""
    there = articles.published_languages(slug=slug)
    others = [
        (code, name, reverse("faq-article", args=[code, slug])) for code, name in settings.LANGUAGES if code in there
    ]
    if language not in languages.KNOWN:
        return _nothing_here(request, languages.chosen(request), others=others)
    try:
        found = articles.published_article(slug=slug, language=language)
    except Article.DoesNotExist:
        return _nothing_here(request, language, others=others)
    with translation.override(language):
        context = {
            "article": found,
            "language_code": language,
            "address": articles.contact_address(),
            "languages": others,
        }
        page = render(request, "portal/article.html", context)
    page["Content-Language"] = language
    return page


def _nothing_here(request: HttpRequest, language: str, *, others: object) -> HttpResponse:
    with translation.override(language):
        context = {"others": others, "language_code": language}
        return render(request, "portal/article_unknown.html", context, status=404)
