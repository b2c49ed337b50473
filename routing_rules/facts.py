"""Facts of one ticket event, brought into the form in which tests compare them. Pure: no Django.

Types of facts: text, choice -> str; set -> any collection of str; bool -> bool; time -> aware datetime; number -> int
or float. A fact that is None or not there is missing, which is never an error: see docs/rules.md. A fact of another
type is broken: tests of it can't be told, and the rules that hang on them are reported as invalid instead of as not
matching. A fact that is UNKNOWN was not recorded then: rules that hang on it are reported as unknown.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from routing_rules import values
from routing_rules.conditions import Test
from routing_rules.folding import as_written, fold, fold_words
from routing_rules.stems import ALGORITHMS, HEADLESS, LONGEST, WORD, base_language, form, head, is_inflected
from routing_rules.vocabulary import FIELDS, LANGUAGE, NOW, FieldType, Operator

# Slugs and tags come from small sets.
_fold_slug = lru_cache(maxsize=4096)(fold)

VERSION = 2
"""How `facts_to_json` writes: 1 left missing facts out, so that what was not recorded looks the same; 2 writes null."""

_OF_VERSION_1 = frozenset(
    "event subject sender sender_domain sender_name recipient channel channel_kind language customer_class "
    "organisation tags has_attachments is_automatic sender_verdict arrived_at priority state".split()
)


class Unknown:
    """The value of a fact that was not recorded when it happened. There is one, UNKNOWN."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()

View = dict[str, Any]
"""Comparable facts by key: the field's name for its folded value, and the keys that the functions below name."""


def words_key(name: str) -> str:
    """Key of a text's folded words, a list."""
    return f"{name} words"


def written_key(name: str) -> str:
    """Key of a text as written, for patterns: UTF-8 bytes."""
    return f"{name} written"


def clock_key(name: str, zone: str) -> str:
    """Key of a time on the clock of `zone`: (minute of the day, weekday), or None."""
    return f"{name} in {zone}"


def forms_key(name: str) -> str:
    """Key of a text's words by what their inflections have in common, a Forms."""
    return f"{name} forms"


MEMORY = 50_000
"""Words of which a reader remembers what they are a form of; then it starts anew."""


@dataclass(slots=True)
class Lexicon:
    """What the words that mails repeat are forms of, in one language; most are of no word that a rule looks for.

    Words that begin otherwise than `heads` are no forms of what is looked for: they stay as they are, since taking a
    word apart that was never met costs as much as asking a hundred rules. Safe to share between threads.
    """

    language: str
    heads: Set[str]
    quiet: set[str] = field(default_factory=set)
    telling: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def forms_in(self, words: Iterable[str]) -> frozenset[str]:
        """Return the forms of what may be looked for in a text, which comes as runs of anything but white space."""
        found: set[str] = set()
        for word in set(words).difference(self.quiet):
            known = self.telling.get(word)
            found.update(self._learn(word) if known is None else known)
        return frozenset(found)

    def line(self, text: str) -> str:
        """Return all words of a text in their order, with a space around each."""
        return f" {' '.join(self._form(word) for word in WORD.findall(text))} "

    def _learn(self, run: str) -> tuple[str, ...]:
        found = tuple(self._form(word) for word in WORD.findall(run) if self._is_wanted(word))
        if len(run) <= LONGEST:
            if len(self.quiet) + len(self.telling) >= MEMORY:
                self.quiet, self.telling = set(), {}
            if found:
                self.telling[run] = found
            else:
                self.quiet.add(run)
        return found

    def _is_wanted(self, word: str) -> bool:
        return self.language in HEADLESS or head(word) in self.heads

    def _form(self, word: str) -> str:
        return form(word, self.language) if self._is_wanted(word) and is_inflected(word) else word


@dataclass(frozen=True, slots=True)
class Forms:
    """The words of one text without their inflection, as far as rules look for them."""

    words: frozenset[str]
    lexicon: Lexicon
    text: str

    @property
    def language(self) -> str:
        """In which the words were read; empty where each stands for itself."""
        return self.lexicon.language

    @property
    def line(self) -> str:
        """All words in their order, with a space around each; for the few rules that look for several in a row."""
        return self.lexicon.line(self.text)


@dataclass(frozen=True, slots=True)
class Reading:
    """What `Reader.read` returns: comparable facts, why some can't be compared, and which were not recorded."""

    view: View
    broken: Mapping[str, str]
    unknown: frozenset[str] = frozenset()

    @property
    def unclear(self) -> frozenset[str]:
        """Fields that the view doesn't have."""
        return self.unknown.union(self.broken) if self.broken else self.unknown


@dataclass(slots=True)
class Reader:
    """Reads only what a set of tests looks at, once for all of them."""

    texts: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    heads: dict[str, set[str]] = field(default_factory=dict)
    lexicons: dict[tuple[str, str], Lexicon] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    choices: set[str] = field(default_factory=set)
    sets: set[str] = field(default_factory=set)
    bools: set[str] = field(default_factory=set)
    times: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, tests: Iterable[Test]) -> "Reader":
        """Return a reader for the fields of `tests`."""
        reader = cls()
        for test in tests:
            reader._add(test)
        return reader

    def _add(self, test: Test) -> None:
        kind = FIELDS[test.field].type
        if kind is FieldType.TIME:
            zones = self.times.setdefault(test.field, set())
            if isinstance(test.value, (values.ClockSpan, values.Weekdays)):
                zones.add(test.value.zone)
            if isinstance(test.value, values.Duration):
                self.times.setdefault(NOW, set())
        elif test.operator == Operator.MATCHES:
            self.written.add(test.field)
        else:
            plain = {
                FieldType.TEXT: self.texts,
                FieldType.CHOICE: self.choices,
                FieldType.SET: self.sets,
                FieldType.NUMBER: self.numbers,
            }
            plain.get(kind, self.bools).add(test.field)
            if test.operator == Operator.CONTAINS_ANY_FORM_OF:
                heads = self.heads.setdefault(test.field, set())
                heads.update(
                    head(word)
                    for item in (test.value if isinstance(test.value, tuple) else ())
                    for word in WORD.findall(fold(item))
                )
                self.choices.add(LANGUAGE)

    def read(self, *, facts: Mapping[str, object], now: dt.datetime) -> Reading:
        """Return the comparable facts; never raises for a fact, whatever it is."""
        view: View = {}
        broken: dict[str, str] = {}
        get = facts.get
        for name in self.texts:
            value = get(name)
            if value is None or isinstance(value, str):
                words = fold_words(value) if value else []
                view[name] = " ".join(words)
                view[words_key(name)] = words
            else:
                broken[name] = _complaint(name, value, "a text")
        for name in self.written:
            value = get(name)
            if value is None or isinstance(value, str):
                view[written_key(name)] = as_written(value or "")
            else:
                broken[name] = _complaint(name, value, "a text")
        self._read_small(facts, view, broken)
        for name, heads in self.heads.items():
            if name in view and LANGUAGE in view:
                lexicon = self._lexicon(name, view[LANGUAGE], heads)
                view[forms_key(name)] = Forms(lexicon.forms_in(view[words_key(name)]), lexicon, view[name])
        for name, zones in self.times.items():
            _read_time(name, now if name == NOW else get(name), zones, view, broken)
        if not broken:
            return Reading(view, broken)
        unknown = frozenset(name for name in broken if facts.get(name) is UNKNOWN)
        return Reading(view, {name: why for name, why in broken.items() if name not in unknown}, unknown)

    def _lexicon(self, name: str, language: str, heads: Set[str]) -> Lexicon:
        base = base_language(language)
        place = name, base if base in ALGORITHMS else ""
        if place not in self.lexicons:
            self.lexicons[place] = Lexicon(place[1], heads)
        return self.lexicons[place]

    def _read_small(self, facts: Mapping[str, object], view: View, broken: dict[str, str]) -> None:
        for name in self.choices:
            value = facts.get(name)
            if value is None or isinstance(value, str):
                view[name] = _fold_slug(value) if value else ""
            else:
                broken[name] = _complaint(name, value, "a text")
        for name in self.sets:
            value = facts.get(name)
            if value is None:
                view[name] = frozenset()
            elif isinstance(value, (set, frozenset, list, tuple)) and all(isinstance(item, str) for item in value):
                view[name] = frozenset(_fold_slug(item) for item in value)
            else:
                broken[name] = _complaint(name, value, "a set of texts")
        for name in self.bools:
            value = facts.get(name)
            if value is None or isinstance(value, bool):
                view[name] = value
            else:
                broken[name] = _complaint(name, value, "yes or no")
        for name in self.numbers:
            value = facts.get(name)
            if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
                view[name] = value
            else:
                broken[name] = _complaint(name, value, "a number")


def _read_time(name: str, value: object, zones: set[str], view: View, broken: dict[str, str]) -> None:
    if value is None:
        view[name] = None
        view.update((clock_key(name, zone), None) for zone in zones)
    elif isinstance(value, dt.datetime) and value.utcoffset() is not None:
        view[name] = value
        for zone in zones:
            local = value.astimezone(values.zone_of(zone))
            view[clock_key(name, zone)] = (local.hour * 60 + local.minute, local.weekday())
    else:
        broken[name] = _complaint(name, value, "a time with its zone")


def _complaint(name: str, value: object, wanted: str) -> str:
    return f"{name} should be {wanted} and is {type(value).__name__}"


def facts_to_json(facts: Mapping[str, object]) -> dict[str, object]:
    """Return the facts of the vocabulary as JSON's types, so that a decision can be explained exactly years later.

    A missing fact is written as null: only what is not there was not recorded.
    """
    known = {name: value for name, value in facts.items() if name in FIELDS and value is not UNKNOWN}
    return {name: _plain(value) for name, value in known.items()}


def _plain(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return str(value) if isinstance(value, str) else value


def facts_from_json(data: Mapping[str, object], *, version: int = VERSION) -> dict[str, object]:
    """Return the facts that `facts_to_json` wrote, and UNKNOWN for each field that it was not given then.

    A fact that can't be read stays as it is and is reported as broken. `version` is the writer's.
    """
    empty = _OF_VERSION_1 if version == 1 else frozenset()
    unrecorded: dict[str, object] = {
        name: None if name in empty else UNKNOWN for name in FIELDS if name not in data and name != NOW
    }
    return unrecorded | {name: _typed(name, value) for name, value in data.items() if name in FIELDS}


def _typed(name: str, value: object) -> object:
    kind = FIELDS[name].type
    if kind is FieldType.TIME and isinstance(value, str):
        try:
            return dt.datetime.fromisoformat(value)
        except ValueError:
            return value
    if kind is FieldType.SET and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return frozenset(value)
    return value
