"""Sentences about promises, reminders and snoozed tickets, as an agent reads them."""

from datetime import datetime
from typing import Any

from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from helpdesk.jinja import exact
from helpdesk.models import Reminder
from helpdesk.spoken_time import BadTime, Choice, Trouble

#: What is offered before anything is typed; the button says the exact time besides.
CHOICES: dict[Choice, str | Lazy] = {
    Choice.LATER: gettext_lazy("Later today"),
    Choice.TOMORROW: gettext_lazy("Tomorrow"),
    Choice.MONDAY: gettext_lazy("Monday"),
    Choice.WEEK: gettext_lazy("In a week"),
    Choice.MONTH: gettext_lazy("In a month"),
}

_TROUBLES: dict[Trouble, str | Lazy] = {
    Trouble.UNCLEAR: gettext_lazy(
        "No time that we understand. Try “tomorrow 9:00”, “in 2 hours”, “Monday” or “24.12.”"
    ),
    Trouble.AMBIGUOUS: gettext_lazy(
        "That can be read in two ways. Write “24.12.” or “24 Dec” for a day, “10:12” for a time."
    ),
    Trouble.PASSED: gettext_lazy("That time has passed."),
    Trouble.TOO_FAR: gettext_lazy("That is more than three years away."),
}


def trouble(error: BadTime) -> str:
    """What is wrong with a time that somebody typed."""
    return str(_TROUBLES[error.trouble])


def snoozed(who: str, data: dict[str, Any]) -> str:
    """A snooze began, or ended."""
    if "until" in data:
        return _("%(who)s snoozed it until %(when)s") % {"who": who, "when": _when(data["until"])}
    why = data.get("ended", "")
    if why == Reminder.Outcome.CAME:
        return _("Back in the queue: its time has come")
    if why == Reminder.Outcome.BY_HAND:
        return _("%(who)s brought it back into the queue") % {"who": who}
    label = str(Reminder.Outcome(why).label) if why in Reminder.Outcome.values else str(why)
    return _("Back in the queue: %(why)s") % {"why": label}


_PROMISED: dict[str, str | Lazy] = {
    "kept": gettext_lazy("%(who)s kept the promise: %(text)s"),
    "dropped": gettext_lazy("%(who)s dropped the promise: %(text)s"),
    "reopened": gettext_lazy("%(who)s opened the promise again: %(text)s"),
    "soon": gettext_lazy("Promised, due soon: %(text)s. Told to %(to)s"),
    "due": gettext_lazy("Promised for now: %(text)s. Told to %(to)s"),
}


def promised(who: str, data: dict[str, Any]) -> str:
    """Something happened to a promise."""
    values = {"who": who, "text": data.get("text", ""), "to": data.get("to") or _("nobody")}
    event = str(data.get("event", ""))
    if event == "kept" and data.get("late"):
        return _("%(who)s kept the promise late: %(text)s") % values
    if event in _PROMISED:
        return str(_PROMISED[event]) % values
    values |= {"owner": data.get("owner") or _("nobody"), "when": _when(data["due"]) if data.get("due") else ""}
    if event == "made":
        return _("%(who)s promised by %(when)s: %(text)s (%(owner)s)") % values
    if not values["when"]:
        return _("%(who)s gave the promise to %(owner)s: %(text)s") % values
    return _("%(who)s changed the promise: %(text)s, by %(when)s (%(owner)s)") % values


def reminded(who: str, data: dict[str, Any]) -> str:
    """A reminder was set, came, or was taken back."""
    values = {"who": who, "text": data.get("text", ""), "to": data.get("to", "")}
    if data.get("event") == "set":
        when = _when(data["due"])
        return _("%(who)s wants to be reminded: %(when)s. %(text)s") % {**values, "when": when}
    if data.get("event") == "taken-back":
        return _("%(who)s needs no reminder any more. %(text)s") % values
    return _("%(to)s was reminded. %(text)s") % values


def _when(stored: str) -> str:
    return exact(datetime.fromisoformat(stored))


def lead(minutes: int) -> str:
    """How long before a promise is due its owner hears of it."""
    if not minutes:
        return _("Only when it is due")
    if minutes < 60:
        return ngettext("%(count)d minute before", "%(count)d minutes before", minutes) % {"count": minutes}
    if minutes < 24 * 60:
        return ngettext("%(count)d hour before", "%(count)d hours before", minutes // 60) % {"count": minutes // 60}
    days = minutes // (24 * 60)
    return ngettext("%(count)d day before", "%(count)d days before", days) % {"count": days}
