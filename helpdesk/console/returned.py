"""Why a mail of ours came back, in words: what a status code of RFC 3463 means for the one who wrote it."""

from django.utils.translation import gettext_lazy as _

from mail_gateway.bounce_reasons import status_in

#: Subject and detail of the code, exactly; then the subject alone. Longest match wins.
_MEANINGS = {
    "1": _("The address does not exist."),
    "1.2": _("The address's domain takes no mail."),
    "1.10": _("The address's domain takes no mail."),
    "1.7": _("The far server does not accept our address as a sender."),
    "1.8": _("The far server does not accept our address as a sender."),
    "2": _("The mailbox is closed."),
    "2.2": _("The mailbox is full."),
    "2.3": _("The mail is too large for it."),
    "3": _("The far server has a fault."),
    "3.4": _("The mail is too large for it."),
    "4": _("The far server could not be reached."),
    "4.7": _("The far server did not take the mail for days."),
    "5": _("The servers did not understand each other."),
    "6": _("The far server does not take mail of this form."),
    "7": _("The far server refuses the mail, often because it takes it for spam."),
}


def meaning_of(words: str) -> str:
    """A sentence for the far server's ``words``, by the code in them; '' when they hold none that says something."""
    _class, _dot, rest = status_in(words).partition(".")
    return str(_MEANINGS.get(rest) or _MEANINGS.get(rest.partition(".")[0]) or "") if rest else ""
