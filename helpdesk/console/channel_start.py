"""Before mail of a new mailbox is fetched: from when on it is new, and what would happen (MAIL.md 12)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from helpdesk.connectors.email import imap_account
from helpdesk.console.connection_trial import TIMEOUT_S, why
from helpdesk.jinja import exact
from helpdesk.models import AfterImport, Mailbox, OlderMail
from mail_gateway import imap
from mail_gateway.errors import GatewayError

#: The mail server's clock and ours may differ: what comes in the minute of the start must not count as old.
CLOCKS_DIFFER = timedelta(minutes=5)


class Start(models.TextChoices):
    """From when on mail is new."""

    NOW = "now", gettext_lazy("Only mail that comes from now on")
    DAY = "day", gettext_lazy("Mail since a day")
    ALL = "all", gettext_lazy("All mail")


class StartForm(forms.Form):
    """Which mail of a mailbox is new, and what becomes of the rest."""

    start = forms.ChoiceField(
        label=gettext_lazy("New is"), choices=Start.choices, initial=Start.NOW, widget=forms.RadioSelect
    )
    day = forms.DateField(
        label=gettext_lazy("Day"),
        required=False,
        initial=lambda: timezone.localdate().replace(day=1),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    older_mail = forms.ChoiceField(
        label=gettext_lazy("Older mail"), choices=OlderMail.choices, initial=OlderMail.SILENT, widget=forms.RadioSelect
    )

    def clean_day(self) -> Any:
        day = self.cleaned_data["day"]
        if self.cleaned_data.get("start") != Start.DAY:
            return None
        if day is None or day > timezone.localdate():
            raise ValidationError(_("Choose a day that has begun."))
        return day

    def since(self, *, now: datetime) -> datetime | None:
        """Mail from this time on is new; None: all of it."""
        if self.cleaned_data["start"] == Start.ALL:
            return None
        if self.cleaned_data["start"] == Start.NOW:
            return now.replace(microsecond=0) - CLOCKS_DIFFER
        return timezone.make_aware(datetime.combine(self.cleaned_data["day"], time.min))

    @property
    def older(self) -> OlderMail:
        """What becomes of mail before that time."""
        return OlderMail(self.cleaned_data["older_mail"])


@dataclass(frozen=True)
class FolderForecast:
    """What would happen to the mails of one folder, in words; with ``trouble`` nobody can tell."""

    folder: str
    sentences: Sequence[str] = ()
    trouble: Sequence[str] = ()
    detail: str = ""


@dataclass(frozen=True)
class Forecast:
    """What Start would do: to each folder, and to all mail."""

    folders: Sequence[FolderForecast]
    sentences: Sequence[str]

    @property
    def is_known(self) -> bool:
        """Every folder could be looked at."""
        return not any(each.trouble for each in self.folders)


def foresee(mailbox: Mailbox, *, since: datetime | None, older: OlderMail) -> Forecast:
    """Look at every folder of ``mailbox``; takes nothing and changes nothing."""
    folders = []
    for name in mailbox.imap_folders:
        account = imap_account(mailbox, folder=name)
        if account is None:
            continue
        try:
            found = imap.preview(replace(account, timeout_s=TIMEOUT_S), since=since)
        except GatewayError as error:
            folders.append(FolderForecast(name, trouble=why(error, account), detail=str(error)))
        else:
            folders.append(FolderForecast(name, sentences=_sentences(found, since=since, older=older)))
    return Forecast(folders, [*_for_all(since), _on_the_server(mailbox)])


def _sentences(found: imap.Preview, *, since: datetime | None, older: OlderMail) -> list[str]:
    if since is None:
        all_new = ngettext("%(count)s mail: it becomes a ticket.", "%(count)s mails: they become tickets.", found.total)
        return [_count(all_new, found.total)]
    lines = [
        _count(ngettext("%(count)s mail lies there.", "%(count)s mails lie there.", found.total), found.total),
        _count(
            ngettext("%(count)s is new and becomes a ticket.", "%(count)s are new and become tickets.", found.newer),
            found.newer,
        ),
    ]
    silent = found.total - found.newer - (found.left if older == OlderMail.LEAVE else 0)
    if older == OlderMail.LEAVE:
        left = ngettext("%(count)s older one is left alone.", "%(count)s older ones are left alone.", found.left)
        lines.append(_count(left, found.left))
    if older == OlderMail.SILENT or silent:
        closed = ngettext(
            "%(count)s older one is imported closed and silent.",
            "%(count)s older ones are imported closed and silent.",
            silent,
        )
        lines.append(_count(closed, silent))
    if older == OlderMail.LEAVE and silent:
        lines.append(_("Those lie between new ones in the order of the server."))
    return lines


def _for_all(since: datetime | None) -> list[str]:
    day_old = _("Only mail of the last 24 hours is acknowledged.")
    if since is None:
        return [day_old]
    return [_("Nothing that came before %(time)s is acknowledged.") % {"time": exact(since)}, day_old]


def _on_the_server(mailbox: Mailbox) -> str:
    if mailbox.after_import == AfterImport.DELETE:
        return _("Every imported mail is deleted from the server.")
    if mailbox.after_import == AfterImport.MOVE:
        return _("Every imported mail is moved to %(folder)s.") % {"folder": mailbox.after_import_folder}
    return _("Nothing on the server is moved, marked or deleted.")


def _count(sentence: str, count: int) -> str:
    return sentence % {"count": formats.number_format(count, use_l10n=True, force_grouping=True)}
