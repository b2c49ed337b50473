"""What agents set for themselves: name, picture, language, zone, theme, keys, signature, availability, password."""

import logging
import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk import portraits
from helpdesk.actions import people
from helpdesk.actions import portraits as own_portraits
from helpdesk.console.access import agent_of
from helpdesk.console.login import NewPasswordForm
from helpdesk.models import Agent, Portrait
from helpdesk.widget.uploads import portrait_answer

log = logging.getLogger(__name__)

THEMES = [("", _("As the system")), ("light", _("Light")), ("dark", _("Dark"))]


def zone_choices() -> list[tuple[str, Any]]:
    """All places of the tz database that people live in, and "as the desk"."""
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
    return [("", _("As the desk (%(zone)s)") % {"zone": settings.TIME_ZONE}), ("UTC", "UTC")] + [
        (name, name.replace("_", " ")) for name in names
    ]


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    """An agent's own settings."""

    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=zone_choices, required=False)
    theme = forms.ChoiceField(label=_("Theme"), choices=THEMES, required=False)

    class Meta:
        model = Agent
        fields = ("name", "language", "time_zone", "theme", "has_single_keys", "signature")
        labels = {
            "name": _("Name"),
            "has_single_keys": _("Single keys (j, k, r …) work"),
            "signature": _("Signature"),
        }
        help_texts = {
            "name": _("Customers see it under your replies."),
            "has_single_keys": _("Turn them off if you speak to your computer or press keys by accident."),
            "signature": _("Stands at the end of each of your replies."),
        }
        widgets = {"signature": forms.Textarea(attrs={"rows": 4})}


class PasswordForm(NewPasswordForm):
    """A new password by someone who knows the present one."""

    present = forms.CharField(
        label=_("Present password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ("present", "password")

    def clean_present(self) -> str:
        present = str(self.cleaned_data["present"])
        if not self.agent.check_password(present):
            raise forms.ValidationError(_("This is not your present password."))
        return present


@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Own settings."""
    agent = agent_of(request)
    form = ProfileForm(request.POST or None, instance=Agent.objects.get(pk=agent.pk))
    if request.method == "POST" and form.is_valid():
        changed = people.update_profile(agent=agent, values=form.cleaned_data)
        with translation.override(changed.language):
            messages.success(request, _("Saved."))
        return redirect("profile")
    return _page(request, agent, form=form)


def _page(request: HttpRequest, agent: Agent, *, status: int = 200, **context: Any) -> HttpResponse:
    forms_of_it = {"form": ProfileForm(instance=agent), "password_form": PasswordForm(agent=agent), "problem": ""}
    return render(request, "console/profile.html", forms_of_it | context, status=status)


@require_POST
def portrait(request: HttpRequest) -> HttpResponse:
    """Show customers another picture, or none. Browsers send it small (static/js/portrait.js)."""
    agent = agent_of(request)
    if "remove" in request.POST:
        own_portraits.remove(agent=agent, by=agent, at=timezone.now())
        messages.success(request, _("Your picture is gone."))
        return redirect("profile")
    file = request.FILES.get("picture")
    if file is None:
        return _page(request, agent, problem=_("Choose a picture first."), status=422)
    try:
        # One byte too many is enough to know that it is too large.
        own_portraits.choose(agent=agent, content=file.read(portraits.MOST_BYTES + 1), at=timezone.now())
    except portraits.NotAPicture as error:
        log.info("picture of agent %s refused: %s", agent.pk, error)
        told = _("This file can't be used: your browser did not make a small picture of it. Nothing was changed.")
        return _page(request, agent, problem=told, status=422)
    messages.success(request, _("Customers see your new picture from now on."))
    return redirect("profile")


@require_safe
def portrait_file(_request: HttpRequest, key: str) -> HttpResponse:
    """The picture of a colleague."""
    row = Portrait.objects.filter(pk=key).first()
    if row is None:
        raise Http404
    return portrait_answer(row)


@sensitive_post_parameters()
@require_POST
def change_password(request: HttpRequest) -> HttpResponse:
    """A new password; other sessions of this agent end, this one goes on."""
    agent = agent_of(request)
    form = PasswordForm(request.POST, agent=agent)
    if not form.is_valid():
        return _page(request, agent, password_form=form, status=422)
    people.set_password(agent=agent, password=form.cleaned_data["password"], by=agent)
    update_session_auth_hash(request, agent)
    messages.success(request, _("Your password is changed. Other devices are logged out."))
    return redirect("profile")


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """One switch of the rail's menu (theme, single keys, language), then back to where it was pressed."""
    values: dict[str, Any] = {}
    if request.POST.get("theme") in {"", "light", "dark"}:
        values["theme"] = request.POST["theme"]
    if request.POST.get("has_single_keys") in {"on", "off"}:
        values["has_single_keys"] = request.POST["has_single_keys"] == "on"
    if request.POST.get("language") in dict(settings.LANGUAGES):
        values["language"] = request.POST["language"]
    people.update_profile(agent=agent_of(request), values=values)
    where = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        where, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return redirect(where if is_ours else reverse("profile"))
