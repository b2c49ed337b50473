"""The form of an e-mail channel: its address, the account that is read and the account that sends."""

import ipaddress
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, validate_email
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.actions.environment import governed_fields
from helpdesk.models import AfterImport, Channel, Mailbox, Security, Team

_PORT = [MinValueValidator(1), MaxValueValidator(65_535)]
PLAIN = {"spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"}

#: Where a mailbox is that logs in at Google or Microsoft, the provider decides.
_OF_THE_PROVIDER = tuple(
    f"{side}_{name}" for side in ("imap", "smtp") for name in ("host", "port", "security", "username", "password")
)


class Lines(forms.CharField):
    """Several short texts, one a line or with commas between them."""

    widget = forms.Textarea(attrs={"rows": 2, **PLAIN})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return list(dict.fromkeys(str(value or "").replace(",", " ").split()))


class _FolderNames(forms.Textarea):
    """One name a line, or a ticked box for each, or both."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return "\n".join(data.getlist(name)) if hasattr(data, "getlist") else data.get(name)


def _folder(name: str) -> str:
    """The name of a folder on an IMAP server; INBOX is the same in every spelling (RFC 3501 5.1)."""
    return "INBOX" if name.upper() == "INBOX" else name


class _Folders(Lines):
    """Names of folders on an IMAP server, one a line."""

    widget = _FolderNames(attrs={"rows": 2, **PLAIN})

    def to_python(self, value: Any) -> Any:
        lines = value if isinstance(value, list) else str(value or "").splitlines()
        names = [str(line).strip() for line in lines]
        return list(dict.fromkeys(_folder(name) for name in names if name))


class Secret(forms.CharField):
    """A password: taken, never shown again."""

    def __init__(self, **options: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"}, render_value=False)
        super().__init__(required=False, strip=False, max_length=500, widget=widget, **options)


class ChannelForm(forms.Form):
    """Everything about one e-mail channel. Fields are named as those of models.Channel and models.Mailbox."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    team = forms.ModelChoiceField(
        label=gettext_lazy("Team"),
        queryset=Team.objects.filter(is_active=True),
        required=False,
        empty_label=gettext_lazy("The default team"),
        help_text=gettext_lazy("Takes what no rule has placed."),
    )
    is_active = forms.BooleanField(label=gettext_lazy("Open: mail is fetched and sent"), required=False, initial=True)
    address = forms.EmailField(
        label=gettext_lazy("Address"), help_text=gettext_lazy("Customers write to it, and our mail comes from it.")
    )
    display_name = forms.CharField(label=gettext_lazy("Name beside the address"), max_length=120, required=False)
    aliases = Lines(
        label=gettext_lazy("Other addresses"),
        required=False,
        help_text=gettext_lazy("That arrive in this mailbox too, one a line."),
    )
    imap_host = forms.CharField(
        label=gettext_lazy("Server"), max_length=190, required=False, widget=forms.TextInput(PLAIN)
    )
    imap_port = forms.IntegerField(label=gettext_lazy("Port"), validators=_PORT, initial=993)
    imap_security = forms.ChoiceField(label=gettext_lazy("Encryption"), choices=Security.choices)
    imap_username = forms.CharField(
        label=gettext_lazy("User name"), max_length=190, required=False, widget=forms.TextInput(PLAIN)
    )
    imap_password = Secret(label=gettext_lazy("Password"))
    imap_folders = _Folders(label=gettext_lazy("Folders"), required=False, help_text=gettext_lazy("One a line."))
    after_import = forms.ChoiceField(
        label=gettext_lazy("On the server, after the import"),
        choices=AfterImport.choices,
        initial=AfterImport.KEEP,
        help_text=gettext_lazy("Done only when the mail is stored here. Mail above the size limit always stays."),
    )
    after_import_folder = forms.CharField(
        label=gettext_lazy("Move to"),
        max_length=190,
        required=False,
        widget=forms.TextInput({**PLAIN, "list": "folder-names"}),
    )
    confirmation = forms.CharField(
        label=gettext_lazy("Type the address of the mailbox to confirm"),
        required=False,
        widget=forms.TextInput(PLAIN),
        help_text=gettext_lazy("This desk then holds the only copy: back it up."),
    )
    authserv_id = forms.CharField(
        label=gettext_lazy("Whose sender check is believed"),
        max_length=190,
        required=False,
        widget=forms.TextInput(PLAIN),
        help_text=gettext_lazy(
            "The name that your mail server writes first into Authentication-Results, e.g. mx.example.com."
        ),
    )
    has_plus_addresses = forms.BooleanField(
        label=gettext_lazy("Plus-addresses arrive here"),
        required=False,
        help_text=gettext_lazy(
            "Mail to name+anything@… comes into this mailbox, as at Gmail, Microsoft 365 and most servers. Answers "
            "then find their ticket by the address alone, and a mail that comes back is known for certain. Send a mail "
            "to such an address first: if it does not arrive, leave this off."
        ),
    )
    acknowledges_answers = forms.BooleanField(
        label=gettext_lazy("Acknowledge answers too"),
        required=False,
        help_text=gettext_lazy(
            "Otherwise only the first mail of a ticket is acknowledged. Never more than three automatic mails a ticket "
            "in an hour."
        ),
    )
    trusted_networks = Lines(
        label=gettext_lazy("Trusted networks"),
        required=False,
        help_text=gettext_lazy("SMTP clients there are believed about the sender, e.g. 10.0.0.0/8. Empty: nobody."),
    )
    smtp_host = forms.CharField(
        label=gettext_lazy("Server"),
        max_length=190,
        required=False,
        widget=forms.TextInput(PLAIN),
        help_text=gettext_lazy("Empty: mail is written into a folder of this machine instead of being sent."),
    )
    smtp_port = forms.IntegerField(label=gettext_lazy("Port"), validators=_PORT, initial=465)
    smtp_security = forms.ChoiceField(label=gettext_lazy("Encryption"), choices=Security.choices)
    smtp_username = forms.CharField(
        label=gettext_lazy("User name"), max_length=190, required=False, widget=forms.TextInput(PLAIN)
    )
    smtp_password = Secret(label=gettext_lazy("Password"))

    def __init__(self, *args: Any, channel: Channel | None = None, **kwargs: Any) -> None:
        self.channel = channel
        self.mailbox: Mailbox | None = channel.mailbox if channel else None
        kwargs["initial"] = _stored(channel) if channel else {"imap_folders": ["INBOX"], "is_active": True}
        super().__init__(*args, **kwargs)
        if getattr(self.mailbox, "oauth_grant", None):
            for name in _OF_THE_PROVIDER:
                self.fields[name].disabled = True
        for side in ("imap", "smtp"):
            if self.mailbox and getattr(self.mailbox, f"{side}_password"):
                self.fields[f"{side}_password"].help_text = _("One is stored. Leave this empty to keep it.")
        for name in governed_fields(self.mailbox) if self.mailbox else ():
            self.fields[name].disabled = True
            self.fields[name].help_text = _("Set by the environment of this desk.")

    def clean_address(self) -> str:
        address = str(self.cleaned_data["address"]).lower()
        others = Mailbox.objects.exclude(pk=self.mailbox.pk) if self.mailbox else Mailbox.objects.all()
        if others.filter(address__iexact=address).exists():
            raise ValidationError(_("Another channel has this address."))
        return address

    def clean_aliases(self) -> list[str]:
        for address in self.cleaned_data["aliases"]:
            validate_email(address)
        return [address.lower() for address in self.cleaned_data["aliases"]]

    def clean_trusted_networks(self) -> list[str]:
        try:
            return [str(ipaddress.ip_network(network)) for network in self.cleaned_data["trusted_networks"]]
        except ValueError as error:
            raise ValidationError(_("A network is written like 10.0.0.0/8 or 2001:db8::/32.")) from error

    def clean_imap_folders(self) -> list[str]:
        folders: list[str] = self.cleaned_data["imap_folders"]
        if any(len(name) > 190 or not name.isprintable() for name in folders):
            raise ValidationError(_("The name of a folder has up to 190 letters."))
        return folders

    def clean_after_import_folder(self) -> str:
        return _folder(str(self.cleaned_data["after_import_folder"]))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("imap_host") and not values.get("imap_folders") and "imap_folders" not in self.errors:
            self.add_error("imap_folders", _("Choose at least one folder."))
        self._check_after_import(values)
        for side in ("imap", "smtp"):
            if self._wants_stored_password_elsewhere(side):
                self.add_error(
                    f"{side}_password",
                    _("Type the password again: the stored one is not given to another server or user."),
                )
        return values

    def _check_after_import(self, values: dict[str, Any]) -> None:
        wish = values.get("after_import")
        if wish == AfterImport.MOVE and not values.get("after_import_folder"):
            self.add_error("after_import_folder", _("Say where imported mail is moved."))
        elif wish == AfterImport.MOVE and values["after_import_folder"] in values.get("imap_folders", ()):
            self.add_error("after_import_folder", _("Choose a folder that is not read itself."))
        stored = self.mailbox.after_import if self.mailbox else AfterImport.KEEP
        address = str(values.get("address", ""))
        if wish == AfterImport.DELETE != stored and values.get("confirmation", "").strip().lower() != address:
            self.add_error(
                "confirmation", _("To delete mail from its server, type %(address)s.") % {"address": address}
            )

    def _wants_stored_password_elsewhere(self, side: str) -> bool:
        stored, values = self.mailbox, self.cleaned_data
        if stored is None or not getattr(stored, f"{side}_password") or values.get(f"{side}_password"):
            return False
        if not values.get(f"{side}_host"):
            return False
        places = (f"{side}_host", f"{side}_port", f"{side}_security", f"{side}_username")
        return any(values.get(place) != getattr(stored, place) for place in places)

    def values(self) -> dict[str, Any]:
        """What actions.setup.save_mail_channel takes."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "confirmation"}
        if self.channel is None:
            values["slug"] = free_slug(values["name"])
        return values

    @property
    def names_an_account(self) -> bool:
        """Whether a mail server can be asked with what is typed, whatever else is missing."""
        return not any(name.startswith("imap_") for name in self.errors)

    def as_mailbox(self) -> Mailbox:
        """The mailbox as it would be stored, as far as it is valid, for trying it out; it isn't saved."""
        names = {field.name for field in Mailbox._meta.get_fields()}
        values = {name: value for name, value in self.cleaned_data.items() if name in names}
        for side in ("imap", "smtp"):
            if not values.get(f"{side}_password") and self.mailbox is not None:
                values[f"{side}_password"] = getattr(self.mailbox, f"{side}_password")
        return Mailbox(pk=self.mailbox.pk if self.mailbox else None, **values)


def _stored(channel: Channel) -> dict[str, Any]:
    mailbox = channel.mailbox
    values = {name: getattr(mailbox, name, None) for name in ChannelForm.base_fields if "password" not in name}
    return values | {"name": channel.name, "team": channel.team, "is_active": channel.is_active}


def free_slug(name: str) -> str:
    """A word for rules to name the channel by, made of its name, that no other channel has."""
    base = slugify(name)[:40] or "mail"
    taken = set(Channel.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    if base not in taken:
        return base
    return next(slug for number in range(2, len(taken) + 3) if (slug := f"{base}-{number}") not in taken)
