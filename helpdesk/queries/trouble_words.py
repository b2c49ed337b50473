"""Trouble in words: what is wrong, what to do about it, and the page where that is done. In the reader's language."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from helpdesk.models import AlarmCode

#: What each loop does, for people who don't know the code.
LOOPS = {
    "intake": gettext_lazy("Reading what arrived"),
    "intake-slow": gettext_lazy("Reading machines' and old mail"),
    "social": gettext_lazy("Reading social messages"),
    "social-polls": gettext_lazy("Asking social platforms for news"),
    "social-care": gettext_lazy("Looking after social accounts"),
    "outbox": gettext_lazy("Sending mail"),
    "assignment": gettext_lazy("Assignment of tickets"),
    "timers": gettext_lazy("Timers and alarms"),
    "rules": gettext_lazy("Rules that wait for time to pass"),
    "rehearsals": gettext_lazy("Trying rules on the past"),
    "rule-reviews": gettext_lazy("Review of the rules"),
    "erasures": gettext_lazy("Erasures"),
    "imap": gettext_lazy("Fetching mail (IMAP)"),
    "smtp": gettext_lazy("Receiving mail (SMTP)"),
    "lmtp": gettext_lazy("Receiving mail (LMTP)"),
    "wake-ups": gettext_lazy("Wake-ups between processes"),
}


def told(code: str, values: Mapping[str, Any]) -> str:
    """What is wrong, in one sentence. ``values`` are those of a queries.troubles.Trouble, or of an alarm."""
    count = int(values.get("count", 0))
    sentence = _counted(code, count) or _SENTENCES[AlarmCode(code)]
    free, loop = values.get("free", 0), str(values.get("loop", ""))
    words = {"free": filesizeformat(int(free)), "loop": LOOPS.get(loop, loop), "count": count}
    return str(sentence) % {**values, **words}


def _counted(code: str, count: int) -> str:
    """Sentences that count; the places are filled by the caller."""
    match code:
        case AlarmCode.UNEXPLAINED:
            return ngettext(
                "%(count)d mail in %(folder)s of %(channel)s is on the server and unaccounted for.",
                "%(count)d mails in %(folder)s of %(channel)s are on the server and unaccounted for.",
                count,
            )
        case AlarmCode.EXPIRY:
            return ngettext(
                "The credentials of %(channel)s end in %(count)d day.",
                "The credentials of %(channel)s end in %(count)d days.",
                count,
            )
        case AlarmCode.SENDING:
            return ngettext(
                "The mail server of %(channel)s takes nothing: %(count)d mail waits for another try.",
                "The mail server of %(channel)s takes nothing: %(count)d mails wait for another try.",
                count,
            )
        case AlarmCode.INCOMING:
            return ngettext(
                "%(count)d mail has arrived and isn't being read.",
                "%(count)d mails have arrived and aren't being read.",
                count,
            )
        case AlarmCode.OUTGOING:
            return ngettext(
                "%(count)d mail is due and isn't being sent.",
                "%(count)d mails are due and aren't being sent.",
                count,
            )
        case AlarmCode.QUARANTINE:
            return ngettext(
                "%(count)d mail could not be read and is in quarantine.",
                "%(count)d mails could not be read and are in quarantine.",
                count,
            )
        case AlarmCode.HELD:
            return ngettext(
                "%(count)d automatic mail is held, because too many went out.",
                "%(count)d automatic mails are held, because too many went out.",
                count,
            )
    return ""


_SENTENCES = {
    AlarmCode.LOOP: gettext_lazy("“%(loop)s” doesn't run in any process."),
    AlarmCode.FOLDER: gettext_lazy("Mail isn't being fetched from %(folder)s of %(channel)s."),
    AlarmCode.LOGIN: gettext_lazy("%(channel)s can't log in at %(provider)s: it neither fetches nor sends mail."),
    AlarmCode.ACCOUNT: gettext_lazy("The platform of %(channel)s refuses its credentials."),
    AlarmCode.PAUSED: gettext_lazy("The channel %(channel)s is paused and sends nothing."),
    AlarmCode.DISK: gettext_lazy("The disk is nearly full: %(free)s are left in %(folder)s."),
    AlarmCode.CLOCK: gettext_lazy("The clocks of the desk's machines are %(seconds)s s apart."),
}
_ADVICE = {
    AlarmCode.LOOP: gettext_lazy(
        "It is started again by itself. If it stays like this, read the desk's log and start the desk, or its workers."
    ),
    AlarmCode.FOLDER: gettext_lazy(
        "Nothing is lost, it stays on the server. Look at the account of the mailbox and try it."
    ),
    AlarmCode.UNEXPLAINED: gettext_lazy(
        "Compare the folder again; if they stay, look for them by their UID in the ledger."
    ),
    AlarmCode.LOGIN: gettext_lazy("Nothing is lost. Connect the mailbox again on its page."),
    AlarmCode.ACCOUNT: gettext_lazy("Answers wait and are kept. Enter new credentials on the page of the channel."),
    AlarmCode.EXPIRY: gettext_lazy("Make new ones at the platform, and enter them on the page of the channel."),
    AlarmCode.PAUSED: gettext_lazy("Replies wait and are kept. Correct the account, or press Resume."),
    AlarmCode.SENDING: gettext_lazy(
        "Nothing is lost, each mail is tried for 48 hours. Look at what the server says and at the account."
    ),
    AlarmCode.INCOMING: gettext_lazy(
        "Nothing is lost. A full disk or a locked database is the usual reason: read the log."
    ),
    AlarmCode.OUTGOING: gettext_lazy(
        "Nothing is lost. A full disk or a locked database is the usual reason: read the log."
    ),
    AlarmCode.QUARANTINE: gettext_lazy("Read why, then retry, open as a plain ticket, or discard."),
    AlarmCode.HELD: gettext_lazy(
        "Read some of them, then release or discard them. People's replies are sent as usual."
    ),
    AlarmCode.DISK: gettext_lazy(
        "Make room now. When it is full no mail can be written down: senders are told to try later, for some days."
    ),
    AlarmCode.CLOCK: gettext_lazy("Let every machine keep its time by NTP: leases and retries go wrong otherwise."),
}


def title(code: str) -> str:
    """A few words, for the subject of a mail."""
    return str(AlarmCode(code).label)


def advice(code: str) -> str:
    """What to do."""
    return str(_ADVICE[AlarmCode(code)])


def link(code: str, values: Mapping[str, Any]) -> tuple[str, str]:
    """The page where it is done, as the path and its name."""
    match code:
        case AlarmCode.FOLDER | AlarmCode.LOGIN | AlarmCode.SENDING if values.get("channel_id"):
            return reverse("channel", args=[values["channel_id"]]), str(values.get("channel", ""))
        case AlarmCode.PAUSED | AlarmCode.ACCOUNT | AlarmCode.EXPIRY:
            return reverse("channels"), _("Channels")
        case AlarmCode.QUARANTINE:
            return reverse("quarantine"), _("Quarantine")
        case AlarmCode.HELD:
            return f"{reverse('outgoing')}?state=held", _("Outgoing mail")
        case AlarmCode.OUTGOING:
            return f"{reverse('outgoing')}?state=waiting", _("Outgoing mail")
        case AlarmCode.UNEXPLAINED:
            return reverse("ledger"), _("Ledger")
    return reverse("status"), _("Health of the desk")


def address(path: str) -> str:
    """The whole address of a page, for mails."""
    return f"{settings.SITE_URL}{path}"
