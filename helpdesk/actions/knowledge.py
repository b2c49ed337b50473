"""Changes of what the desk knows and says: FAQ articles, acknowledgements, canned replies."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from helpdesk import mail_texts, text
from helpdesk.actions import changes
from helpdesk.models import Agent, Article, Template

_IN_EVERY_TEXT = ("contact_name", "reference", "subject", "progress_url", "desk_name")

#: The names that each kind of text can ask for, with an example of each for the preview.
PLACES: dict[str, dict[str, str]] = {
    Template.Kind.ACKNOWLEDGEMENT: mail_texts.PLACES,
    Template.Kind.CANNED: {name: mail_texts.PLACES[name] for name in _IN_EVERY_TEXT} | {"agent_name": "Ben Berg"},
}


class UnknownPlaces(ValueError):
    """A text asks for ``names`` that nothing fills: the customer would read a hole."""

    def __init__(self, names: set[str]) -> None:
        self.names = tuple(sorted(names))
        super().__init__(f"nothing fills {', '.join(self.names)}")


@dataclass(frozen=True)
class ArticleFields:
    """What an article says; ``body`` is Markdown."""

    title: str
    summary: str
    body: str
    keywords: str
    is_published: bool


@dataclass(frozen=True)
class TemplateFields:
    """What a text of ours says, with {{name}} places."""

    slug: str
    kind: str
    language: str
    name: str
    subject: str
    body: str
    is_default: bool


@transaction.atomic
def save_article(
    *, slug: str, language: str, fields: ArticleFields, by: Agent | None, at: datetime | None = None
) -> Article:
    """Write one language of an article, new or not. An unchanged article writes no line into the journal."""
    article = Article.objects.filter(slug=slug, language=language).first()
    before = {} if article is None else {name: getattr(article, name) for name in asdict(fields)}
    changed = changes.differences(before, asdict(fields))
    if article is not None and not changed:
        return article
    is_new = article is None
    article = article or Article(slug=slug, language=language, author=by)
    _put(article, asdict(fields))
    # The text itself would double each article in the journal at each change; that it changed is enough there.
    details = {name: value for name, value in changed.items() if name != "body"}
    changes.record(
        what="article",
        name=f"{article.title} ({language})",
        change="created" if is_new else "changed",
        by=by,
        at=at or timezone.now(),
        details={} if is_new else details,
    )
    return article


@transaction.atomic
def rename_article(*, slug: str, new_slug: str, by: Agent | None, at: datetime | None = None) -> None:
    """Give an article, in all its languages, a new word in its address. Raises ValueError when the word is taken."""
    if Article.objects.filter(slug=new_slug).exists():
        raise ValueError(f"there is an article called {new_slug!r} already")
    Article.objects.filter(slug=slug).update(slug=new_slug)
    details = {"slug": {"from": slug, "to": new_slug}}
    changes.record(what="article", name=new_slug, change="changed", by=by, at=at or timezone.now(), details=details)


@transaction.atomic
def delete_article(*, slug: str, by: Agent | None, at: datetime | None = None) -> int:
    """Delete an article in all its languages; how many there were."""
    languages = list(Article.objects.filter(slug=slug).values_list("language", flat=True))
    if languages:
        Article.objects.filter(slug=slug).delete()
        details = {"languages": languages}
        changes.record(what="article", name=slug, change="deleted", by=by, at=at or timezone.now(), details=details)
    return len(languages)


@transaction.atomic
def save_template(
    *, template: Template | None, fields: TemplateFields, by: Agent | None, at: datetime | None = None
) -> Template:
    """Write a text, new or not. Raises UnknownPlaces for a name that its kind has nothing for."""
    unknown = (text.places(fields.body) | text.places(fields.subject)) - set(PLACES[fields.kind])
    if unknown:
        raise UnknownPlaces(unknown)
    before = {} if template is None else {name: getattr(template, name) for name in asdict(fields)}
    changed = changes.differences(before, asdict(fields))
    if template is not None and not changed:
        return template
    is_new = template is None
    if fields.is_default:
        # One default for each language: the former one steps back in the same transaction.
        Template.objects.filter(kind=fields.kind, language=fields.language, is_default=True).update(is_default=False)
    template = template or Template()
    _put(template, asdict(fields))
    details = {name: value for name, value in changed.items() if name != "body"}
    changes.record(
        what="template",
        name=str(template),
        change="created" if is_new else "changed",
        by=by,
        at=at or timezone.now(),
        details={} if is_new else details,
    )
    return template


@transaction.atomic
def delete_template(*, template: Template, by: Agent | None, at: datetime | None = None) -> None:
    """Delete a text. Rules that name it fall back to the default one."""
    name = str(template)
    template.delete()
    changes.record(what="template", name=name, change="deleted", by=by, at=at or timezone.now())


def _put(row: Article | Template, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
