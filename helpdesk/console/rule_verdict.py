"""The linter's word for the rule that is being edited, and for each rule of the list."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.console.finding_words import Subject, Told, told
from helpdesk.console.rule_choices import Choices
from helpdesk.models import RuleFinding
from helpdesk.queries.rule_linting import DRAFT, about_draft
from routing_rules import engine, forms
from routing_rules.findings import PROBLEMS, Certainty, Finding
from routing_rules.models import Rule, load_ruleset

#: More in the margin of the builder would be a wall of text.
SHOWN = 5


def verdict(
    *, form: forms.RuleForm, draft: engine.Rule | None, rule: Rule | None, above: Rule | None, choices: Choices
) -> dict[str, object]:
    """What the margin of the builder says of a rule as it stands in the form."""
    if draft is None or draft.problem:
        return {"is_examined": False}
    draft = replace(draft, id=rule.pk if rule else DRAFT, is_enabled=True, name=_name(form), **_timing(form))
    found = about_draft(
        draft=draft, rule_id=rule.pk if rule else None, above=above.pk if above else None, now=timezone.now()
    )
    found.sort(key=lambda each: not each.is_problem)
    words = [_told(each, draft=draft, choices=choices) for each in found]
    return {"is_examined": True, "told": words[:SHOWN], "more": max(0, len(words) - SHOWN)}


def _name(form: forms.RuleForm) -> str:
    return str(form["name"].value() or "").strip()


def _timing(form: forms.RuleForm) -> dict[str, Any]:
    """When the rule is asked, as far as the form has it; a moment that can't be read yet is left out."""
    timing: dict[str, Any] = {"events": tuple(form["events"].value() or ()) or ("ticket_created",)}
    timing["once_per_ticket"] = bool(form["once_per_ticket"].value())
    for name in ("active_from", "active_until"):
        value = form[name].value()
        if value and not isinstance(value, datetime):
            try:
                value = form.fields[name].clean(value)
            except ValidationError:
                value = None
        timing[name] = value or None
    return timing


def _told(finding: Finding, *, draft: engine.Rule, choices: Choices) -> Told:
    names = {rule.id: rule.name for rule in load_ruleset().rules} | {draft.id: draft.name or _("this rule")}
    subject = Subject(
        rule=names.get(finding.rule_id, ""),
        others=[names.get(rule_id, "") for rule_id in finding.others],
        details=finding.details,
        is_proved=finding.certainty is Certainty.PROVED,
        choices=choices,
    )
    return told(code=finding.code, subject=subject)


def counts_by_rule() -> Mapping[str, int]:
    """How many problems stand against each rule, by its uid; what was dismissed doesn't count."""
    open_ones = RuleFinding.objects.filter(
        is_current=True, dismissed_at=None, code__in=[code.value for code in PROBLEMS]
    )
    return Counter(str(uid) for uid in open_ones.values_list("rule_uid", flat=True) if uid)
