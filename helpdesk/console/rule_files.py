"""Rules as a file for git: out, and in again after a look at what it would change."""

from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from helpdesk.actions import rule_plans, rule_sets
from helpdesk.console.access import agent_of
from helpdesk.console.rehearsal_starts import begin
from helpdesk.console.rule_choices import rule_choices
from helpdesk.console.rule_differences import shown
from helpdesk.console.rule_timing import moment_field
from helpdesk.queries.rule_files import Prepared, prepare
from routing_rules.forms import all_choices
from routing_rules.models import RuleVersion, StaleRules, current_number, rules_of_version
from routing_rules.yaml_reading import SIZE_MAX, Problem, UnreadableFile
from routing_rules.yaml_writing import write

_UTF8_MAX = 4


class ImportForm(forms.Form):
    """A file or a pasted text, and when it is to be followed."""

    file = forms.FileField(label=gettext_lazy("File"), required=False)
    text = forms.CharField(
        label=gettext_lazy("or its text"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 12, "class": "mono", "spellcheck": "false"}),
    )
    reason = forms.CharField(label=gettext_lazy("Why this change"), required=False, max_length=500)
    activate_at = moment_field(gettext_lazy("From when (empty: at once)"))
    version = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def clean_file(self) -> str:
        """The text of an uploaded file, '' without one."""
        file = self.cleaned_data["file"]
        if not isinstance(file, UploadedFile):
            return ""
        if (file.size or 0) > SIZE_MAX * _UTF8_MAX:
            raise forms.ValidationError(_("The file is larger than %(max)d characters.") % {"max": SIZE_MAX})
        try:
            return str(file.read(), "utf-8-sig")
        except UnicodeDecodeError as error:
            raise forms.ValidationError(_("The file is not UTF-8 text.")) from error

    def clean_activate_at(self) -> datetime | None:
        """A plan is for later."""
        moment: datetime | None = self.cleaned_data["activate_at"]
        if moment is not None and moment <= timezone.now():
            raise forms.ValidationError(_("This moment has passed."))
        return moment


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would do: what it changes, or why it can't be taken."""

    text: str
    prepared: Prepared | None
    problems: tuple[Problem, ...]


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """The rules as YAML: today's, or those of ``?version=``."""
    asked = request.GET.get("version", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else current_number()
    try:
        rules = rules_of_version(number)
    except RuleVersion.DoesNotExist as error:
        raise Http404 from error
    answer = HttpResponse(write(rules), content_type="application/yaml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="luotsi-rules-{number}.yaml"'
    return answer


@require_http_methods(["GET", "POST"])
def take(request: HttpRequest) -> HttpResponse:
    """Show what a file would change; with ``do=import`` do it, wholly or not at all."""
    form = ImportForm(request.POST or None, request.FILES or None)
    preview = None
    if request.method == "POST" and form.is_valid():
        preview = _preview(form)
        if request.POST.get("do") == "rehearse" and preview.prepared:
            return begin(request, rules=preview.prepared.rules, title=_("Rules from a file"))
        if request.POST.get("do") == "import" and preview.prepared and preview.prepared.changes:
            answer = _import(request, form, preview.prepared)
            if answer is not None:
                return answer
    context = {
        "form": form,
        "preview": preview,
        "shown": shown(preview.prepared.changes, choices=rule_choices()) if preview and preview.prepared else [],
        "version": current_number(),
        "translate": _,
        "zone": timezone.get_current_timezone_name(),
        "home_zone": settings.TIME_ZONE,
    }
    return render(request, "console/rule_import.html", context)


def _preview(form: ImportForm) -> Preview:
    text = form.cleaned_data["file"] or form.cleaned_data["text"].replace("\r\n", "\n")
    try:
        return Preview(text, prepare(text=text, choices=all_choices(rule_choices())), ())
    except UnreadableFile as error:
        return Preview(text, None, error.problems)


def _import(request: HttpRequest, form: ImportForm, prepared: Prepared) -> HttpResponse | None:
    """Do it; None when somebody has changed the rules since the preview: it is shown anew."""
    data, seen = form.cleaned_data, form.cleaned_data["version"]
    if seen != current_number():
        form.add_error(None, _("Somebody else has changed the rules meanwhile. This is what the file changes now."))
        return None
    reason = data["reason"] or _("From a file")
    if data["activate_at"]:
        plan = rule_plans.plan_rules(
            rules=prepared.rules,
            base_version=seen,
            activate_at=data["activate_at"],
            reason=reason,
            by=agent_of(request),
        )
        messages.success(request, _("Planned. Nothing changes before that."))
        return redirect("rule-plan", plan.pk)
    try:
        version = rule_sets.replace_rules(
            rules=prepared.rules, expected_version=seen, change="imported", reason=reason, by=agent_of(request)
        )
    except StaleRules:
        form.add_error(None, _("Somebody else has changed the rules meanwhile. This is what the file changes now."))
        return None
    number = version.number if version else seen
    messages.success(request, _("Imported. This is version %(number)d.") % {"number": number})
    return redirect(f"{reverse('rule-compare')}?from={number - 1}&to={number}")
