"""The form of a login at Google or Microsoft: which app of ours asks for the permission, and for which account."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.actions.environment import governed_fields
from helpdesk.actions.grants import Client
from helpdesk.connectors.oauth import TENANT
from helpdesk.console.channel_form import PLAIN, Secret
from helpdesk.models import Channel, OAuthGrant, Provider
from helpdesk.queries import oauth


def redirect_address() -> str:
    """Where providers send people back to; it has to be registered there, letter for letter."""
    return f"{settings.SITE_URL}{reverse('oauth-callback')}"


class ProviderForm(forms.Form):
    """What an admin copies from the provider's pages."""

    prefix = "login"

    provider = forms.ChoiceField(label=gettext_lazy("Provider"), choices=Provider.choices)
    client_id = forms.CharField(label=gettext_lazy("Client ID"), max_length=250, widget=forms.TextInput(PLAIN))
    client_secret = Secret(label=gettext_lazy("Client secret"))
    tenant = forms.CharField(
        label=gettext_lazy("Directory (tenant) ID"),
        required=False,
        max_length=100,
        widget=forms.TextInput(PLAIN),
        help_text=gettext_lazy("Empty: any directory, which works only for an app that is open to all of them."),
    )
    account = forms.EmailField(
        label=gettext_lazy("Account"),
        max_length=190,
        required=False,
        help_text=gettext_lazy("Empty: the mailbox's address. For a shared mailbox its own address."),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, channel: Channel) -> None:
        self.channel = channel
        self.grant = oauth.grant_of(channel)
        super().__init__(data, initial=_stored(self.grant))
        if self.grant is not None:
            self.fields["client_secret"].help_text = _("One is stored. Leave this empty to keep it.")

    def clean_client_id(self) -> str:
        client_id = str(self.cleaned_data["client_id"])
        if not client_id.isascii() or not client_id.isprintable() or " " in client_id:
            raise ValidationError(_("A client ID has neither spaces nor special letters."))
        return client_id

    def clean_tenant(self) -> str:
        tenant = str(self.cleaned_data["tenant"])
        if tenant and not TENANT.fullmatch(tenant):
            raise ValidationError(_("This is the ID of a directory or its domain, e.g. example.onmicrosoft.com."))
        return tenant if self.cleaned_data.get("provider") == Provider.MICROSOFT else ""

    def clean_account(self) -> str:
        return str(self.cleaned_data["account"] or self.channel.mailbox.address).lower()

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if any(name.startswith(("imap_", "smtp_")) for name in governed_fields(self.channel.mailbox)):
            raise ValidationError(_("How this mailbox logs in is set in the environment of the desk."))
        if not values.get("client_secret") and "client_secret" not in self.errors:
            if self.grant is None:
                self.add_error("client_secret", _("This field is required."))
            elif any(values.get(name) != getattr(self.grant, name) for name in ("provider", "client_id")):
                self.add_error("client_secret", _("Type the secret again: the stored one belongs to another app."))
        return values

    def client(self) -> Client:
        """What actions.grants.use_provider takes."""
        return Client(**self.cleaned_data)


def _stored(grant: OAuthGrant | None) -> dict[str, Any]:
    if grant is None:
        return {}
    return {name: getattr(grant, name) for name in ("provider", "client_id", "tenant", "account")}


def context(channel: Channel, form: ProviderForm | None = None) -> dict[str, Any]:
    """What templates/console/channel_login.html shows."""
    shown = form or ProviderForm(channel=channel)
    connection = oauth.connection(shown.grant, now=timezone.now()) if shown.grant else None
    return {"login_form": shown, "connection": connection, "redirect_address": redirect_address()}
