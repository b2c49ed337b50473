"""The form of a social channel: its name and team, and the fields that its connector asks for."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.actions.social_accounts import Wanted
from helpdesk.connectors import social
from helpdesk.connectors.registry import social_connector
from helpdesk.console.channel_form import PLAIN, Secret
from helpdesk.models import SocialAccount, Team

_OWN = "own_"


class SocialForm(forms.Form):
    """Secrets are taken and never shown again; an empty one keeps what is stored."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    team = forms.ModelChoiceField(
        label=gettext_lazy("Team"),
        queryset=Team.objects.filter(is_active=True),
        required=False,
        empty_label=gettext_lazy("The default team"),
        help_text=gettext_lazy("Takes what no rule has placed."),
    )
    is_active = forms.BooleanField(label=gettext_lazy("Open: messages are taken and sent"), required=False)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, provider: str, account: SocialAccount | None = None
    ) -> None:
        self.account = account
        self.own = social_connector(provider).fields
        super().__init__(data, initial=self._stored())
        for field in self.own:
            self.fields[_OWN + field.name] = self._field(field)

    def own_fields(self) -> list[forms.BoundField]:
        """The connector's fields, in its order."""
        return [self[_OWN + field.name] for field in self.own]

    def _stored(self) -> dict[str, Any]:
        if self.account is None:
            return {"is_active": True} | {_OWN + field.name: field.default for field in self.own}
        channel = self.account.channel
        kept = {_OWN + field.name: self.account.settings.get(field.name, "") for field in self.own}
        return {"name": channel.name, "team": channel.team, "is_active": channel.is_active} | kept

    def _field(self, field: social.Field) -> forms.Field:
        if field.is_secret:
            is_kept = self.account is not None and bool(self.account.secrets.get(field.name))
            words = _("One is stored. Leave this empty to keep it.") if is_kept else field.help
            return Secret(label=field.label, help_text=words)
        if field.choices:
            return forms.ChoiceField(
                label=str(field.label),
                help_text=str(field.help),
                choices=field.choices,
                required=field.is_required,
            )
        return forms.CharField(
            label=str(field.label),
            help_text=str(field.help),
            required=field.is_required,
            max_length=500,
            widget=forms.TextInput(PLAIN),
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for field in self.own:
            is_kept = self.account is not None and bool(self.account.secrets.get(field.name))
            if field.is_secret and field.is_required and not is_kept and not cleaned.get(_OWN + field.name):
                self.add_error(_OWN + field.name, ValidationError(_("This field is required.")))
        return cleaned

    def wanted(self) -> Wanted:
        """What was typed, once it is valid."""
        own = {field: str(self.cleaned_data.get(_OWN + field.name) or "").strip() for field in self.own}
        return Wanted(
            name=self.cleaned_data["name"],
            team=self.cleaned_data["team"],
            is_active=self.cleaned_data["is_active"],
            settings={field.name: value for field, value in own.items() if not field.is_secret},
            secrets={field.name: value for field, value in own.items() if field.is_secret and value},
        )
