"""Service policies: targets by priority, by which calendar, and for whom."""

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from helpdesk.actions import service as actions
from helpdesk.console.access import agent_of
from helpdesk.models import BusinessCalendar, ClockKind, Organisation, Priority, ServicePolicy, Team
from helpdesk.queries import calendars

_TARGET = re.compile(r"(?:(\d{1,4})\s*h)?\s*(?:(\d{1,5})\s*min)?", re.IGNORECASE)
#: A target must be one that open time can reach within the ten years that anybody computes ahead.
_MOST_MINUTES = 366 * 24 * 60


class TargetField(forms.CharField):
    """Open time as "8 h", "30 min" or "1 h 30 min", in minutes; empty: not measured."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"placeholder": "–", "size": 8})
        super().__init__(max_length=20, required=False, widget=widget, **options)

    def clean(self, value: Any) -> Any:
        text = (super().clean(value) or "").strip()
        if not text:
            return 0
        match = _TARGET.fullmatch(text)
        minutes = int(match[1] or 0) * 60 + int(match[2] or 0) if match else 0
        if text.isdecimal():
            minutes = int(text) * 60
        if not 0 < minutes <= _MOST_MINUTES:
            raise forms.ValidationError(_("Write 8 h, 30 min or 1 h 30 min."))
        return minutes


def target_text(minutes: int) -> str:
    """As TargetField reads it."""
    hours, rest = divmod(minutes, 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest else "") if part)


class PolicyForm(forms.Form):
    """A policy; its targets are fields of their own, named by kind and priority."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    slug = forms.SlugField(
        label=gettext_lazy("Word in rules"),
        required=False,
        help_text=gettext_lazy("Rules name the policy by it. Small letters, digits and dashes."),
    )
    calendar = forms.ModelChoiceField(
        label=gettext_lazy("Calendar"),
        queryset=BusinessCalendar.objects.select_related("current"),
        required=False,
        empty_label=gettext_lazy("Round the clock"),
    )
    warn_percent = forms.IntegerField(
        label=gettext_lazy("Warn at"),
        min_value=0,
        max_value=99,
        help_text=gettext_lazy("Percent of the target. 0: no warning."),
    )
    pauses_while_waiting = forms.BooleanField(
        label=gettext_lazy("Pauses while the ticket waits for the customer"), required=False
    )
    is_default = forms.BooleanField(
        label=gettext_lazy("For every ticket that nothing else chooses a policy for"), required=False
    )
    is_active = forms.BooleanField(
        label=gettext_lazy("In use"),
        required=False,
        help_text=gettext_lazy("Otherwise new tickets don't get it; clocks that run go on."),
    )
    teams = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Teams"),
        queryset=Team.objects.filter(is_active=True),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    organisations = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Organisations"),
        queryset=Organisation.objects.order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, data: Any = None, *, policy: ServicePolicy | None, **options: Any) -> None:
        super().__init__(data, **options)
        self.policy = policy
        for kind in ClockKind:
            for priority in Priority:
                label = f"{kind.label}, {priority.label}"
                self.fields[f"{kind.value}_{priority.slug}"] = TargetField(label=label)

    @property
    def table(self) -> list[tuple[str, list[Any]]]:
        """A row for each kind of clock, with a field for each priority."""
        return [
            (str(kind.label), [self[f"{kind.value}_{priority.slug}"] for priority in Priority]) for kind in ClockKind
        ]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        values["slug"] = values.get("slug") or slugify(values.get("name", "")) or "policy"
        others = ServicePolicy.objects.exclude(pk=self.policy.pk if self.policy else 0)
        for name in ("name", "slug"):
            if values.get(name) and others.filter(**{name: values[name]}).exists():
                self.add_error(name, _("Another policy has it."))
        if values.get("is_default") and not values.get("is_active"):
            self.add_error("is_active", _("The default policy must be in use."))
        return values

    def targets(self) -> dict[str, dict[str, int]]:
        """What was filled in, as the model keeps it."""
        found = {
            kind.value: {
                priority.slug: minutes
                for priority in Priority
                if (minutes := self.cleaned_data.get(f"{kind.value}_{priority.slug}"))
            }
            for kind in ClockKind
        }
        return {kind: targets for kind, targets in found.items() if targets}


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """All policies."""
    lines = calendars.policy_lines()
    shown = [(line, [_summary(line.policy, kind) for kind in ClockKind]) for line in lines]
    return render(request, "console/service.html", {"lines": shown, "kinds": [str(kind.label) for kind in ClockKind]})


def _summary(policy: ServicePolicy, kind: ClockKind) -> str:
    """The target of normal tickets, else the first there is."""
    targets = policy.targets.get(kind.value, {})
    minutes = targets.get("normal") or next(iter(targets.values()), 0)
    return target_text(minutes) if minutes else "–"


@require_http_methods(["GET", "POST"])
def policy(request: HttpRequest, policy_id: int | None = None) -> HttpResponse:
    """Make or change a policy. ``do=preview`` shows what it would do to running clocks, and stores nothing."""
    stored = _policy_or_404(policy_id)
    form = PolicyForm(request.POST or None, policy=stored, initial=_initial(stored))
    effect = None
    if request.method == "POST" and form.is_valid():
        fields = _fields(form)
        if request.POST.get("do") != "preview":
            actions.save_policy(policy=stored, fields=fields, by=agent_of(request))
            messages.success(request, _("Saved."))
            return redirect("service")
        if stored is not None:
            changed = calendars.policy_by_id(number=stored.pk)
            actions.apply_fields(policy=changed, fields=fields)
            effect = actions.effect_of(policies=[changed], at=timezone.now())
    context = {
        "form": form,
        "policy": stored,
        "effect": effect,
        "priorities": [str(priority.label) for priority in Priority],
    }
    return render(request, "console/policy.html", context, status=422 if form.errors else 200)


def _fields(form: PolicyForm) -> actions.PolicyFields:
    values = form.cleaned_data
    same = (
        "name", "slug", "calendar", "warn_percent", "pauses_while_waiting", "is_default", "is_active", "teams",
        "organisations",
    )  # fmt: skip
    return actions.PolicyFields(targets=form.targets(), **{name: values[name] for name in same})


def _initial(stored: ServicePolicy | None) -> dict[str, Any]:
    if stored is None:
        return {"warn_percent": 80, "pauses_while_waiting": True, "is_active": True}
    same = ("name", "slug", "calendar", "warn_percent", "pauses_while_waiting", "is_default", "is_active")
    targets = {
        f"{kind}_{priority}": target_text(minutes)
        for kind, by_priority in stored.targets.items()
        for priority, minutes in by_priority.items()
    }
    served = {"teams": stored.teams.all(), "organisations": stored.organisations.all()}
    return {**{name: getattr(stored, name) for name in same}, **served, **targets}


def _policy_or_404(number: int | None) -> ServicePolicy | None:
    if number is None:
        return None
    try:
        return calendars.policy_by_id(number=number)
    except ServicePolicy.DoesNotExist as error:
        raise Http404 from error
