"""Who can take what: how a team shares out, what agents know, when they are there."""

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from helpdesk.actions import staffing as actions
from helpdesk.actions.staffing import OverflowTo
from helpdesk.console.access import agent_of
from helpdesk.models import Absence, Agent, Channel, Organisation, Shift, Skill, Team
from helpdesk.queries import people, staffing
from helpdesk.queries.assignment import CEFR
from helpdesk.queries.tickets import teams_of
from helpdesk.queries.workload import Staff, local_zone

#: So many teams a team can overflow to.
OVERFLOWS = 3
MAX_MINUTES = 60 * 24 * 30


def _minutes(label: Any, **options: Any) -> forms.IntegerField:
    widget = forms.NumberInput(attrs={"min": 0, "max": MAX_MINUTES})
    return forms.IntegerField(label=label, min_value=0, max_value=MAX_MINUTES, widget=widget, **options)


class SharingForm(forms.ModelForm):  # type: ignore[type-arg]
    """How a team shares its tickets out. Members' weights and overflows have fields of their own names."""

    language_level = forms.TypedChoiceField(
        label=gettext_lazy("From level"), coerce=int, choices=[(n, CEFR[n]) for n in range(1, 7)]
    )
    patience_minutes = _minutes(gettext_lazy("Minutes that a ticket waits for that person"))
    away_minutes = _minutes(gettext_lazy("Minutes of absence before that"))
    reaction_minutes = _minutes(
        gettext_lazy("Minutes for a first reaction"),
        required=False,
        help_text=gettext_lazy(
            "Without a reply, a note or a change of state the ticket goes to somebody who is online. Empty: it stays."
        ),
    )

    class Meta:
        model = Team
        fields = actions.SHARING_FIELDS
        labels = {
            "strategy": gettext_lazy("Who gets a new ticket"),
            "needs_online": gettext_lazy("Mail too only to agents who are online"),
            "calendar": gettext_lazy("Working hours"),
            "language_need": gettext_lazy("The ticket's language"),
            "prefers_account_owner": gettext_lazy("First whoever looks after the customer's organisation"),
            "prefers_known_agent": gettext_lazy("First whoever had the customer's last ticket"),
            "reassigns_away": gettext_lazy("Tickets of somebody who is away or absent"),
        }
        help_texts = {
            "needs_online": gettext_lazy("Chats always need somebody who is online."),
            "calendar": gettext_lazy("Of members who have no hours of their own."),
            "prefers_account_owner": "",
            "prefers_known_agent": "",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        team = self.instance
        self.fields["calendar"].empty_label = _("Always")  # type: ignore[attr-defined]  # a model's field
        self.members = staffing.members_of(team, now=timezone.now())
        for member in self.members:
            self.fields[f"weight_{member.agent_id}"] = forms.IntegerField(
                min_value=0,
                max_value=100,
                initial=member.weight,
                widget=forms.NumberInput(attrs={"min": 0, "max": 100}),
            )
        known = staffing.overflows_of(team)
        for place in range(OVERFLOWS):
            row = known[place] if place < len(known) else None
            self.fields[f"overflow_{place}"] = forms.ModelChoiceField(
                label=_("Team"),
                queryset=Team.objects.filter(is_active=True).exclude(pk=team.pk),
                required=False,
                initial=row.to_team if row else None,
                empty_label="–",
            )
            self.fields[f"after_{place}"] = _minutes(
                _("After minutes"), required=False, initial=row.after_minutes if row else 0
            )

    @property
    def weights(self) -> dict[int, int]:
        """The weight of each member by id."""
        return {each.agent_id: self.cleaned_data[f"weight_{each.agent_id}"] for each in self.members}

    @property
    def overflows(self) -> list[OverflowTo]:
        """The chosen teams in their order, each once."""
        chosen: dict[int, OverflowTo] = {}
        for place in range(OVERFLOWS):
            team = self.cleaned_data[f"overflow_{place}"]
            if team is not None:
                chosen.setdefault(team.pk, OverflowTo(team, self.cleaned_data[f"after_{place}"] or 0))
        return list(chosen.values())


@require_http_methods(["GET", "POST"])
def sharing(request: HttpRequest, team_id: int) -> HttpResponse:
    """How a team shares out: see and change, for admins and the leads of the team."""
    team = _team(request, team_id)
    form = SharingForm(request.POST or None, instance=_team(request, team_id))
    if request.method == "POST" and form.is_valid():
        actions.save_sharing(
            team=team,
            values=form.cleaned_data,
            weights=form.weights,
            overflows=form.overflows,
            by=agent_of(request),
            at=timezone.now(),
        )
        messages.success(request, _("Saved."))
        return redirect("team-sharing", team.pk)
    context = {
        "form": form,
        "team": team,
        "members": [(each, form[f"weight_{each.agent_id}"]) for each in form.members],
        "overflows": [(form[f"overflow_{n}"], form[f"after_{n}"]) for n in range(OVERFLOWS)],
    }
    return render(request, "console/sharing.html", context, status=422 if form.errors else 200)


class SkillForm(forms.Form):
    """A new skill."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Skill.Kind.choices)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    slug = forms.SlugField(
        label=gettext_lazy("Word in rules"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Of a language: its code, such as fi, so that tickets in it find those who know it."),
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        values["slug"] = (values.get("slug") or slugify(values.get("name", ""))).lower()
        if not values["slug"]:
            self.add_error("slug", _("Give it a word of small letters, digits and dashes."))
        return values


@require_http_methods(["GET", "POST"])
def skills(request: HttpRequest) -> HttpResponse:
    """All skills, a form for one more, and what tickets weigh."""
    form = SkillForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.save_skill(**form.cleaned_data, by=agent_of(request), at=timezone.now())
        except IntegrityError:
            form.add_error("slug", _("Another skill has this word."))
        else:
            return redirect("skills")
    units = Staff().units
    kinds = [(kind.value, kind.label, units.get(kind.value, 1)) for kind in Channel.Kind]
    context = {"form": form, "lines": staffing.skill_lines(), "kinds": kinds}
    return render(request, "console/skills.html", context, status=422 if form.errors else 200)


@require_POST
def delete_skill(request: HttpRequest, skill_id: int) -> HttpResponse:
    """Nobody has it any more."""
    try:
        skill = staffing.skill_by_id(skill_id=skill_id)
    except Skill.DoesNotExist as error:
        raise Http404 from error
    actions.delete_skill(skill=skill, by=agent_of(request), at=timezone.now())
    return redirect("skills")


@require_POST
def weigh(request: HttpRequest) -> HttpResponse:
    """How much a ticket of each kind of channel weighs."""
    given = {kind: request.POST.get(f"units_{kind}", "") for kind in Channel.Kind.values}
    units = {kind: int(text) for kind, text in given.items() if text.isdecimal() and 1 <= int(text[:4]) <= 100}
    actions.set_weights_of_channels(units=units, by=agent_of(request), at=timezone.now())
    messages.success(request, _("Saved."))
    return redirect("skills")


@require_POST
def set_skills(request: HttpRequest, agent_id: int) -> HttpResponse:
    """What an agent can do."""
    try:
        person = people.agent_by_id(agent_id=agent_id)
    except Agent.DoesNotExist as error:
        raise Http404 from error
    given = {line.skill.pk: request.POST.get(f"level_{line.skill.pk}", "0") for line in staffing.skill_lines()}
    levels = {pk: int(text) for pk, text in given.items() if text in "0123456" and len(text) == 1}
    actions.set_skills(agent=person, levels=levels, by=agent_of(request), at=timezone.now())
    messages.success(request, _("Saved."))
    return redirect("agent", person.pk)


class AbsenceForm(forms.Form):
    """Days on which somebody isn't there."""

    begins_on = forms.DateField(label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}))
    ends_on = forms.DateField(label=gettext_lazy("Last day"), widget=forms.DateInput(attrs={"type": "date"}))
    cause = forms.ChoiceField(label=gettext_lazy("Why"), choices=Absence.Cause.choices)
    substitute = forms.ModelChoiceField(
        label=gettext_lazy("Substitute"), queryset=Agent.objects.none(), required=False, empty_label="–"
    )

    def __init__(self, *args: Any, absentee: Agent, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["substitute"].queryset = people.colleagues_of(absentee)  # type: ignore[attr-defined]  # as above

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        begins, ends = values.get("begins_on"), values.get("ends_on")
        if begins and ends and ends < begins:
            self.add_error("ends_on", _("The last day is before the first."))
        return values


def absence_context(person: Agent, *, form: AbsenceForm | None = None) -> dict[str, Any]:
    """For ``console/absences.html``."""
    return {
        "absentee": person,
        "absences": staffing.absences_of(person, now=timezone.now()),
        "absence_form": form or AbsenceForm(absentee=person),
    }


@require_http_methods(["GET", "POST"])
def absences(request: HttpRequest, agent_id: int) -> HttpResponse:
    """When somebody isn't there: an admin for anybody, everybody for themselves."""
    by = agent_of(request)
    try:
        person = staffing.absentee_for(by, agent_id=agent_id)
    except Agent.DoesNotExist as error:
        raise Http404 from error
    form = AbsenceForm(request.POST or None, absentee=person)
    if request.method == "POST" and form.is_valid():
        actions.add_absence(agent=person, **form.cleaned_data, by=by, at=timezone.now())
        return redirect("absences", person.pk)
    context = {**absence_context(person, form=form), "is_own": person == by}
    return render(request, "console/absences.html", context, status=422 if form.errors else 200)


@require_POST
def remove_absence(request: HttpRequest, absence_id: int) -> HttpResponse:
    """It doesn't take place."""
    by = agent_of(request)
    try:
        row = staffing.absence_for(by, absence_id=absence_id)
    except Absence.DoesNotExist as error:
        raise Http404 from error
    person = row.agent
    actions.remove_absence(absence=row, by=by, at=timezone.now())
    return redirect("absences", person.pk)


class ShiftForm(forms.Form):
    """One shift, or the same one on several days in a row."""

    day = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}))
    begins = forms.TimeField(label=gettext_lazy("From"), widget=forms.TimeInput(attrs={"type": "time"}))
    ends = forms.TimeField(label=gettext_lazy("To"), widget=forms.TimeInput(attrs={"type": "time"}))
    days = forms.IntegerField(
        label=gettext_lazy("Days in a row"),
        min_value=1,
        max_value=31,
        initial=1,
        widget=forms.NumberInput(attrs={"min": 1, "max": 31}),
    )

    def spans(self, zone_name: str) -> list[tuple[datetime, datetime]]:
        """Each day's shift on that zone's clocks; one that ends before it begins goes on past midnight."""
        zone, values = local_zone(zone_name), self.cleaned_data
        length = timedelta(days=1 if values["ends"] <= values["begins"] else 0)
        days: list[date] = [values["day"] + timedelta(days=n) for n in range(values["days"])]
        return [
            (
                datetime.combine(day, values["begins"], tzinfo=zone),
                datetime.combine(day + length, values["ends"], tzinfo=zone),
            )
            for day in days
        ]


@require_http_methods(["GET", "POST"])
def shifts(request: HttpRequest, agent_id: int) -> HttpResponse:
    """When an agent works whose hours are shifts."""
    try:
        person = people.agent_by_id(agent_id=agent_id)
    except Agent.DoesNotExist as error:
        raise Http404 from error
    form = ShiftForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        spans = form.spans(person.time_zone)
        actions.add_shifts(agent=person, spans=spans, by=agent_of(request), at=timezone.now())
        return redirect("shifts", person.pk)
    rows = staffing.shifts_of(person, now=timezone.now())
    context = {"person": person, "form": form, "shifts": rows, "zone": local_zone(person.time_zone).key}
    return render(request, "console/shifts.html", context, status=422 if form.errors else 200)


@require_POST
def remove_shift(request: HttpRequest, shift_id: int) -> HttpResponse:
    """It doesn't take place."""
    try:
        row = staffing.shift_by_id(shift_id=shift_id)
    except Shift.DoesNotExist as error:
        raise Http404 from error
    actions.remove_shift(shift=row, by=agent_of(request), at=timezone.now())
    return redirect("shifts", row.agent_id)


@require_POST
def account_owner(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """Who looks after an organisation."""
    try:
        organisation = staffing.organisation_by_id(organisation_id=organisation_id)
    except Organisation.DoesNotExist as error:
        raise Http404 from error
    number = request.POST.get("account_owner", "")
    owner = people.active_agents().filter(pk=int(number)).first() if number.isdecimal() and len(number) < 19 else None
    actions.set_account_owner(organisation=organisation, owner=owner, by=agent_of(request), at=timezone.now())
    return HttpResponse(status=204)


def _team(request: HttpRequest, team_id: int) -> Team:
    found = teams_of(agent_of(request)).filter(pk=team_id).first()
    if found is None:
        raise Http404
    return found
