"""The FAQ editor: each article with its languages side by side."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk.actions import knowledge as actions
from helpdesk.console.access import agent_of
from helpdesk.models import Article
from helpdesk.queries import articles, linking

MAX_BODY = 50_000


class VersionForm(forms.ModelForm):  # type: ignore[type-arg]
    """One language of an article. A version without title and text doesn't exist yet, and needs neither."""

    class Meta:
        model = Article
        fields = ("title", "summary", "body", "keywords", "is_published")
        labels = {
            "title": gettext_lazy("Title"),
            "summary": gettext_lazy("In one sentence"),
            "body": gettext_lazy("Text"),
            "keywords": gettext_lazy("Words that customers use"),
            "is_published": gettext_lazy("Published: customers see it, and acknowledgements link to it"),
        }
        help_texts = {
            "body": gettext_lazy("Markdown: **strong**, - list, 1. steps, [link](https://…)"),
            "keywords": gettext_lazy("That the text itself does not say; they help to find it."),
        }
        widgets = {
            "body": forms.Textarea(attrs={"rows": 16, "maxlength": MAX_BODY}),
            "summary": forms.TextInput(attrs={"maxlength": 300}),
        }

    def __init__(self, data: Any, *, language: str, instance: Article) -> None:
        super().__init__(data, prefix=language, instance=instance)
        self.language = language
        self.fields["title"].required = self.fields["body"].required = False
        for field in ("title", "summary", "body", "keywords"):
            self.fields[field].widget.attrs["lang"] = language

    @property
    def is_blank(self) -> bool:
        """Nothing is written in this language, and nothing was."""
        values = self.cleaned_data
        return not self.instance.pk and not values["title"].strip() and not values["body"].strip()

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        is_begun = bool(self.instance.pk or values.get("title") or values.get("body") or values.get("is_published"))
        if is_begun and not values.get("title"):
            self.add_error("title", _("An article needs a title."))
        if values.get("is_published") and not values.get("body"):
            self.add_error("body", _("An article that is published needs a text."))
        return values


class SlugForm(forms.Form):
    """The article's word in its address."""

    slug = forms.SlugField(
        label=gettext_lazy("Word in the address"),
        max_length=120,
        required=False,
        help_text=gettext_lazy(
            "Empty: made of the title. Links in mail that is sent already stop working when it changes."
        ),
    )


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """All articles with their languages."""
    languages = dict(settings.LANGUAGES)
    return render(
        request, "console/articles.html", {"sheets": articles.sheets(languages=list(languages)), "names": languages}
    )


@require_http_methods(["GET", "POST"])
def article(request: HttpRequest, slug: str = "") -> HttpResponse:
    """Make or change an article, all languages on one page."""
    stored = articles.versions(slug=slug) if slug else {}
    if slug and not stored:
        raise Http404
    data = request.POST or None
    forms_ = [VersionForm(data, language=code, instance=_copy(stored.get(code))) for code, _name in settings.LANGUAGES]
    slug_form = SlugForm(data, initial={"slug": slug})
    if request.method == "POST" and all([slug_form.is_valid(), *(form.is_valid() for form in forms_)]):
        chosen = _save(request, forms_, slug_form, slug)
        if chosen:
            messages.success(request, _("Saved."))
            return redirect("article", chosen)
    context = {
        "slug": slug,
        "slug_form": slug_form,
        "versions": [
            (form, name, _state(stored.get(form.language)))
            for form, (_c, name) in zip(forms_, settings.LANGUAGES, strict=True)
        ],
        "heading": next((version.title for version in stored.values()), ""),
        "public": [code for code, version in stored.items() if version.is_published],
    }
    return render(request, "console/article.html", context)


def _copy(article: Article | None) -> Article:
    """A row for the form to change; the stored one stays as it is, so that the action can tell what changed."""
    return Article.objects.get(pk=article.pk) if article else Article()


def _state(article: Article | None) -> str:
    if article is None:
        return "missing"
    return "published" if article.is_published else "draft"


def _save(request: HttpRequest, forms_: list[VersionForm], slug_form: SlugForm, slug: str) -> str:
    """Write what was typed; the article's slug, '' when something has to be mended first."""
    written = [form for form in forms_ if not form.is_blank]
    if not written:
        forms_[0].add_error("title", _("An article needs a title."))
        return ""
    wanted = slug_form.cleaned_data["slug"] or slug or slugify(written[0].cleaned_data["title"])[:120] or "article"
    if wanted != slug and articles.versions(slug=wanted):
        slug_form.add_error("slug", _("Another article has this word in its address."))
        return ""
    by = agent_of(request)
    if slug and wanted != slug:
        actions.rename_article(slug=slug, new_slug=wanted, by=by)
    for form in written:
        fields = actions.ArticleFields(**{name: form.cleaned_data[name] for name in VersionForm.Meta.fields})
        actions.save_article(slug=wanted, language=form.language, fields=fields, by=by)
    return wanted


@require_POST
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """Delete an article in all languages."""
    if not actions.delete_article(slug=slug, by=agent_of(request)):
        raise Http404
    messages.success(request, _("Deleted."))
    return redirect("articles")


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """What customers would see of the text that is being typed; ``?language=`` says which of the forms it is."""
    language = request.GET.get("language", "")
    body = request.POST.get(f"{language}-body", "")[:MAX_BODY]
    return render(request, "console/article_preview.html", {"body": body, "language_code": language})


@require_safe
def linked(request: HttpRequest, slug: str) -> HttpResponse:
    """Which of the newest tickets that the reader may see would get a link to this article."""
    found = linking.tickets_that_get(slug=slug, agent=agent_of(request))
    return render(request, "console/article_linked.html", {"found": found})
