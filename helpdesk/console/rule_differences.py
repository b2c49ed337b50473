"""Differences between rule sets, for people: rule by rule, sentence against sentence, and a line for each version."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.console.rule_choices import Choices
from helpdesk.jinja import exact
from helpdesk.text import word_differences
from routing_rules import forms, models
from routing_rules.rule_sets import Change, ChangeKind, Snapshot, content
from routing_rules.vocabulary import OWN_CHOICES

#: What people call the parts of a rule.
PARTS: dict[str, Promise] = {
    "name": gettext_lazy("name"),
    "folder": gettext_lazy("folder"),
    "comment": gettext_lazy("comment"),
    "events": gettext_lazy("events"),
    "condition": gettext_lazy("conditions"),
    "effects": gettext_lazy("actions"),
    "is_stop": gettext_lazy("stop here"),
    "is_enabled": gettext_lazy("enabled"),
    "once_per_ticket": gettext_lazy("once per ticket"),
    "active_from": gettext_lazy("active from"),
    "active_until": gettext_lazy("active until"),
    "may_trigger": gettext_lazy("may set off other rules"),
}
#: Parts that the sentence of a rule tells.
_IN_SENTENCE = frozenset({"condition", "effects", "is_stop"})
#: Each kind: (word, tone).
KINDS: dict[ChangeKind, tuple[Promise, str]] = {
    ChangeKind.ADDED: (gettext_lazy("Added"), "success"),
    ChangeKind.REMOVED: (gettext_lazy("Removed"), "danger"),
    ChangeKind.CHANGED: (gettext_lazy("Changed"), "accent"),
    ChangeKind.MOVED: (gettext_lazy("Moved"), ""),
}
_NAMED = 3

Pieces = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a rule before and after. ``pieces`` are (same | gone | new, text) pairs."""

    label: str
    before: Pieces
    after: Pieces
    is_sentence: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A rule that differs, as a page draws it; ``places`` tells where it was and is, '' when it stayed."""

    name: str
    folder: str
    kind: str
    word: str
    tone: str
    places: str
    parts: tuple[Part, ...]


def shown(changes: Iterable[Change], *, choices: Choices) -> list[Shown]:
    """The rules that differ, in the order in which the newer set has them."""
    return [_shown(change, choices) for change in changes]


def _shown(change: Change, choices: Choices) -> Shown:
    word, tone = KINDS[change.kind]
    newest = change.after or change.before or {}
    return Shown(
        name=change.name,
        folder=str(newest.get("folder", "")),
        kind=str(change.kind),
        word=str(word),
        tone=tone,
        places=_places(change),
        parts=tuple(_parts(change, choices)),
    )


def _places(change: Change) -> str:
    if change.kind is ChangeKind.ADDED:
        return _("as number %(place)d") % {"place": change.place_after}
    if change.kind is ChangeKind.REMOVED:
        return _("was number %(place)d") % {"place": change.place_before}
    if not change.has_moved:
        return ""
    return _("from number %(before)d to %(after)d") % {"before": change.place_before, "after": change.place_after}


def _parts(change: Change, choices: Choices) -> Iterable[Part]:
    if change.before is None or change.after is None:
        only = change.after or change.before or {}
        pieces: Pieces = [("same", sentence_of(only, choices))]
        is_new = change.after is not None
        yield Part("", () if is_new else pieces, pieces if is_new else (), is_sentence=True)
        return
    if _IN_SENTENCE & set(change.fields):
        before, after = sentence_of(change.before, choices), sentence_of(change.after, choices)
        yield _part("", before, after, is_sentence=True)
    was, is_now = content(change.before), content(change.after)
    for field in change.fields:
        if field not in _IN_SENTENCE:
            yield _part(str(PARTS[field]), _text(field, was[field]), _text(field, is_now[field]))


def _part(label: str, before: str, after: str, *, is_sentence: bool = False) -> Part:
    pieces = word_differences(before, after)
    return Part(
        label=label[:1].upper() + label[1:],
        before=[piece for piece in pieces if piece[0] != "new"],
        after=[piece for piece in pieces if piece[0] != "gone"],
        is_sentence=is_sentence,
    )


def sentence_of(snapshot: Snapshot, choices: Choices) -> str:
    """A stored rule in words, whatever version it comes from."""
    return forms.sentence(models.rule_from_snapshot({"id": 0, **snapshot}), choices=choices)


def _text(field: str, value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if field == "events" and isinstance(value, list):
        return ", ".join(_(OWN_CHOICES["events"].get(event, event)) for event in value)
    if value and field in ("active_from", "active_until"):
        return exact(datetime.fromisoformat(str(value)))
    return str(value) if value else _("none")


def told(changes: Sequence[Change]) -> list[str]:
    """What a version changed, as short sentences: the first rules by name, then how many more."""
    lines = [_told(change) for change in changes[:_NAMED]]
    if len(changes) > _NAMED:
        lines.append(_("%(count)d more") % {"count": len(changes) - _NAMED})
    return lines


def _told(change: Change) -> str:
    words: dict[str, object] = {"name": change.name, "place": change.place_after}
    match change.kind:
        case ChangeKind.ADDED:
            return _("“%(name)s” added") % words
        case ChangeKind.REMOVED:
            return _("“%(name)s” removed") % words
        case ChangeKind.MOVED:
            return _("“%(name)s” moved to number %(place)d") % words
    if change.fields == ("is_enabled",) and change.after is not None:
        return (_("“%(name)s” turned on") if change.after["is_enabled"] else _("“%(name)s” turned off")) % words
    words["parts"] = ", ".join(str(PARTS[field]) for field in change.fields)
    return _("“%(name)s” changed: %(parts)s") % words
