"""The form that edits one rule, and what a page needs to draw it. routing_rules.rows documents the posted names."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from routing_rules import conditions, models, rows, sentences
from routing_rules.engine import Effect, Rule
from routing_rules.examination import FailedTest
from routing_rules.folding import fold
from routing_rules.vocabulary import (
    EFFECTS,
    FIELDS,
    OPERATORS,
    OWN_CHOICES,
    EffectKind,
    Event,
    FieldType,
    Operator,
    gettext_noop,
)
from routing_rules.waiting import problem_of_waiting

Choices = Mapping[str, Sequence[tuple[str, str]]]
"""(value, label) pairs by the name of a list: teams, agents, channels, templates, languages, tags ... A list that is
not given leaves its input a free text; one that is given is complete, except for tags, where it only suggests."""

SUGGESTIONS = frozenset({"tags"})
"""Lists whose values need not exist yet."""


def all_choices(choices: Choices) -> dict[str, list[tuple[str, str]]]:
    """Return the caller's lists together with those of the language itself (events, priorities, weekdays)."""
    own = {source: [(value, gettext(label)) for value, label in named.items()] for source, named in OWN_CHOICES.items()}
    merged = dict(own)
    for source, pairs in choices.items():
        given = [(str(value), str(label)) for value, label in pairs]
        known = {value for value, _label in given}
        merged[source] = [pair for pair in own.get(source, []) if pair[0] not in known] + given
    return merged


def _name_of(choices: Choices) -> sentences.NameOf:
    names = {(source, fold(value)): label for source, pairs in all_choices(choices).items() for value, label in pairs}
    return lambda source, value: names.get((source, fold(value)), value)


def sentence(rule: Rule, *, choices: Choices) -> str:
    """Return a rule in the reader's language; for one that can't be read, why."""
    if rule.problem:
        return gettext("This rule can't be used: %(problem)s") % {"problem": rule.problem}
    return sentences.rule_sentence(rule, translate=gettext, name_of=_name_of(choices))


def condition_sentence(condition: conditions.Condition, *, choices: Choices) -> str:
    """Return a condition in the reader's language, as part of a sentence."""
    return sentences.sentence(condition, translate=gettext, name_of=_name_of(choices))


def failure_sentence(failed: FailedTest, *, choices: Choices) -> str:
    """Return why a rule did not match, in the reader's language."""
    return sentences.failure_sentence(failed, translate=gettext, name_of=_name_of(choices))


def effect_sentence(effect: Effect, *, choices: Choices) -> str:
    """Return one effect in the reader's language."""
    return sentences.effect_sentence(effect, translate=gettext, name_of=_name_of(choices))


def catalogue(*, choices: Choices) -> dict[str, Any]:
    """Return the whole language as JSON's types, for a page that lets people build conditions.

    fields: name, label, type, choices and operators (name, label, value kind); effects: kind, label, choices and value
    kind; groups: kind and label; choices: [value, label] pairs by list.
    """
    return {
        "fields": [
            {
                "name": field.name,
                "label": gettext(field.label),
                "type": str(field.type),
                "choices": field.choices,
                "operators": [_operator(operator, field.type) for operator in field.operators],
            }
            for field in FIELDS.values()
        ],
        "effects": [
            {
                "kind": str(spec.kind),
                "label": gettext(spec.label),
                "choices": spec.choices,
                "value_kind": str(spec.value_kind),
            }
            for spec in EFFECTS.values()
        ],
        "groups": [{"kind": kind, "label": str(label)} for kind, label in GROUP_LABELS],
        "choices": {source: [list(pair) for pair in pairs] for source, pairs in all_choices(choices).items()},
        "depth": conditions.DEPTH_MAX,
    }


def _operator(operator: Operator, kind: FieldType) -> dict[str, str]:
    spec = OPERATORS[operator]
    label = (
        gettext(spec.label)
        if kind is not FieldType.BOOL
        else gettext("yes")
        if operator == "is_true"
        else gettext("no")
    )
    return {"name": str(operator), "label": label, "value_kind": str(spec.value_kind)}


GROUP_LABELS = (("all", _("all of these")), ("any", _("any of these")), ("none", _("none of these")))


def _moment_input() -> forms.DateTimeInput:
    return forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class RuleForm(forms.Form):
    """Edits one rule. `cleaned_data` has the columns of models.Rule that people edit, and reason and version.

    `condition` and `effects` are JSON as models.Rule keeps it. `version` is the number of the newest version when the
    page was made, for models.take_version. Draw `group` (rows.GroupRow) and `effect_rows`; both carry their errors.
    """

    name = forms.CharField(label=_("Name"), max_length=120)
    comment = forms.CharField(
        label=_("Comment"), required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 2})
    )
    is_enabled = forms.BooleanField(label=_("Enabled"), required=False)
    is_stop = forms.BooleanField(label=_("Stop here: later rules are not asked"), required=False)
    events = forms.MultipleChoiceField(
        label=_("Asked when"),
        required=False,
        choices=lambda: [(event, gettext(label)) for event, label in OWN_CHOICES["events"].items()],
        widget=forms.CheckboxSelectMultiple,
    )
    folder = forms.CharField(
        label=_("Folder"), required=False, max_length=200, widget=forms.TextInput(attrs={"list": "folders"})
    )
    once_per_ticket = forms.BooleanField(label=_("Once per ticket"), required=False)
    active_from = forms.DateTimeField(label=_("Active from"), required=False, widget=_moment_input())
    active_until = forms.DateTimeField(label=_("Active until"), required=False, widget=_moment_input())
    may_trigger = forms.BooleanField(label=_("What it does may set off other rules"), required=False)
    reason = forms.CharField(label=_("Why this change"), required=False, max_length=500)
    version = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, choices: Choices, rule: models.Rule | None = None
    ) -> None:
        """Show `rule` (None: a new one), or read `data`. `choices` are the lists that fill the inputs."""
        super().__init__(data=data, initial=_initial(rule))
        self.choices = all_choices(choices)
        self.group = rows.GroupRow("c")
        self.effect_rows: list[rows.EffectRow] = []
        if data is not None:
            post = _lists(data)
            self.group = rows.posted_condition(post)
            self.effect_rows = rows.posted_effects(post)
        elif rule is not None:
            engine_rule = models.rule_from_snapshot(rule.snapshot())
            self.group = rows.rows_of(engine_rule.condition)
            self.effect_rows = rows.effect_rows_of(engine_rule.effects)

    def be_quiet(self) -> None:
        """Complain about nothing: somebody is still at it."""
        self._errors = ErrorDict()
        self.cleaned_data: dict[str, Any] = {}

    def clean_events(self) -> list[str]:
        """A rule that names no event is about a ticket's creation."""
        return list(self.cleaned_data["events"]) or [Event.TICKET_CREATED.value]

    def clean_folder(self) -> str:
        """A path like Billing/Reminders, without empty parts."""
        return "/".join(part for part in (part.strip() for part in self.cleaned_data["folder"].split("/")) if part)

    def clean_active_until(self) -> Any:
        """Complain about a span that is over before it begins."""
        start, end = self.cleaned_data.get("active_from"), self.cleaned_data["active_until"]
        if start and end and end <= start:
            raise forms.ValidationError(gettext("It ends before it begins."))
        return end

    def clean(self) -> dict[str, Any]:
        """Read condition and effects, and complain about every row at once."""
        cleaned: dict[str, Any] = super().clean() or {}
        condition, effects = self._condition(), self._effects()
        complaints = [*self._row_complaints()]
        if not effects and not cleaned.get("is_stop") and not complaints:
            complaints.append(gettext("Say what the rule does: at least one action, or “stop here”."))
        if not complaints:
            complaints += self._event_complaints(effects, cleaned.get("events", ()), condition)
        for complaint in complaints:
            self.add_error(None, complaint)
        if condition is not None:
            cleaned["condition"] = conditions.to_json(condition)
        cleaned["effects"] = models.effects_to_json(tuple(effects))
        return cleaned

    def sentence(self) -> str:
        """Return the posted rule in words; only after `is_valid()`."""
        data = self.cleaned_data
        rule = Rule(
            id=0,
            name=data["name"],
            condition=conditions.from_json(data["condition"]),
            effects=models.effects_from_json(data["effects"]),
            is_stop=data["is_stop"],
            events=tuple(data["events"]),
        )
        return sentence(rule, choices=self.choices)

    def _condition(self) -> conditions.Condition | None:
        try:
            condition = self.group.condition()
        except rows.InvalidRow:
            return None
        if sum(1 for _test in conditions.tests_of(condition)) > conditions.TESTS_MAX:
            self.group.errors.append(conditions.too_many_tests())
            return None
        for row in rows.walk(self.group):
            if isinstance(row, rows.ConditionRow):
                row.errors += self._unknown(row.choices, row.texts.get("value", []))
        return condition

    def _effects(self) -> list[Effect]:
        effects: list[Effect] = []
        for row in self.effect_rows:
            try:
                effect = row.effect()
            except rows.InvalidRow:
                continue
            row.errors += self._unknown(row.choices, [effect.value])
            if EFFECTS[EffectKind(effect.kind)].is_single and any(effect.kind == other.kind for other in effects):
                row.errors.append(conditions.InvalidCondition(_REPEATED))
            effects.append(effect)
        return effects

    def _event_complaints(
        self, effects: Sequence[Effect], events: Sequence[str], condition: conditions.Condition | None
    ) -> Iterator[str]:
        """Complain about what means nothing at the rule's events."""
        for effect in effects:
            spec = EFFECTS[EffectKind(effect.kind)]
            if spec.events and spec.events.isdisjoint(events):
                yield gettext("“%(effect)s” means nothing at these events.") % {"effect": gettext(spec.label)}
        problem = problem_of_waiting(events, condition) if condition is not None else ""
        if problem:
            yield gettext(problem)

    def _unknown(self, source: str, texts: Sequence[str]) -> list[conditions.InvalidCondition]:
        """Complain about values that a complete list does not have: a team that was deleted meanwhile."""
        if source not in self.choices or source in SUGGESTIONS:
            return []
        known = {fold(value) for value, _label in self.choices[source]}
        missing = [text for text in texts if fold(text) and fold(text) not in known]
        return [conditions.InvalidCondition(_UNKNOWN, params={"value": value}) for value in missing]

    def _row_complaints(self) -> list[str]:
        shown = (*rows.walk(self.group), *self.effect_rows)
        return [_placed(row, error.sentence(translate=gettext)) for row in shown for error in row.errors]


_REPEATED = gettext_noop("A rule sets this only once.")
_UNKNOWN = gettext_noop("“%(value)s” does not exist (any more).")


def _placed(row: rows.ConditionRow | rows.GroupRow | rows.EffectRow, complaint: str) -> str:
    """Say where: "Subject: Say which text to look for."."""
    label = ""
    if isinstance(row, rows.ConditionRow) and row.field in FIELDS:
        label = gettext(FIELDS[row.field].label)
    elif isinstance(row, rows.EffectRow) and row.kind in EFFECTS:
        label = gettext(EFFECTS[EffectKind(row.kind)].label)
    return f"{label[:1].upper()}{label[1:]}: {complaint}" if label else complaint


def _lists(data: Mapping[str, Any]) -> dict[str, list[str]]:
    if isinstance(data, MultiValueDict):
        return {name: [str(value) for value in values] for name, values in data.lists()}
    return {
        name: [str(item) for item in value] if isinstance(value, (list, tuple)) else [str(value)]
        for name, value in data.items()
    }


def _initial(rule: models.Rule | None) -> dict[str, Any]:
    version = models.current_number()
    if rule is None:
        return {"is_enabled": True, "events": models.at_creation(), "version": version}
    names = (
        *("name", "comment", "is_enabled", "is_stop", "events", "folder"),
        *("once_per_ticket", "active_from", "active_until", "may_trigger"),
    )
    return {name: getattr(rule, name) for name in names} | {"version": version}
