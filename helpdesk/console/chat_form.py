"""The form of a chat channel: what visitors see and are asked, which sites may show it, and who answers."""

import re
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.console.channel_form import Lines, free_slug
from helpdesk.models import CHAT_LANGUAGES, BusinessCalendar, Channel, ChatSite, LauncherSide, Mailbox, Team

LANGUAGE_NAMES = {"en": "English", "fi": "Suomi", "sv": "Svenska", "de": "Deutsch"}
#: Fields that every site knows: (name, kind).
USUAL_FIELDS = (("name", "text"), ("email", "email"), ("phone", "tel"))
OWN_QUESTIONS = (1, 2)
_ASKED = (
    ("", gettext_lazy("Not asked")),
    ("optional", gettext_lazy("Optional")),
    ("required", gettext_lazy("Required")),
)
_KINDS = (
    ("text", gettext_lazy("One line")),
    ("long", gettext_lazy("Several lines")),
    ("choice", gettext_lazy("A choice")),
)
_LABELS = {
    "name": gettext_lazy("Name"),
    "email": gettext_lazy("E-mail address"),
    "phone": gettext_lazy("Phone number"),
}
_HOST = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?|\[[0-9a-f:]+\]")


def origin_of(written: str) -> str:
    """``https://shop.example`` for what somebody has typed or pasted. Raises ValidationError."""
    text = written.strip().lower()
    parts = urlsplit(text if "//" in text else f"{_usual_scheme(text)}://{text}")
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    is_host = bool(_HOST.fullmatch(shown)) and ("." in host or ":" in host or host == "localhost")
    if parts.scheme not in {"http", "https"} or parts.username or not is_host:
        raise ValidationError(
            _("“%(site)s” is no address of a site. Write it like https://shop.example.") % {"site": written}
        )
    if host.startswith("*.") and host.count(".") < 2:
        raise ValidationError(_("“%(site)s” would let every site in.") % {"site": written})
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise ValidationError(_("“%(site)s” has a port that can't be.") % {"site": written}) from error
    is_usual = port == {"http": ":80", "https": ":443"}[parts.scheme]
    return f"{parts.scheme}://{shown}{'' if is_usual else port}"


def _usual_scheme(written: str) -> str:
    """Sites have https; a page that is tried out on the own machine hardly ever has."""
    return "http" if re.match(r"(localhost|127\.0\.0\.1|\[::1\])(:|/|$)", written) else "https"


class ChatForm(forms.Form):
    """Everything about one chat channel; fields are named as those of models.Channel and models.ChatSite."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=80, help_text=gettext_lazy("What agents and rules call it.")
    )
    team = forms.ModelChoiceField(
        label=gettext_lazy("Team"),
        queryset=Team.objects.filter(is_active=True),
        required=False,
        empty_label=gettext_lazy("The default team"),
        help_text=gettext_lazy("Takes what no rule has placed."),
    )
    is_active = forms.BooleanField(label=gettext_lazy("Open: visitors can write"), required=False, initial=True)
    allowed_origins = Lines(
        label=gettext_lazy("Sites that may show it"),
        required=False,
        help_text=gettext_lazy("One a line, such as https://shop.example or https://*.shop.example."),
    )
    title = forms.CharField(
        label=gettext_lazy("Title"), max_length=60, required=False, help_text=gettext_lazy("Empty: the name.")
    )
    colour = forms.CharField(
        label=gettext_lazy("Colour"),
        initial="#0b5cad",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", gettext_lazy("Write a colour like #0b5cad."))],
        widget=forms.TextInput({"type": "color"}),
    )
    side = forms.ChoiceField(label=gettext_lazy("Corner of the page"), choices=LauncherSide.choices)
    languages = forms.MultipleChoiceField(
        label=gettext_lazy("Languages"),
        choices=list(LANGUAGE_NAMES.items()),
        initial=list(CHAT_LANGUAGES),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("The page's language decides, then the browser's; otherwise the first of these."),
    )
    is_faq_first = forms.TypedChoiceField(
        label=gettext_lazy("What comes first"),
        choices=(
            ("yes", gettext_lazy("Answers of the FAQ, then a person")),
            ("no", gettext_lazy("A person; answers are only suggested")),
        ),
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        initial="yes",
    )
    calendar = forms.ModelChoiceField(
        label=gettext_lazy("Opening hours"),
        queryset=BusinessCalendar.objects.all(),
        required=False,
        empty_label=gettext_lazy("Round the clock"),
        help_text=gettext_lazy("Outside them visitors are asked for an address, and the answer goes by mail."),
    )
    mailbox = forms.ModelChoiceField(
        label=gettext_lazy("Mail to visitors who have left"),
        queryset=Mailbox.objects.filter(channel__is_active=True),
        required=False,
        empty_label=gettext_lazy("From the first mailbox that can send"),
    )
    shows_waiting_time = forms.BooleanField(label=gettext_lazy("Say how long it takes"), required=False, initial=True)
    asks_rating = forms.BooleanField(label=gettext_lazy("Ask for a rating at the end"), required=False, initial=True)
    reports_page = forms.BooleanField(
        label=gettext_lazy("Show agents the page that the visitor is on"),
        required=False,
        initial=True,
        help_text=gettext_lazy("Only while the chat is open. Say so in your privacy notice."),
    )
    requires_identity = forms.BooleanField(
        label=gettext_lazy("Only for people who are logged in at the site"),
        required=False,
        help_text=gettext_lazy("The site vouches for them by a signed token; it needs a key."),
    )
    return_minutes = forms.IntegerField(
        label=gettext_lazy("Back to the queue after"),
        initial=5,
        validators=[MinValueValidator(1), MaxValueValidator(240)],
        help_text=gettext_lazy("Minutes in which nobody has answered."),
    )

    def __init__(self, *args: Any, site: ChatSite | None = None, **kwargs: Any) -> None:
        self.site = site
        kwargs["initial"] = _stored(site) if site else {}
        super().__init__(*args, **kwargs)
        for language, name in LANGUAGE_NAMES.items():
            for key, label in (("greeting", _("Greeting")), ("away", _("When nobody is there"))):
                self.fields[f"{key}_{language}"] = forms.CharField(
                    label=f"{label} · {name}",
                    max_length=300,
                    required=False,
                    widget=forms.Textarea({"rows": 2, "lang": language}),
                )
        for name, _kind in USUAL_FIELDS:
            self.fields[f"ask_{name}"] = forms.ChoiceField(label=_LABELS[name], choices=_ASKED, required=False)
        for number in OWN_QUESTIONS:
            self._add_own_question(number)

    def _add_own_question(self, number: int) -> None:
        for language, name in LANGUAGE_NAMES.items():
            self.fields[f"own{number}_{language}"] = forms.CharField(
                label=_("Question in %(language)s") % {"language": name}, max_length=80, required=False
            )
        self.fields[f"own{number}_kind"] = forms.ChoiceField(label=_("Answer"), choices=_KINDS, required=False)
        self.fields[f"own{number}_choices"] = forms.CharField(
            label=_("Choices, one a line"),
            required=False,
            max_length=600,
            widget=forms.Textarea({"rows": 2}),
            help_text=_("One a line."),
        )
        self.fields[f"own{number}_required"] = forms.BooleanField(label=_("Has to be answered"), required=False)

    def text_pairs(self) -> list[tuple[Any, Any]]:
        """The bound fields of the greeting and of the text when nobody is there, in each language."""
        return [(self[f"greeting_{language}"], self[f"away_{language}"]) for language in LANGUAGE_NAMES]

    def usual_fields(self) -> list[Any]:
        """The bound fields that say whether name, address and phone number are asked."""
        return [self[f"ask_{name}"] for name, _kind in USUAL_FIELDS]

    def own_questions(self) -> list[dict[str, Any]]:
        """The bound fields of each own question."""
        return [
            {
                "number": number,
                "is_used": any(self[f"own{number}_{language}"].value() for language in LANGUAGE_NAMES),
                "labels": [self[f"own{number}_{language}"] for language in LANGUAGE_NAMES],
                "kind": self[f"own{number}_kind"],
                "choices": self[f"own{number}_choices"],
                "required": self[f"own{number}_required"],
            }
            for number in OWN_QUESTIONS
        ]

    def clean_allowed_origins(self) -> list[str]:
        return list(dict.fromkeys(origin_of(each) for each in self.cleaned_data["allowed_origins"]))

    def clean_languages(self) -> list[str]:
        """In the order of the form: the first one is for those whose language we don't speak."""
        return [language for language in LANGUAGE_NAMES if language in self.cleaned_data["languages"]]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for number in OWN_QUESTIONS:
            if values.get(f"own{number}_kind") == "choice" and self._labels(number) and len(self._choices(number)) < 2:
                self.add_error(f"own{number}_choices", _("Write at least two choices, one a line."))
        return values

    def values(self) -> dict[str, Any]:
        """What actions.chat_sites.save_chat_channel takes."""
        own = {name: self.cleaned_data[name] for name in self.base_fields if name in self.cleaned_data}
        return own | {
            "greetings": self._texts("greeting"),
            "away_texts": self._texts("away"),
            "pre_chat_fields": self._pre_chat_fields(),
            **({} if self.site else {"slug": free_slug(own.get("name", ""))}),
        }

    def as_site(self) -> ChatSite:
        """The chat as it would be stored, to look at; what isn't valid is left as it was. It isn't saved."""
        self.is_valid()
        stored = self.site
        channel = Channel(
            slug=stored.channel.slug if stored else "preview", name=self.cleaned_data.get("name") or _("New chat")
        )
        names = {field.name for field in ChatSite._meta.get_fields()} - {"channel", "id"}
        values = {name: getattr(stored, name) for name in names if stored and hasattr(stored, name) and name != "keys"}
        typed = {name: value for name, value in self.values().items() if name in names}
        return ChatSite(**{**values, **typed, "channel": channel})

    def _texts(self, key: str) -> dict[str, str]:
        typed = {language: self.cleaned_data.get(f"{key}_{language}", "") for language in LANGUAGE_NAMES}
        return {language: text for language, text in typed.items() if text}

    def _labels(self, number: int) -> dict[str, str]:
        return self._texts(f"own{number}")

    def _choices(self, number: int) -> list[str]:
        """What can be chosen; nothing for an answer in the visitor's own words."""
        if self.cleaned_data.get(f"own{number}_kind") != "choice":
            return []
        lines = self.cleaned_data.get(f"own{number}_choices", "").splitlines()
        return list(dict.fromkeys(line.strip()[:80] for line in lines if line.strip()))

    def _pre_chat_fields(self) -> list[dict[str, Any]]:
        usual = [
            {"name": name, "kind": kind, "required": asked == "required", "label": {}}
            for name, kind in USUAL_FIELDS
            if (asked := self.cleaned_data.get(f"ask_{name}"))
        ]
        own = [
            {
                "name": f"own{number}",
                "kind": self.cleaned_data.get(f"own{number}_kind") or "text",
                "required": bool(self.cleaned_data.get(f"own{number}_required")),
                "label": labels,
                **(
                    {"choices": self._choices(number)} if self.cleaned_data.get(f"own{number}_kind") == "choice" else {}
                ),
            }
            for number in OWN_QUESTIONS
            if (labels := self._labels(number))
        ]
        return usual + own


def _stored(site: ChatSite) -> dict[str, Any]:
    values = {name: getattr(site, name, None) for name in ChatForm.base_fields}
    values |= {"name": site.channel.name, "team": site.channel.team, "is_active": site.channel.is_active}
    values["is_faq_first"] = "yes" if site.is_faq_first else "no"
    for key, texts in (("greeting", site.greetings), ("away", site.away_texts)):
        values |= {f"{key}_{language}": text for language, text in texts.items()}
    for field in site.pre_chat_fields:
        name = field["name"]
        if name in _LABELS:
            values[f"ask_{name}"] = "required" if field["required"] else "optional"
            continue
        values |= {f"{name}_{language}": text for language, text in field["label"].items()}
        values[f"{name}_kind"], values[f"{name}_required"] = field["kind"], field["required"]
        values[f"{name}_choices"] = "\n".join(field.get("choices", ()))
    return values
