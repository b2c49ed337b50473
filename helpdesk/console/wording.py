"""Sentences for codes: a line of the journal, the signs and problems of a mail, as an agent reads them."""

from collections.abc import Callable
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.console import promise_words
from helpdesk.intake.acknowledgement import Verdict
from helpdesk.intake.guards import Sign
from helpdesk.intake.record import MACHINE
from helpdesk.models import Assignment, ClockCause, ClockKind, Entry, InboundEvent, Priority, State
from helpdesk.queries.conversation import Line
from mail_gateway.mail import Kind
from mail_gateway.problems import Problem, recognise
from routing_rules.vocabulary import OWN_CHOICES


def told(line: Line) -> str:
    """The sentence for ``line``, in the reader's language; names come from the journal, not from today's rows."""
    sentence = _SENTENCES.get(line.kind)
    if sentence is None:
        return str(Entry.Kind(line.kind).label)
    return sentence(line.who or _("The desk"), line.data)


def leads_to(line: Line) -> str:
    """The reference of the other ticket that a line tells of; '' for a line that tells of none."""
    names = _OTHER_TICKET.get(line.kind, ())
    return next((str(line.data[name]) for name in names if line.data.get(name)), "")


def acknowledged(verdict: str) -> str:
    """The sentence of a stored verdict about acknowledging."""
    return str(Verdict(verdict).label) if verdict in Verdict.values else verdict


def sender_sign(stored: str) -> str:
    """The sentence of a stored sign that led to a verdict about the sender; an older desk stored sentences."""
    code, _colon, detail = stored.partition(": ")
    return str(Sign(code).label) % {"detail": detail} if code in Sign.values else stored


def noticed(stored: str) -> str:
    """The sentence of something that was noticed when a mail was read."""
    if stored.startswith(MACHINE):
        kind, _colon, sign = stored.removeprefix(MACHINE).partition(": ")
        if kind in set(Kind):
            return f"{KINDS[Kind(kind)]} ({sign})" if sign else str(KINDS[Kind(kind)])
        return _("Machine mail (%(sign)s)") % {"sign": kind}
    found = recognise(stored)
    if found is None or found.problem not in PROBLEMS:
        return stored
    return str(PROBLEMS[found.problem]).format(**found.figures)


def file_word(content_type: str) -> str:
    """What a file is, where its type says more than its name; else ''."""
    return str(_FILES.get(content_type.lower(), ""))


def what_to_do(reason: str) -> str:
    """What helps with mail that is in quarantine for this reason."""
    return str(_HELPS.get(reason, _HELPS[InboundEvent.Reason.CRASHED]))


def field_name(name: str) -> str:
    """What a thing is called that a mail was compared by when it was read again (intake.rereading)."""
    return str(FIELDS.get(name, name))


def _state(value: object) -> str:
    return str(State(value).label) if value in State.values else str(value or "")


def _priority(value: object) -> str:
    return next((str(each.label) for each in Priority if each.slug == value), str(value or ""))


_EVENTS = OWN_CHOICES["events"]


def _routed(who: str, data: dict[str, Any]) -> str:
    sentence = _("A rule could not do what it should: %(problem)s")
    problems = " ".join(sentence % {"problem": each} for each in _problems(data))
    if "team" not in data:
        return problems
    return f"{_placed(data)} {problems}".rstrip()


def _problems(data: dict[str, Any]) -> list[str]:
    return [str(each) for each in data.get("problems", ())]


def _placed(data: dict[str, Any]) -> str:
    event = data.get("event")
    label = _EVENTS.get(str(event))
    if label is not None:
        words = {"event": _(label), "rules": ", ".join(data.get("rules", ()))}
        return _("Rules at “%(event)s”: %(rules)s") % words
    if not data.get("rules"):
        return _("No rule matched: team %(team)s") % {"team": data.get("team", "")}
    return _("Routed to %(team)s by %(rules)s") % {"team": data.get("team", ""), "rules": ", ".join(data["rules"])}


def _owner(who: str, data: dict[str, Any]) -> str:
    cause = data.get("cause")
    if cause in Assignment.Cause.values and cause != Assignment.Cause.BY_HAND:
        why = Assignment.Cause(cause).label
        if not data.get("to"):
            return _("%(who)s put it back into the queue: %(why)s") % {"who": who, "why": why}
        return _("%(who)s gave it to %(owner)s: %(why)s") % {"who": who, "owner": data["to"], "why": why}
    if not data.get("to"):
        return _("%(who)s handed it back to the team") % {"who": who}
    return _("%(who)s gave it to %(owner)s") % {"who": who, "owner": data["to"]}


def _tags(who: str, data: dict[str, Any]) -> str:
    words = [f"+{name}" for name in data.get("added", ())] + [f"−{name}" for name in data.get("removed", ())]
    return _("%(who)s tagged it %(tags)s") % {"who": who, "tags": " ".join(words)}


def _joined(who: str, data: dict[str, Any]) -> str:
    if "into" in data:
        return _("%(who)s joined it into %(reference)s") % {"who": who, "reference": data["into"]}
    return _("%(who)s joined %(reference)s into it") % {"who": who, "reference": data.get("from", "")}


def _moved(who: str, data: dict[str, Any]) -> str:
    values = {"who": who, "author": data.get("who", ""), "reference": data.get("to") or data.get("from", "")}
    if "to" in data:
        return _("%(who)s moved the message of %(author)s to %(reference)s") % values
    return _("%(who)s moved the message of %(author)s here from %(reference)s") % values


def _reread(who: str, data: dict[str, Any]) -> str:
    names = ", ".join(field_name(each) for each in data.get("changed", ()))
    values = {"who": who, "author": data.get("author", ""), "names": names}
    return _("%(who)s used today's reading of the mail of %(author)s: %(names)s") % values


def _customer(who: str, data: dict[str, Any]) -> str:
    sentences = {
        "added": gettext_lazy("%(who)s let %(address)s take part"),
        "removed": gettext_lazy("%(who)s let %(address)s take part no more"),
        "blocked": gettext_lazy("%(who)s blocked %(address)s"),
        "unblocked": gettext_lazy("%(who)s unblocked %(address)s"),
        "merged_from": gettext_lazy("%(who)s said that %(address)s and %(into)s are one person"),
        "unmerged": gettext_lazy("%(who)s said that %(address)s and %(into)s are two people after all"),
    }
    done = next((each for each in sentences if each in data), None)
    if done is None:
        return str(Entry.Kind.CONTACT_CHANGED.label)
    return str(sentences[done]) % {"who": who, "address": data[done], "into": data.get("merged_into", "")}


def _service(who: str, data: dict[str, Any]) -> str:
    clock = data.get("clock", "")
    values = {"clock": str(ClockKind(clock).label) if clock in ClockKind.values else clock}
    if data.get("event") == ClockCause.WARNING:
        return _("%(clock)s: the target is near") % values
    return _("%(clock)s: the target is missed") % values


def _chat(_who: str, data: dict[str, Any]) -> str:
    if "returned_from" in data:
        return _("%(agent)s left the customer without an answer: the chat went back to the queue") % {
            "agent": data["returned_from"]
        }
    if "vouched" in data:
        return _("The web site vouches for the customer: %(name)s") % {"name": data["vouched"]}
    if "transcript" in data:
        return _("The conversation went by mail to %(address)s") % {"address": data["transcript"]}
    if "mailed" in data:
        return _("The customer had gone: the answer went by mail to %(address)s") % {"address": data.get("to", "")}
    return _("The customer ended the chat")


_SENTENCES: dict[str, Callable[[str, dict[str, Any]], str]] = {
    Entry.Kind.ROUTED: _routed,
    Entry.Kind.OWNER_CHANGED: _owner,
    Entry.Kind.SERVICE_LEVEL: _service,
    Entry.Kind.TAGS_CHANGED: _tags,
    Entry.Kind.JOINED: _joined,
    Entry.Kind.MESSAGE_MOVED: _moved,
    Entry.Kind.MESSAGE_REREAD: _reread,
    Entry.Kind.CONTACT_CHANGED: _customer,
    Entry.Kind.CHAT_CHANGED: _chat,
    Entry.Kind.SNOOZED: promise_words.snoozed,
    Entry.Kind.PROMISED: promise_words.promised,
    Entry.Kind.REMINDED: promise_words.reminded,
    Entry.Kind.RATED: lambda who, data: (
        _("The customer rated the help: %(score)s of 5. %(comment)s")
        % {"score": data.get("score", ""), "comment": data.get("comment", "")}
    ),
    Entry.Kind.NOT_ACKNOWLEDGED: lambda who, data: (
        _("Not acknowledged. %(reason)s") % {"reason": acknowledged(data.get("verdict", ""))}
    ),
    Entry.Kind.STATE_CHANGED: lambda who, data: (
        _("%(who)s set the state to %(state)s") % {"who": who, "state": _state(data.get("to"))}
    ),
    Entry.Kind.TEAM_CHANGED: lambda who, data: (
        _("%(who)s moved it from %(before)s to %(after)s")
        % {"who": who, "before": data.get("from", ""), "after": data.get("to", "")}
    ),
    Entry.Kind.PRIORITY_CHANGED: lambda who, data: (
        _("%(who)s set the priority to %(priority)s") % {"who": who, "priority": _priority(data.get("to"))}
    ),
    Entry.Kind.SUBJECT_CHANGED: lambda who, data: (
        _("%(who)s changed the subject to “%(subject)s”") % {"who": who, "subject": data.get("to", "")}
    ),
}

#: Under which names a line's data hold the reference of another ticket.
_OTHER_TICKET: dict[str, tuple[str, ...]] = {
    Entry.Kind.MESSAGE_MOVED: ("to", "from"),
    Entry.Kind.JOINED: ("into", "from"),
    Entry.Kind.JOIN_SUGGESTED: ("ticket",),
}

KINDS: dict[Kind, str | Promise] = {
    Kind.PERSON: gettext_lazy("A person's mail"),
    Kind.AUTO_REPLY: gettext_lazy("An automatic reply"),
    Kind.BOUNCE: gettext_lazy("A mail of ours that came back"),
    Kind.DELAY: gettext_lazy("A notice that a mail of ours is delayed"),
    Kind.LIST: gettext_lazy("Mail of a mailing list"),
    Kind.FEEDBACK_REPORT: gettext_lazy("A complaint report"),
    Kind.READ_RECEIPT: gettext_lazy("A receipt for a mail of ours"),
    Kind.BULK: gettext_lazy("Bulk mail"),
    Kind.CALENDAR: gettext_lazy("A calendar invitation, or an answer to one"),
}

#: The sentences of mail_gateway.problems, which knows no catalogue; tests/unit/test_wording.py sees that none differs.
PROBLEMS: dict[Problem, str | Promise] = {
    Problem.UNREADABLE: gettext_lazy("The mail could not be read ({error}); this is its raw text."),
    Problem.TOO_LARGE: gettext_lazy("The mail is larger than {megabytes} MB; the rest is left out."),
    Problem.HEADERS_TOO_LONG: gettext_lazy("The headers are longer than {kilobytes} kB; the rest is read as text."),
    Problem.HEADER_TOO_LONG: gettext_lazy("A header is longer than {kilobytes} kB and was cut."),
    Problem.HEADER_RUBBISH: gettext_lazy("A line among the headers is not a header."),
    Problem.TOO_MANY_RECIPIENTS: gettext_lazy("The mail names more than {count} recipients; the rest is left out."),
    Problem.TOO_DEEP: gettext_lazy("Parts are nested more than {depth} deep; the rest is one attachment."),
    Problem.TOO_MANY_PARTS: gettext_lazy("The mail has more than {count} parts; the rest is left out."),
    Problem.TOO_MANY_FILES: gettext_lazy("The mail has more than {count} files; the rest is not unpacked."),
    Problem.BOUNDARY_MISSING: gettext_lazy("A multipart mail does not contain its boundary."),
    Problem.BOUNDARY_REPEATED: gettext_lazy("The mail repeats its boundary too often; the rest is left out."),
    Problem.TEXT_TOO_LONG: gettext_lazy("The text is longer than {count} characters and was cut."),
    Problem.CHARSET_WRONG: gettext_lazy("Text says it is {charset} but is {guess}."),
    Problem.CHARSET_UNNAMED: gettext_lazy("Text does not name its charset. Read as {guess}."),
    Problem.CHARSET_UNKNOWN: gettext_lazy("Charset {charset} is unknown. Read as {guess}."),
    Problem.CHARSET_FORBIDDEN: gettext_lazy("Charset {charset} is not allowed. Read as {guess}."),
    Problem.CHARSET_DAMAGED: gettext_lazy("Some characters are not valid {charset}."),
    Problem.SMIME: gettext_lazy("The mail is signed or encrypted with S/MIME; its content is the attachment."),
    Problem.PGP: gettext_lazy("The mail is encrypted with PGP; its content is the attachment."),
    Problem.PGP_TEXT: gettext_lazy("The text holds a message that is encrypted with PGP."),
    Problem.TNEF_DAMAGED: gettext_lazy("The winmail.dat attachment cannot be read."),
}

_HELPS: dict[str, str | Promise] = {
    InboundEvent.Reason.CRASHED: gettext_lazy(
        "Try again after an update of the desk. If it can't wait, open it as a plain ticket: its beginning as text, "
        "the whole mail as a file."
    ),
    InboundEvent.Reason.TOO_SLOW: gettext_lazy(
        "Mail like this is mostly rubbish or an attack. If a person wrote it, open it as a plain ticket: its beginning "
        "as text, the whole mail as a file."
    ),
    InboundEvent.Reason.TOO_MUCH_MEMORY: gettext_lazy(
        "It unpacks to far more than it is. If a person wrote it, open it as a plain ticket: its beginning as text, "
        "the whole mail as a file."
    ),
    InboundEvent.Reason.BUG: gettext_lazy(
        "Tell those who run the desk: the log has the cause under this number. Then try again. If it can't wait, open "
        "it as a plain ticket."
    ),
}

#: The names of intake.rereading's differences; tests/unit/test_wording.py sees that none is missing.
FIELDS: dict[str, str | Promise] = {
    "sender": gettext_lazy("Sender"),
    "recipients": gettext_lazy("Recipients"),
    "subject": gettext_lazy("Subject"),
    "date": gettext_lazy("Date"),
    "message_id": gettext_lazy("Message-ID"),
    "automatic": gettext_lazy("Kind of mail"),
    "language": gettext_lazy("Language"),
    "problems": gettext_lazy("Noticed"),
    "new_text": gettext_lazy("New text"),
    "text": gettext_lazy("Whole text"),
    "html": gettext_lazy("HTML"),
    "files": gettext_lazy("Files"),
}

_FILES: dict[str, str | Promise] = {
    "text/calendar": gettext_lazy("Calendar event"),
    "application/ics": gettext_lazy("Calendar event"),
    "message/rfc822": gettext_lazy("Attached mail"),
    "application/pgp-encrypted": gettext_lazy("PGP encryption"),
    "application/pgp-signature": gettext_lazy("PGP signature"),
    "application/pgp-keys": gettext_lazy("PGP key"),
    "application/pkcs7-mime": gettext_lazy("S/MIME mail"),
    "application/x-pkcs7-mime": gettext_lazy("S/MIME mail"),
    "application/pkcs7-signature": gettext_lazy("S/MIME signature"),
    "application/x-pkcs7-signature": gettext_lazy("S/MIME signature"),
}
