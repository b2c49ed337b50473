"""Where rehearsals begin: the rule in the builder, an older version, a plan, a file, a suggestion. Nothing is saved."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from helpdesk.actions import rehearsals as actions
from helpdesk.console.access import agent_of
from helpdesk.console.findings import seed_of
from helpdesk.console.rule_choices import rule_choices
from helpdesk.console.rules import above_of, editor
from helpdesk.jinja import exact
from routing_rules import forms
from routing_rules.models import Rule, RulePlan, RuleVersion

_DAYS = 30


@require_POST
def try_rule(request: HttpRequest, rule_id: int | None = None) -> HttpResponse:
    """Try the rule in the form, unsaved, in its place among the others."""
    rule = None if rule_id is None else Rule.objects.filter(pk=rule_id).first()
    if rule is None and rule_id is not None:
        raise Http404
    choices = rule_choices()
    form = forms.RuleForm(request.POST, choices=choices, rule=rule)
    if not form.is_valid():
        return editor(request, form, choices, rule, above=above_of(request))
    columns = {field.name for field in Rule._meta.concrete_fields} & form.cleaned_data.keys()
    drafted = Rule(**{name: form.cleaned_data[name] for name in columns})
    drafted.pk, drafted.uid = (rule.pk, rule.uid) if rule else (0, drafted.uid)
    return begin(request, rules=_with(drafted, above=above_of(request)), title=drafted.name)


@require_POST
def try_suggestion(request: HttpRequest, suggestion_id: int) -> HttpResponse:
    """Try the rule that the desk has learned, where it would have to stand."""
    seed = seed_of(str(suggestion_id))
    if seed is None:
        raise Http404
    drafted, above = seed
    drafted.pk = 0
    return begin(request, rules=_with(drafted, above=above), title=drafted.name)


@require_POST
def try_version(request: HttpRequest, number: int) -> HttpResponse:
    """Try the rules as they were in an older version."""
    version = RuleVersion.objects.filter(number=number).first()
    if version is None:
        raise Http404
    return begin(request, rules=version.rules, title=_("Version %(number)s") % {"number": number})


@require_POST
def try_plan(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Try the rules that are to take over at a set moment."""
    plan = RulePlan.objects.filter(pk=plan_id).first()
    if plan is None:
        raise Http404
    return begin(request, rules=plan.rules, title=_("Rules from %(moment)s") % {"moment": exact(plan.activate_at)})


def begin(request: HttpRequest, *, rules: Sequence[Mapping[str, Any]], title: str) -> HttpResponse:
    """Ask for a rehearsal of ``rules`` (as RuleVersion.rules) over the posted number of days, and lead to it."""
    days = request.POST.get("days", "")
    rehearsal = actions.request(
        rules=rules,
        title=title,
        days=int(days) if days.isascii() and days.isdigit() and int(days) in actions.SPANS else _DAYS,
        by=agent_of(request),
    )
    return redirect("rehearsal", rehearsal.pk)


def _with(drafted: Rule, *, above: Rule | None) -> list[dict[str, Any]]:
    """Today's rules with the drafted one in its place: its own, above another one, or last."""
    rules = []
    for row in Rule.objects.all():
        if drafted.pk == 0 and above is not None and row.pk == above.pk:
            rules.append(drafted.snapshot())
        rules.append(drafted.snapshot() if row.pk == drafted.pk else row.snapshot())
    if drafted.pk == 0 and above is None:
        rules.append(drafted.snapshot())
    return rules
