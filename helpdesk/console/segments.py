"""Segments: saved questions about customers, who is in them now, and the form that asks."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk.actions import segments as actions
from helpdesk.console import paging
from helpdesk.console.access import agent_of
from helpdesk.console.customer_look import language_name
from helpdesk.console.rule_choices import LANGUAGES
from helpdesk.models import Channel, Segment
from helpdesk.queries import customers
from helpdesk.queries import segments as queries
from helpdesk.queries.segments import Criteria


def _number(label: Any, *, most: int) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=1, max_value=most, required=False)


class SegmentForm(forms.Form):
    """Name and criteria; an empty field asks nothing."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    classes = forms.MultipleChoiceField(
        label=gettext_lazy("Class"), required=False, widget=forms.CheckboxSelectMultiple
    )
    languages = forms.MultipleChoiceField(label=gettext_lazy("Language"), required=False)
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("Has written by"), required=False, widget=forms.CheckboxSelectMultiple
    )
    rating_below = forms.IntegerField(label=gettext_lazy("A rating below"), min_value=2, max_value=5, required=False)
    rating_days = _number(gettext_lazy("in the last so many days"), most=3650)
    tickets_at_least = _number(gettext_lazy("At least so many tickets"), most=10_000)
    tickets_days = _number(gettext_lazy("opened in the last so many days"), most=3650)
    open_at_least = _number(gettext_lazy("At least so many open tickets"), most=10_000)
    silent_days = _number(gettext_lazy("Has not written for so many days"), most=3650)

    def __init__(self, *args: Any, segment: Segment | None = None, **kwargs: Any) -> None:
        self.segment = segment
        stored = Criteria.of(segment.criteria) if segment else Criteria()
        values = {"name": segment.name, **stored.as_data()} if segment else {}
        kwargs["initial"] = values
        super().__init__(*args, **kwargs)
        self._choose("classes", {name: name for name in (*customers.classes(), *stored.classes)})
        self._choose("languages", {code: language_name(code) for code in (*LANGUAGES, *stored.languages)})
        self._choose("channels", {kind.value: str(kind.label) for kind in Channel.Kind})

    def _choose(self, name: str, choices: dict[str, str]) -> None:
        self.fields[name].choices = list(choices.items())  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        others = Segment.objects.exclude(pk=self.segment.pk) if self.segment else Segment.objects.all()
        if others.filter(name=name).exists():
            raise forms.ValidationError(_("Another segment has this name."))
        return name

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors and self.criteria.is_empty:
            raise forms.ValidationError(_("Say at least one thing that these customers have in common."))
        return values

    @property
    def criteria(self) -> Criteria:
        """What was asked."""
        return Criteria.of({name: value for name, value in self.cleaned_data.items() if name != "name"})


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Every segment, in words."""
    rows = [(each, sentence(Criteria.of(each.criteria))) for each in queries.all_segments()]
    return render(request, "console/customer/segments.html", {"segments": rows})


@require_safe
def segment(request: HttpRequest, segment_id: int) -> HttpResponse:
    """Who is in it now."""
    row, now = _segment_or_404(segment_id), timezone.now()
    criteria = Criteria.of(row.criteria)
    within = queries.members(criteria, at=now)
    page = customers.listing(agent=agent_of(request), within=within, key=paging.key_of(request))
    context = {
        "segment": row,
        "sentence": sentence(criteria),
        "count": queries.count_of(criteria, at=now),
        "cap": queries.COUNT_CAP,
        "page": page,
        **paging.links(request, page),
    }
    return render(request, "console/customer/segment.html", context)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, segment_id: int = 0) -> HttpResponse:
    """A segment, new or not."""
    row = _segment_or_404(segment_id) if segment_id else None
    form = SegmentForm(request.POST or None, segment=row)
    if request.method == "POST" and form.is_valid():
        saved = actions.save_segment(
            segment=row,
            name=form.cleaned_data["name"],
            criteria=form.criteria,
            by=agent_of(request),
            at=timezone.now(),
        )
        messages.success(request, _("Saved."))
        return redirect("segment", saved.pk)
    context = {"segment": row, "form": form}
    return render(request, "console/customer/edit_segment.html", context, status=422 if form.errors else 200)


@require_POST
def delete(request: HttpRequest, segment_id: int) -> HttpResponse:
    """Do without it, unless a rule names it."""
    row = _segment_or_404(segment_id)
    try:
        actions.delete_segment(segment=row, by=agent_of(request), at=timezone.now())
    except actions.SegmentInUse as error:
        messages.error(request, _("Not deleted: the rule “%(name)s” asks for it.") % {"name": str(error)})
        return redirect("segment", row.pk)
    messages.success(request, _("Deleted."))
    return redirect("segments")


def sentence(criteria: Criteria) -> str:
    """What these customers have in common, in the reader's language."""
    return " · ".join(_parts(criteria))


def _parts(asked: Criteria) -> list[str]:
    parts = []
    if asked.classes:
        parts.append(_("class %(names)s") % {"names": ", ".join(asked.classes)})
    if asked.languages:
        parts.append(", ".join(language_name(code) for code in asked.languages))
    if asked.channels:
        labels = dict(Channel.Kind.choices)
        parts.append(_("wrote by %(names)s") % {"names": ", ".join(str(labels.get(k, k)) for k in asked.channels)})
    if asked.rating_below is not None:
        parts.append(_("a rating below %(score)s") % {"score": asked.rating_below} + _within(asked.rating_days))
    if asked.tickets_at_least is not None:
        parts.append(_("at least %(num)s tickets") % {"num": asked.tickets_at_least} + _within(asked.tickets_days))
    if asked.open_at_least is not None:
        parts.append(_("at least %(num)s open tickets") % {"num": asked.open_at_least})
    if asked.silent_days is not None:
        parts.append(_("nothing heard for %(num)s days") % {"num": asked.silent_days})
    return parts


def _within(days: int | None) -> str:
    return "" if days is None else " " + _("in %(num)s days") % {"num": days}


def _segment_or_404(segment_id: int) -> Segment:
    try:
        return queries.segment_by_id(segment_id=segment_id)
    except Segment.DoesNotExist as error:
        raise Http404 from error
