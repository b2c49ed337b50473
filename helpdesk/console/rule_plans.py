"""Plans for the rules: what one will change, and calling it off."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from helpdesk.actions import rule_plans as actions
from helpdesk.console.access import agent_of
from helpdesk.console.rule_choices import rule_choices
from helpdesk.console.rule_differences import shown, told
from helpdesk.queries import rule_versions
from routing_rules.models import RulePlan, rules_of_version
from routing_rules.rule_sets import compare


@require_safe
def plan(request: HttpRequest, plan_id: int) -> HttpResponse:
    """What a plan changes: of the rules as they stand while it waits, of those it was made from afterwards."""
    row = _plan(plan_id)
    line = next((each for each in rule_versions.plans() if each.plan.pk == row.pk), None)
    waits = line is not None and not line.is_crossed
    changes = line.changes if line and waits else compare(rules_of_version(row.base_version), row.rules)
    context = {
        "plan": row,
        "plans": [line] if line else [],
        "told": told,
        "shown": shown(changes, choices=rule_choices()),
        "waits": waits,
    }
    return render(request, "console/rule_plan.html", context)


@require_POST
def cancel(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Call a plan off, or put a crossed one out of sight."""
    row = _plan(plan_id)
    try:
        actions.cancel_plan(plan=row, by=agent_of(request))
    except actions.PlanSettled:
        messages.warning(request, _("Too late: the plan has been carried out or cancelled already."))
        return redirect("rule-plan", row.pk)
    messages.success(request, _("The plan is cancelled. Nothing changes."))
    return redirect("rules")


def _plan(plan_id: int) -> RulePlan:
    found = RulePlan.objects.filter(pk=plan_id).first()
    if found is None:
        raise Http404
    return found
