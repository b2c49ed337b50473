"""Texts of our mails: acknowledgements and canned replies, with {{name}} places."""

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

from helpdesk import text
from helpdesk.actions import knowledge as actions
from helpdesk.console.access import agent_of
from helpdesk.models import Template

MAX_PREVIEW = 20_000


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    """One text of ours. ``is_default`` isn't the model's: in the action the former one steps back first."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Template.Kind.choices)
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES)

    is_default = forms.BooleanField(
        label=gettext_lazy("Used when no rule names another"),
        help_text=gettext_lazy("For acknowledgements; one in each language."),
        required=False,
    )

    class Meta:
        model = Template
        fields = ("kind", "language", "name", "slug", "subject", "body")
        labels = {
            "name": gettext_lazy("Name"),
            "slug": gettext_lazy("Word in rules"),
            "subject": gettext_lazy("Subject"),
            "body": gettext_lazy("Text"),
        }
        help_texts = {
            "slug": gettext_lazy("The same word joins the languages of one text. Empty: made of the name."),
            "subject": gettext_lazy("Of acknowledgements. Empty: the desk's own words."),
        }
        widgets = {"body": forms.Textarea(attrs={"rows": 14})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["slug"].required = False
        self.initial["is_default"] = self.instance.is_default

    def clean_slug(self) -> str:
        return str(self.cleaned_data.get("slug") or slugify(self.cleaned_data.get("name", ""))[:80] or "text")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        known = actions.PLACES.get(values.get("kind", ""), {})
        for field in ("subject", "body"):
            for name in sorted(text.places(values.get(field, "")) - known.keys()):
                hole = _("Nothing fills {{%(name)s}}; the customer would read a hole.")
                self.add_error(field, hole % {"name": name})
        if values.get("kind") == Template.Kind.CANNED:
            values["is_default"] = False
        same = Template.objects.filter(**{name: values.get(name) for name in ("kind", "slug", "language")})
        if same.exclude(pk=self.instance.pk).exists():
            self.add_error("slug", _("This text exists in this language already."))
        return values


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """All texts by kind."""
    rows = list(Template.objects.all())
    context = {
        "kinds": [(label, [row for row in rows if row.kind == kind]) for kind, label in Template.Kind.choices],
        "names": dict(settings.LANGUAGES),
    }
    return render(request, "console/templates.html", context)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, template_id: int | None = None) -> HttpResponse:
    """Make or change a text."""
    stored = None if template_id is None else _template(template_id)
    # The form changes its own copy, so that the action can tell what changed.
    form = TemplateForm(request.POST or None, instance=None if template_id is None else _template(template_id))
    if request.method == "POST" and form.is_valid():
        fields = actions.TemplateFields(**form.cleaned_data)
        actions.save_template(template=stored, fields=fields, by=agent_of(request))
        messages.success(request, _("Saved."))
        return redirect("templates")
    kind = form["kind"].value() or Template.Kind.ACKNOWLEDGEMENT
    context = {
        "form": form,
        "template": stored,
        "places": [(label, actions.PLACES[kind]) for kind, label in Template.Kind.choices],
        **_filled(form["body"].value() or "", kind),
    }
    return render(request, "console/template.html", context)


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """The text that is being typed, filled with the examples."""
    context = _filled(request.POST.get("body", ""), request.POST.get("kind", ""))
    return render(request, "console/template_preview.html", context)


def _filled(body: str, kind: str) -> dict[str, Any]:
    places = actions.PLACES.get(kind, {})
    return {
        "example": text.fill(body[:MAX_PREVIEW], places),
        "unknown": sorted(text.places(body) - places.keys()),
    }


@require_POST
def delete(request: HttpRequest, template_id: int) -> HttpResponse:
    """Delete a text."""
    actions.delete_template(template=_template(template_id), by=agent_of(request))
    messages.success(request, _("Deleted."))
    return redirect("templates")


def _template(template_id: int) -> Template:
    found = Template.objects.filter(pk=template_id).first()
    if found is None:
        raise Http404
    return found
