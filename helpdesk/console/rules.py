"""The form that edits one rule, with what it says and would have caught beside it."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import fields as dataclass_fields
from dataclasses import replace

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from helpdesk import reviews
from helpdesk.actions import rule_plans
from helpdesk.actions import rules as actions
from helpdesk.console import rule_verdict
from helpdesk.console.access import agent_of
from helpdesk.console.findings import seed_of
from helpdesk.console.rule_choices import Choices, rule_choices
from helpdesk.console.rule_draft import carry_out
from helpdesk.console.rule_list import rule_or_404, seen_version
from helpdesk.console.rule_timing import TimingForm
from helpdesk.queries import rehearsal, rule_versions
from helpdesk.text import clean
from routing_rules import engine, forms, models, rows
from routing_rules.models import Rule, StaleRules


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, rule_id: int | None = None) -> HttpResponse:
    """Make or change a rule. A button called ``do`` changes the form itself, and stores nothing."""
    choices = rule_choices()
    if request.method == "POST" and "do" in request.POST:
        return draft(request, rule_id)
    if request.method == "POST" and rule_id is not None and not Rule.objects.filter(pk=rule_id).exists():
        return editor(request, _orphaned(request, choices), choices, None)
    rule = None if rule_id is None else rule_or_404(rule_id)
    seed = seed_of(request.GET.get("suggestion", "")) if rule is None else None
    form = forms.RuleForm(request.POST or None, choices=choices, rule=rule or (seed and seed[0]))
    if not form.is_bound and rule is None and seed is None:
        form.initial["folder"] = clean(request.GET.get("folder", ""), max_length=200)
    timing, stale_since = TimingForm(request.POST or None), None
    if request.method == "POST" and form.is_valid() and timing.is_valid():
        try:
            return _save(request, form, rule) if timing.is_now else _plan(request, form, rule, timing)
        except StaleRules:
            stale_since, form = seen_version(request), _reissued(request, choices)
        except rule_plans.PlanSettled:
            form.add_error(None, _("This plan has been carried out or cancelled meanwhile. Choose again."))
        except rule_plans.NothingToPlan:
            form.add_error(None, _("Nothing differs from the rule as it is."))
    above = seed[1] if seed else above_of(request)
    return editor(
        request,
        form,
        choices,
        rule,
        above=above,
        seed=seed[0] if seed else None,
        timing=timing,
        stale_since=stale_since,
    )


def _reissued(request: HttpRequest, choices: Choices) -> forms.RuleForm:
    """The form as it was posted, over the newest version: saving once more is then meant."""
    data = request.POST.copy()
    data["version"] = str(models.current_number())
    form = forms.RuleForm(data, choices=choices)
    form.add_error(None, _("Somebody else has changed the rules meanwhile. Look at them, then save again."))
    return form


def _orphaned(request: HttpRequest, choices: Choices) -> forms.RuleForm:
    """What was typed into a rule that somebody else has deleted meanwhile, as a new rule."""
    form = _reissued(request, choices)
    form.errors.clear()
    form.add_error(
        None, _("Somebody else has deleted this rule meanwhile. What you typed is still here: save it as a new rule.")
    )
    return form


def above_of(request: HttpRequest) -> Rule | None:
    """The rule that a new one is to stand above: it came with the suggestion that the new one was made from."""
    posted = request.POST.get("above", "")
    return Rule.objects.filter(pk=int(posted[:18])).first() if posted.isascii() and posted.isdigit() else None


def _fields(form: forms.RuleForm) -> actions.RuleFields:
    return actions.RuleFields(
        **{each.name: form.cleaned_data[each.name] for each in dataclass_fields(actions.RuleFields)}
    )


def _save(request: HttpRequest, form: forms.RuleForm, rule: Rule | None) -> HttpResponse:
    saved = actions.save_rule(
        rule=rule,
        fields=_fields(form),
        expected_version=form.cleaned_data["version"],
        reason=form.cleaned_data["reason"],
        by=agent_of(request),
        above=above_of(request),
    )
    reviews.note_rule(rule_id=saved.pk, now=timezone.now())
    messages.success(request, _("Saved. New tickets follow it from now on."))
    return redirect("rules")


def _plan(request: HttpRequest, form: forms.RuleForm, rule: Rule | None, timing: TimingForm) -> HttpResponse:
    plan, is_new = timing.plan(
        rule=rule,
        fields=_fields(form),
        version=form.cleaned_data["version"],
        reason=form.cleaned_data["reason"],
        by=agent_of(request),
    )
    messages.success(request, _("Planned. Nothing changes before that.") if is_new else _("Added to the plan."))
    return redirect("rule-plan", plan.pk)


@require_POST
def draft(request: HttpRequest, rule_id: int | None = None) -> HttpResponse:
    """The form as it is being edited: a row more or less, the right inputs for a field, and what it would catch."""
    rule = None if rule_id is None else rule_or_404(rule_id)
    choices = rule_choices()
    form = forms.RuleForm(request.POST, choices=choices)
    carry_out(form, request.POST.get("do", ""))
    timing = TimingForm(request.POST)
    for quiet in (form, timing):
        quiet.be_quiet()
    context = _context(form, choices, rule, above=above_of(request), timing=timing)
    if "HX-Request" in request.headers:
        return render(request, "console/rule_builder.html", context)
    return render(request, "console/rule.html", context)


def editor(
    request: HttpRequest,
    form: forms.RuleForm,
    choices: Choices,
    rule: Rule | None,
    *,
    above: Rule | None = None,
    seed: Rule | None = None,
    timing: TimingForm | None = None,
    stale_since: int | None = None,
) -> HttpResponse:
    """The page that edits a rule, with the form as it stands.

    ``seed`` is the unsaved rule that a new one begins with, ``above`` the rule that it is to stand above.
    """
    timing = timing or TimingForm(request.POST or None)
    context = _context(form, choices, rule, above=above, seed=seed, timing=timing, stale_since=stale_since)
    return render(request, "console/rule.html", context)


def _context(
    form: forms.RuleForm,
    choices: Choices,
    rule: Rule | None,
    *,
    above: Rule | None,
    seed: Rule | None = None,
    timing: TimingForm | None = None,
    stale_since: int | None = None,
) -> dict[str, object]:
    among = rehearsal.recent()
    parsed = _parsed(form, rule or seed)
    zones = dict.fromkeys((settings.TIME_ZONE, "UTC", *_zones_in(form)))
    catalogue = forms.catalogue(choices=choices)
    return {
        "form": form,
        "timing": timing or TimingForm(),
        "stale_since": stale_since,
        "folders": list(Rule.objects.exclude(folder="").order_by("folder").values_list("folder", flat=True).distinct()),
        "crosses": rule_versions.planned_for(uid=str(rule.uid), among=rule_versions.plans()) if rule else (),
        "rule": rule,
        "catalogue": catalogue,
        "field_pairs": [(field["name"], field["label"]) for field in catalogue["fields"]],
        "operator_pairs": {
            field["name"]: [(each["name"], each["label"]) for each in field["operators"]]
            for field in catalogue["fields"]
        },
        "effect_pairs": [(effect["kind"], effect["label"]) for effect in catalogue["effects"]],
        "group_pairs": [(group["kind"], group["label"]) for group in catalogue["groups"]],
        "zone_pairs": [(zone, zone.replace("_", " ")) for zone in zones],
        "home_zone": settings.TIME_ZONE,
        "reader_zone": timezone.get_current_timezone_name(),
        "translate": _,
        "sentence": forms.sentence(parsed, choices=choices) if parsed else "",
        "caught": rehearsal.caught(conditions=[parsed.condition], among=among)[0] if parsed else None,
        "looked_at": len(among),
        "above": above,
        "verdict": rule_verdict.verdict(form=form, draft=parsed, rule=rule, above=above, choices=choices),
    }


def _parsed(form: forms.RuleForm, rule: Rule | None) -> engine.Rule | None:
    """The rule that the form shows, None while it isn't complete; complaints are for saving, not for typing."""
    if not form.is_bound:
        return models.rule_from_snapshot(rule.snapshot()) if rule else None
    try:
        condition = deepcopy(form.group).condition()
        effects = tuple(replace(row, errors=[]).effect() for row in form.effect_rows)
    except rows.InvalidRow:
        return None
    return engine.Rule(id=0, name="", condition=condition, effects=effects, is_stop=bool(form["is_stop"].value()))


def _zones_in(form: forms.RuleForm) -> Sequence[str]:
    return [
        zone
        for row in rows.walk(form.group)
        if isinstance(row, rows.ConditionRow)
        for zone in row.texts.get("zone", [])
    ]


@require_POST
def delete(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Delete a rule."""
    try:
        actions.delete_rule(rule=rule_or_404(rule_id), by=agent_of(request), expected_version=seen_version(request))
    except StaleRules:
        messages.warning(request, _("Not deleted: somebody else has changed the rules meanwhile. Look again."))
        return redirect("rule", rule_id)
    messages.success(request, _("Deleted. New tickets no longer follow it."))
    return redirect("rules")
