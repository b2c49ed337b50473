"""What the desk knows and says: FAQ articles and the texts of its mails."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.models.people import Agent


class Article(models.Model):
    """One FAQ article in one language; its translations share the slug."""

    slug = models.SlugField(max_length=120)
    language = models.CharField(max_length=8)
    title = models.CharField(max_length=200)
    summary = models.CharField(max_length=300, blank=True)
    body = models.TextField(help_text="Markdown.")
    keywords = models.CharField(max_length=300, blank=True, help_text="Words customers use that the text does not.")
    is_published = models.BooleanField(default=False)
    author = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.SET_NULL, related_name="articles")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("title",)
        constraints = (models.UniqueConstraint(fields=["slug", "language"], name="article_once_a_language"),)
        indexes = (models.Index(fields=["updated_at"], name="article_updated"),)

    def __str__(self) -> str:
        return self.title


class Template(models.Model):
    """A text of ours with {{name}} places, filled by replacement and never by a template engine (MAIL.md 29)."""

    class Kind(models.TextChoices):
        ACKNOWLEDGEMENT = "acknowledgement", _("Acknowledgement")
        CANNED = "canned", _("Canned reply")

    slug = models.SlugField(max_length=80)
    kind = models.CharField(max_length=16, choices=Kind)
    language = models.CharField(max_length=8)
    name = models.CharField(max_length=120)
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField()
    is_default = models.BooleanField(default=False)

    class Meta:
        ordering = ("kind", "slug", "language")
        constraints = (
            models.UniqueConstraint(fields=["kind", "slug", "language"], name="template_once_a_language"),
            models.UniqueConstraint(
                fields=["kind", "language"],
                condition=Q(is_default=True, kind="acknowledgement"),
                name="template_one_default",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"
