"""What agents set for themselves: name, language, zone, theme, keys, signature, availability, password."""

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from helpdesk.actions import people
from helpdesk.console.access import agent_of
from helpdesk.console.login import NewPasswordForm
from helpdesk.models import Agent

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
    return render(request, "console/profile.html", {"form": form, "password_form": PasswordForm(agent=agent)})


@sensitive_post_parameters()
@require_POST
def change_password(request: HttpRequest) -> HttpResponse:
    """A new password; other sessions of this agent end, this one goes on."""
    agent = agent_of(request)
    form = PasswordForm(request.POST, agent=agent)
    if not form.is_valid():
        context = {"form": ProfileForm(instance=agent), "password_form": form}
        return render(request, "console/profile.html", context, status=422)
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
