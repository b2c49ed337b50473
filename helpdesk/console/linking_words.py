"""Sentences for what is known of addresses: why two people may be one, where an address comes from, what happened."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from helpdesk.models import IdentityKind
from helpdesk.queries.linking_people import IDENTITIES, MESSAGES, TICKETS, VISITORS
from helpdesk.queries.linking_suggestions import Evidence, Ground, Suggestion

#: Icons of static/icons/sprite.svg by kind of address.
ICONS = {IdentityKind.EMAIL: "mail", IdentityKind.PHONE: "phone", IdentityKind.CHAT: "chat"}

_EVIDENCE = {
    "wrote-to-us": gettext_lazy("wrote to us from it"),
    "vouched-for": gettext_lazy("the platform vouches for it"),
    "said-by-agent": gettext_lazy("an agent says so"),
    "wrote-it": gettext_lazy("wrote it in a message"),
    "phone-field": gettext_lazy("stands as their phone number"),
    "pre-chat": gettext_lazy("gave it before a chat"),
}
_SOURCES = {
    "agent": gettext_lazy("agent"),
    "site": gettext_lazy("web site"),
    "import": gettext_lazy("import"),
    "claim": gettext_lazy("their own words"),
    "claim:chat": gettext_lazy("chat (claimed)"),
    "before": gettext_lazy("as first known"),
    "chat": gettext_lazy("chat"),
    "email": gettext_lazy("mail"),
    "": gettext_lazy("mail"),
}
_ATTRIBUTES = {
    "name": gettext_lazy("Name"),
    "organisation": gettext_lazy("Organisation"),
    "language": gettext_lazy("Language"),
    "time_zone": gettext_lazy("Time zone"),
    "preferred_channel": gettext_lazy("Preferred channel"),
    "customer_class": gettext_lazy("Customer class"),
    "phone": gettext_lazy("Phone"),
    "notes": gettext_lazy("Notes"),
}


def why(evidence: Evidence, suggestion: Suggestion) -> str:
    """One reason to think that two are one, with how far it can be trusted."""
    match evidence.ground:
        case Ground.SAME_PHONE if evidence.is_verified:
            words = {"phone": evidence.what, "by": kind_word(evidence.by)}
            return _("Same phone %(phone)s, verified by %(by)s") % words
        case Ground.SAME_PHONE:
            return _("Same phone %(phone)s, which nobody has verified") % {"phone": evidence.what}
        case Ground.CLAIMED:
            claimant = suggestion.one if suggestion.one.pk == evidence.claimant_id else suggestion.other
            words = {"name": claimant.name or _("Unknown sender"), "address": evidence.what}
            return _("%(name)s says that %(address)s is theirs: not verified") % words
        case Ground.BOTH_CLAIM:
            return _("Both say that %(address)s is theirs: not verified") % {"address": evidence.what}
        case _:
            return _("Same name: says little by itself")


def kind_word(kind: str) -> str:
    """Telegram, WhatsApp, mail …"""
    return str(IdentityKind(kind).label) if kind in IdentityKind.values else kind


def evidence_word(stored: str) -> str:
    """How we know that an address is theirs; what an agent wrote stands as it is."""
    return str(_EVIDENCE.get(stored, stored))


def source_word(source: str) -> str:
    """Who says so."""
    family, _colon, name = source.partition(":")
    if family == "record":
        return name or _("another system")
    return str(_SOURCES.get(source) or kind_word(source))


def attribute_word(attribute: str) -> str:
    """What an attribute is called; a word of the desk's own stands as it is."""
    return str(_ATTRIBUTES.get(attribute, attribute))


def link_count(label: str, number: int) -> str:
    """So many rows that point at a contact; '' for kinds that nobody counts one by one."""
    sentences = {
        IDENTITIES: ngettext("%(num)d address", "%(num)d addresses", number),
        TICKETS: ngettext("%(num)d ticket", "%(num)d tickets", number),
        MESSAGES: ngettext("%(num)d message", "%(num)d messages", number),
        VISITORS: ngettext("%(num)d visitor of a chat", "%(num)d visitors of chats", number),
        "helpdesk.ContactNote.contact": ngettext("%(num)d note", "%(num)d notes", number),
    }
    return sentences.get(label, "") % {"num": number}


def happened(data: dict[str, Any]) -> str:
    """What a line of the journal about a customer's data says."""
    sentences = {
        "merge": _("%(from)s and %(into)s are one person"),
        "undone": _("%(undone)s and %(from)s are two people after all"),
        "linked": _("linked %(linked)s"),
        "untied": _("took %(untied)s away from %(from)s"),
        "retired": _("%(retired)s has a new owner"),
        "not_theirs": _("%(not_theirs)s is not theirs"),
        "apart": _("%(from)s and %(apart)s are two people"),
        "dismissed": _("%(attribute)s: does not want “%(dismissed)s”"),
        "attribute": _("%(attribute)s: %(to)s"),
    }
    order = ("undone", "merge", "linked", "untied", "retired", "not_theirs", "apart", "dismissed", "attribute")
    told = next((each for each in order if each in data), "")
    if not told:
        return ""
    words = {name: str(value) for name, value in data.items()}
    words["attribute"] = attribute_word(words.get("attribute", ""))
    words["to"] = words.get("to") or "–"
    return sentences[told] % words
