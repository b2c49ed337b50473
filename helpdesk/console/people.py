"""Agents and teams: who works here, what they may do, and which tickets they see."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk.actions import handover, portraits, setup
from helpdesk.actions import people as actions
from helpdesk.console.access import agent_of
from helpdesk.models import Agent, Role, Team, WorkingHours
from helpdesk.queries import people, staffing
from helpdesk.queries.assignment import CEFR

ROLE_WORDS = {
    Role.AGENT: gettext_lazy("Answers the tickets of their teams."),
    Role.LEAD: gettext_lazy("Also changes rules, articles and templates, and looks after held and quarantined mail."),
    Role.ADMIN: gettext_lazy("Also changes channels and people, and sees every team."),
}


class AgentForm(forms.ModelForm):  # type: ignore[type-arg]
    """An agent, as an admin sets them up."""

    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254)
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role.choices, widget=forms.RadioSelect)
    teams = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Teams"),
        queryset=Team.objects.filter(is_active=True),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Agent
        fields = ("name", "email", "role", "teams", "capacity", "presence", "hours", "calendar", "is_active")
        labels = {
            "name": gettext_lazy("Name"),
            "capacity": gettext_lazy("Capacity"),
            "presence": gettext_lazy("Takes new tickets"),
            "hours": gettext_lazy("Working hours"),
            "calendar": gettext_lazy("Calendar of their own"),
            "is_active": gettext_lazy("May log in"),
        }
        help_texts = {
            "capacity": gettext_lazy("Units of open tickets: beyond that, none is given automatically."),
            "presence": "",
        }
        widgets = {"capacity": forms.NumberInput(attrs={"min": 0, "max": 999})}

    chats = forms.IntegerField(
        label=gettext_lazy("Chats at one time"),
        min_value=0,
        max_value=99,
        required=False,
        help_text=gettext_lazy("Empty: as many as the capacity allows."),
        widget=forms.NumberInput(attrs={"min": 0, "max": 99}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hours"].required = False
        self.initial["chats"] = self.instance.channel_limits.get("chat")

    def clean_hours(self) -> str:
        return str(self.cleaned_data.get("hours") or WorkingHours.TEAM)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("hours") == WorkingHours.CALENDAR and not values.get("calendar"):
            self.add_error("calendar", _("Choose the calendar."))
        chats = values.pop("chats", None)
        limits = {kind: limit for kind, limit in self.instance.channel_limits.items() if kind != "chat"}
        values["channel_limits"] = limits if chats is None else {**limits, "chat": chats}
        return values

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).strip().lower()
        if Agent.objects.filter(email=email).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("Another agent has this address."))
        return email


class TeamForm(forms.ModelForm):  # type: ignore[type-arg]
    """A team. ``is_default`` isn't the model's: in the action the former default team steps back first."""

    is_default = forms.BooleanField(
        label=gettext_lazy("Takes what no rule has placed"),
        help_text=gettext_lazy("There is exactly one such team."),
        required=False,
    )

    class Meta:
        model = Team
        fields = ("name", "slug", "is_active")
        labels = {
            "name": gettext_lazy("Name"),
            "slug": gettext_lazy("Word in rules"),
            "is_active": gettext_lazy("Open"),
        }
        help_texts = {
            "slug": gettext_lazy("Rules name the team by it. Small letters, digits and dashes."),
            "is_active": "",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["slug"].required = False
        self.initial["is_default"] = self.instance.is_default

    def clean_slug(self) -> str:
        return str(self.cleaned_data.get("slug") or slugify(self.cleaned_data.get("name", "")) or "team")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("is_default") and not values.get("is_active"):
            raise forms.ValidationError(_("The default team must be open."))
        return values


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """All agents and teams."""
    return render(request, "console/people.html", {"agents": people.agents(), "teams": people.teams()})


@never_cache
@require_http_methods(["GET", "POST"])
def new_agent(request: HttpRequest) -> HttpResponse:
    """Make an agent and show the link by which they set their password, once."""
    default = Team.objects.filter(is_default=True).values_list("pk", flat=True)
    form = AgentForm(request.POST or None, initial={"teams": list(default), "role": Role.AGENT})
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        agent = actions.invite(
            email=values["email"],
            name=values["name"],
            role=values["role"],
            teams=list(values["teams"]),
            language=settings.LANGUAGE_CODE,
            by=agent_of(request),
        )
        return _show_invitation(request, agent)
    return render(request, "console/agent.html", {"form": form, "person": None, "role_words": ROLE_WORDS})


@require_http_methods(["GET", "POST"])
def edit_agent(request: HttpRequest, agent_id: int) -> HttpResponse:
    """Change an agent."""
    person = _agent(agent_id)
    form = AgentForm(request.POST or None, instance=_agent(agent_id), initial={"teams": list(person.teams.all())})
    if request.method == "POST" and form.is_valid():
        values = {name: value for name, value in form.cleaned_data.items() if name != "teams"}
        teams = [*form.cleaned_data["teams"], *person.teams.filter(is_active=False)]
        try:
            actions.update_agent(agent=person, values=values, teams=teams, by=agent_of(request))
        except actions.LastAdmin:
            form.add_error(None, _("This is the last active admin. Make another agent an admin first."))
        else:
            messages.success(request, _("Saved."))
            return redirect("people")
    context = {
        "form": form,
        "person": person,
        "role_words": ROLE_WORDS,
        "skills": staffing.skill_lines(),
        "levels": staffing.levels_of(person),
        "cefr": CEFR,
        "absences": staffing.absences_of(person, now=timezone.now()),
        "held": handover.held_by(person).count(),
    }
    return render(request, "console/agent.html", context)


@never_cache
@require_POST
def invitation(request: HttpRequest, agent_id: int) -> HttpResponse:
    """A new link to set a password, for somebody who lost theirs or never set one."""
    return _show_invitation(request, _agent(agent_id))


@require_POST
def remove_portrait(request: HttpRequest, agent_id: int) -> HttpResponse:
    """Take a picture away that customers should not see; only its agent can choose another."""
    agent = _agent(agent_id)
    portraits.remove(agent=agent, by=agent_of(request), at=timezone.now())
    messages.success(request, _("The picture of %(name)s is gone.") % {"name": agent.name})
    return redirect("agent", agent_id=agent.pk)


def _show_invitation(request: HttpRequest, agent: Agent) -> HttpResponse:
    """The link stands on this one page and nowhere else: neither in a mail nor in the journal."""
    path = reverse("welcome", args=[agent.pk, actions.invitation_token(agent=agent)])
    days = settings.PASSWORD_RESET_TIMEOUT // 86_400
    context = {"person": agent, "link": settings.SITE_URL + path, "days": days}
    return render(request, "console/invitation.html", context)


@require_http_methods(["GET", "POST"])
def team(request: HttpRequest, team_id: int | None = None) -> HttpResponse:
    """Make or change a team."""
    stored = None if team_id is None else _team(team_id)
    # The form changes its own copy, so that the action can tell what changed.
    form = TeamForm(request.POST or None, instance=None if team_id is None else _team(team_id))
    if request.method == "POST" and form.is_valid():
        try:
            setup.save_team(team=stored, values=form.cleaned_data, by=agent_of(request))
        except setup.TeamInUse:
            form.add_error(None, _("A team that is the default one, or still has open tickets, can't be closed."))
        else:
            messages.success(request, _("Saved."))
            return redirect("people")
    return render(request, "console/team.html", {"form": form, "team": stored})


def _team(team_id: int) -> Team:
    found = Team.objects.filter(pk=team_id).first()
    if found is None:
        raise Http404
    return found


def _agent(agent_id: int) -> Agent:
    try:
        return people.agent_by_id(agent_id=agent_id)
    except Agent.DoesNotExist as error:
        raise Http404 from error
