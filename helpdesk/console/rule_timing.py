"""From when a saved rule counts: at once, from a set moment, or with a plan that waits already."""

import uuid
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.actions import rule_plans
from helpdesk.actions.rule_sets import rules_now
from helpdesk.actions.rules import RuleFields
from helpdesk.jinja import exact
from helpdesk.models import Agent
from routing_rules.models import Rule, RulePlan, StaleRules, current_number

#: The choices of ``when`` beside the numbers of plans.
NOW, LATER = "now", "later"


def moment_field(label: object) -> forms.DateTimeField:
    """A moment in the reader's zone."""
    shape = "%Y-%m-%dT%H:%M"
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=shape)
    return forms.DateTimeField(label=label, required=False, widget=widget, input_formats=[shape])  # type: ignore[arg-type]


class TimingForm(forms.Form):
    """When a change takes effect."""

    when = forms.ChoiceField(label=gettext_lazy("Takes effect"), required=False)
    activate_at = moment_field(gettext_lazy("From"))

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"when": NOW})
        self.plans = {str(plan.pk): plan for plan in RulePlan.objects.filter(state=RulePlan.State.WAITING)}
        planned = [(number, _("with the plan for %s") % exact(plan.activate_at)) for number, plan in self.plans.items()]
        choices = [(NOW, _("at once")), (LATER, _("from a set moment")), *planned]
        field = self.fields["when"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - as declared above
        field.choices = choices

    def be_quiet(self) -> None:
        """Complain about nothing: somebody is still at it."""
        self._errors = ErrorDict()

    @property
    def is_now(self) -> bool:
        """Whether the change takes effect with the click; only after ``is_valid()``."""
        return self.cleaned_data["when"] in ("", NOW)

    def clean(self) -> dict[str, Any]:
        """A set moment is one that is still to come."""
        cleaned: dict[str, Any] = super().clean() or {}
        moment: datetime | None = cleaned.get("activate_at")
        if cleaned.get("when") == LATER and "activate_at" not in self.errors:
            if moment is None:
                self.add_error("activate_at", _("Say from when."))
            elif moment <= timezone.now():
                self.add_error("activate_at", _("This moment has passed."))
        return cleaned

    def plan(
        self, *, rule: Rule | None, fields: RuleFields, version: int | None, reason: str, by: Agent
    ) -> tuple[RulePlan, bool]:
        """Put the change into a plan; the second tells whether the plan is a new one.

        Raises StaleRules, rule_plans.PlanSettled, and rule_plans.NothingToPlan when nothing differs.
        """
        newest = current_number()
        if version != newest:
            raise StaleRules(number=newest)
        snapshot = _snapshot(rule, fields)
        waiting = self.plans.get(self.cleaned_data["when"])
        if waiting is not None:
            rule_plans.extend_plan(plan=waiting, snapshot=snapshot, expected_version=newest, by=by)
            return waiting, False
        draft = [snapshot if each["uid"] == snapshot["uid"] else each for each in rules_now()]
        if rule is None:
            draft.append(snapshot)
        made = rule_plans.plan_rules(
            rules=draft,
            base_version=newest,
            activate_at=self.cleaned_data["activate_at"],
            reason=reason,
            by=by,
        )
        return made, True


def _snapshot(rule: Rule | None, fields: RuleFields) -> dict[str, Any]:
    data = fields.as_data()
    for name in ("active_from", "active_until"):
        moment: datetime | None = data[name]
        data[name] = moment.astimezone(UTC).isoformat() if moment else None
    return data | {"id": rule.pk if rule else 0, "uid": str(rule.uid if rule else uuid.uuid4())}
