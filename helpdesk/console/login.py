"""Getting in and out, and the first password by an invitation link."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login as open_session
from django.contrib.auth import password_validation
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from helpdesk.actions import people
from helpdesk.models import Agent

_PASSWORD_BACKEND = "django.contrib.auth.backends.ModelBackend"  # noqa: S105 - the path of a class


class LoginForm(AuthenticationForm):
    """Address and password."""

    username = forms.CharField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True, "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    error_messages = {
        "invalid_login": _("This address and password don't belong together. Check both; capital letters count."),
        "inactive": _("This account is closed. An admin of the desk can open it again."),
    }

    def clean_username(self) -> str:
        # One spelling for each person: else each spelling would have its own five tries.
        return str(self.cleaned_data["username"]).strip().lower()


login = LoginView.as_view(
    template_name="console/login.html", authentication_form=LoginForm, redirect_authenticated_user=True
)
logout = LogoutView.as_view()


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any]) -> HttpResponse:
    """The answer to one try too many, by settings.AXES_LOCKOUT_CALLABLE. The same for known and unknown addresses."""
    minutes = int(float(settings.AXES_COOLOFF_TIME) * 60)
    page = render(request, "console/locked_out.html", {"minutes": minutes}, status=429)
    page["Retry-After"] = str(minutes * 60)
    return page


class NewPasswordForm(forms.Form):
    """A new password, checked by settings.AUTH_PASSWORD_VALIDATORS against its agent."""

    password = forms.CharField(
        label=_("New password"),
        strip=False,
        help_text=_("At least ten characters; a few words in a row are easy to remember and hard to guess."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, agent: Agent, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.agent = agent

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        password_validation.validate_password(password, self.agent)
        return password


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest, agent_id: int, token: str) -> HttpResponse:
    """Set the first password, or a new one, by a link that an admin has handed over; it works once.

    The address is the key. settings.SECURE_REFERRER_POLICY keeps it from other sites; without any referrer browsers
    would send ``Origin: null`` with the form, which the CSRF check refuses.
    """
    agent = Agent.objects.filter(pk=agent_id).first()
    if agent is None or not people.is_invitation(agent=agent, token=token):
        return render(request, "console/welcome_over.html", status=410)
    form = NewPasswordForm(request.POST or None, agent=agent)
    if request.method == "POST" and form.is_valid():
        people.set_password(agent=agent, password=form.cleaned_data["password"], by=agent)
        open_session(request, agent, backend=_PASSWORD_BACKEND)
        messages.success(request, _("Your password is set."))
        return redirect("profile")
    return render(request, "console/welcome.html", {"form": form, "invited": agent})
