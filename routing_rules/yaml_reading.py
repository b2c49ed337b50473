"""Rule sets read from YAML, each complaint with its line. Pure: no Django. routing_rules.yaml_writing shows the form.

Nothing is ever constructed from the file: its nodes are read one by one. Tags, anchors and aliases are refused, and so
is more nesting than a rule can have.
"""

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from routing_rules import conditions, values
from routing_rules.rule_sets import DEFAULTS, Snapshot
from routing_rules.vocabulary import EFFECTS, FIELDS, EffectKind, Event, Translate, ValueKind, gettext_noop
from routing_rules.yaml_writing import FORMAT, KEYS

SIZE_MAX = 2_000_000
"""Characters; 10,000 rules of one condition take so many."""
RULES_MAX = 10_000
PROBLEMS_MAX = 50
_NESTING_MAX = 24


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a file, and in which line (from 1)."""

    line: int
    template: str
    params: Mapping[str, object]

    def sentence(self, *, translate: Translate = str) -> str:
        """Return what is wrong, in words a person can act on."""
        return translate(self.template) % self.params


class UnreadableFile(ValueError):
    """A file that can't be used: nothing of it was taken. `problems` in the order of their lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line)[:PROBLEMS_MAX])
        super().__init__("; ".join(f"line {problem.line}: {problem.sentence()}" for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that has to exist on the desk: `billing` of the list `teams`, named in `line`."""

    source: str
    value: str
    line: int


@dataclass(frozen=True, slots=True)
class FileRule:
    """One rule of a file: its snapshot (`uid` is empty where the file names none) and what it refers to."""

    snapshot: Snapshot
    line: int
    references: tuple[Reference, ...]


_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # the C loader where it is
    """Resolves true and false, whole numbers, null, and nothing else: `no` is Norwegian, 12:30 a time of day."""

    yaml_implicit_resolvers: Mapping[str, Any] = {}


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)\Z"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"-?(?:0|[1-9][0-9]{0,8})\Z"), list("-0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(?:null|~|)\Z"), ["n", "~", ""])

_SCALARS: Mapping[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:bool": lambda text: text == "true",
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:null": lambda _text: None,
    "tag:yaml.org,2002:str": str,
}


class _WrongError(ValueError):
    """One complaint; carries its problem. `place` is a node or an event: both know their line."""

    def __init__(self, place: yaml.Node | yaml.Event, template: str, /, **params: object) -> None:
        mark = place.start_mark
        self.problem = Problem(mark.line + 1 if mark else 1, template, params)
        super().__init__(template)


def read(text: str) -> tuple[FileRule, ...]:
    """Return the rules of a file in its order. Raises UnreadableFile with every complaint: all or nothing."""
    root = _composed(text)
    problems: list[Problem] = []
    try:
        items = _items(root)
    except _WrongError as error:
        raise UnreadableFile([error.problem]) from None
    rules: list[FileRule] = []
    for item in items:
        reader = _RuleReader(item, problems)
        rules.append(FileRule(reader.read(), item.start_mark.line + 1, tuple(reader.references)))
    problems += _repeated(rules)
    if problems:
        raise UnreadableFile(problems)
    return tuple(rules)


def _composed(text: str) -> yaml.Node:
    """The nodes of the file. The events are looked at first: composing deep nesting in C would end the process."""
    if len(text) > SIZE_MAX:
        raise UnreadableFile(
            [Problem(1, gettext_noop("The file is larger than %(max)d characters."), {"max": SIZE_MAX})]
        )
    try:
        _look_through(text)
        node = yaml.compose(text, Loader=_Loader)
    except _WrongError as error:
        raise UnreadableFile([error.problem]) from None
    except yaml.YAMLError as error:
        template = gettext_noop("This can't be read as YAML: %(reason)s.")
        raise UnreadableFile([Problem(_line_of(error, text), template, {"reason": _reason(error)})]) from None
    if node is None:
        raise UnreadableFile([Problem(1, gettext_noop("The file is empty."), {})])
    return node


def _look_through(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _NESTING_MAX:
            raise _WrongError(event, gettext_noop("This is nested deeper than any rule."))
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            raise _WrongError(event, gettext_noop("Anchors and aliases (& and *) can't be used here."))


def _line_of(error: yaml.YAMLError, text: str) -> int:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        return int(mark.line) + 1
    return text.count("\n", 0, int(getattr(error, "position", 0) or 0)) + 1


def _reason(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)


def _items(root: yaml.Node) -> Sequence[yaml.Node]:
    found = _pairs(root, {"version", "rules"})
    version = _plain(found["version"][1]) if "version" in found else None
    if version != FORMAT:
        where = found["version"][1] if "version" in found else root
        raise _WrongError(where, gettext_noop("The file needs “version: %(number)d” at its top."), number=FORMAT)
    if "rules" not in found or not isinstance(found["rules"][1], yaml.SequenceNode):
        raise _WrongError(root, gettext_noop("The file needs a list called “rules”."))
    items = found["rules"][1].value
    if len(items) > RULES_MAX:
        raise _WrongError(root, gettext_noop("A desk has at most %(max)d rules."), max=RULES_MAX)
    return items  # type: ignore[no-any-return]


def _pairs(node: yaml.Node, allowed: Iterable[str]) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        raise _WrongError(node, gettext_noop("Here names with values are expected, like “name: Invoices”."))
    known = set(allowed)
    found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if name not in known:
            raise _WrongError(key, gettext_noop("“%(name)s” is not known here."), name=name)
        if name in found:
            raise _WrongError(key, gettext_noop("“%(name)s” stands here twice."), name=name)
        found[name] = (key, value)
    return found


def _plain(node: yaml.Node) -> Any:
    """JSON's types from nodes; raises _WrongError for what isn't."""
    if isinstance(node, yaml.ScalarNode):
        if node.tag not in _SCALARS:
            raise _WrongError(node, gettext_noop("Tags (!…) can't be used here."))
        if "\x00" in node.value or any("\ud800" <= each <= "\udfff" for each in node.value):
            raise _WrongError(node, gettext_noop("There is a character here that no text can have."))
        return _SCALARS[node.tag](node.value)
    if node.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
        raise _WrongError(node, gettext_noop("Tags (!…) can't be used here."))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each) for each in node.value]
    names = [key.value for key, _value in node.value if isinstance(key, yaml.ScalarNode)]
    return {name: _plain(value) for name, (_key, value) in _pairs(node, set(names)).items()}


_UNREAD = object()
"""Stands for a part that was complained about, so that it isn't complained about as missing as well."""


class _RuleReader:
    """Reads one rule; complaints go to `problems`, and reading goes on behind them."""

    def __init__(self, node: yaml.Node, problems: list[Problem]) -> None:
        self.node = node
        self.problems = problems
        self.references: list[Reference] = []

    def read(self) -> Snapshot:
        """Return the snapshot; what is wrong in it is no value, and the file isn't used then."""
        snapshot: dict[str, Any] = {**DEFAULTS, "uid": ""}
        try:
            found = _pairs(self.node, KEYS)
        except _WrongError as error:
            self.problems.append(error.problem)
            return snapshot
        for key, (_name, node) in found.items():
            try:
                snapshot[KEYS[key]] = getattr(self, f"_{KEYS[key]}", self._flag)(node)
            except _WrongError as error:
                self.problems.append(error.problem)
                snapshot[KEYS[key]] = _UNREAD
        self._check(snapshot, found)
        return snapshot

    def _check(self, snapshot: Mapping[str, Any], found: Mapping[str, tuple[yaml.Node, yaml.Node]]) -> None:
        if "name" not in found:
            self._complain(self.node, gettext_noop("This rule has no name."))
        if not ("then" in found or snapshot["is_stop"]):
            self._complain(self.node, gettext_noop("Say what the rule does: at least one action, or “stop: true”."))
        start, end = snapshot["active_from"], snapshot["active_until"]
        if isinstance(start, str) and isinstance(end, str) and end <= start:
            self._complain(found["active_until"][1], gettext_noop("It ends before it begins."))

    def _complain(self, node: yaml.Node, template: str) -> None:
        self.problems.append(_WrongError(node, template).problem)

    def _flag(self, node: yaml.Node) -> bool:
        value = _plain(node)
        if not isinstance(value, bool):
            raise _WrongError(node, gettext_noop("Here only true or false can stand."))
        return value

    def _text(self, node: yaml.Node, limit: int) -> str:
        value = _plain(node)
        if not isinstance(value, str):
            raise _WrongError(node, gettext_noop("Here a text is expected; put it into quotation marks."))
        if len(value) > limit:
            raise _WrongError(node, gettext_noop("This text is longer than %(max)d characters."), max=limit)
        return value

    def _name(self, node: yaml.Node) -> str:
        name = self._text(node, 120)
        if not name.strip():
            raise _WrongError(node, gettext_noop("This rule has no name."))
        return name

    def _folder(self, node: yaml.Node) -> str:
        return self._text(node, 200)

    def _comment(self, node: yaml.Node) -> str:
        return self._text(node, 2_000)

    def _uid(self, node: yaml.Node) -> str:
        try:
            return str(uuid.UUID(self._text(node, 50)))
        except ValueError as error:
            if isinstance(error, _WrongError):
                raise
            raise _WrongError(node, gettext_noop("This is no id of a rule. Leave it out for a new rule.")) from None

    def _events(self, node: yaml.Node) -> list[str]:
        names = _plain(node)
        if not isinstance(names, list) or not names:
            raise _WrongError(node, gettext_noop("Here a list of events is expected."))
        for name in names:
            if name not in set(Event):
                raise _WrongError(node, gettext_noop("There is no event called “%(name)s”."), name=name)
        return names

    def _moment(self, node: yaml.Node) -> str | None:
        text = _plain(node)
        if text is None:
            return None
        try:
            moment = dt.datetime.fromisoformat(str(text))
            if moment.tzinfo is not None:
                return moment.astimezone(dt.UTC).isoformat()
        except (ValueError, OverflowError):
            pass
        raise _WrongError(node, gettext_noop("Here a time with its zone is expected, like “2026-06-01T08:00+03:00”."))

    _active_from = _active_until = _moment

    def _condition(self, node: yaml.Node) -> Any:
        data = _plain(node)
        try:
            condition = conditions.from_json(data)
        except conditions.InvalidCondition as error:
            raise _WrongError(_node_at(node, error.path), error.template, **error.params) from None
        self.references += _named_in(data, node)
        return conditions.to_json(condition)

    def _effects(self, node: yaml.Node) -> list[dict[str, str]]:
        if not isinstance(node, yaml.SequenceNode):
            raise _WrongError(node, gettext_noop("Here a list of actions is expected, like “- set_team: billing”."))
        return [self._effect(each) for each in node.value]

    def _effect(self, node: yaml.Node) -> dict[str, str]:
        if not isinstance(node, yaml.MappingNode) or len(node.value) != 1:
            raise _WrongError(node, gettext_noop("Here one action is expected, like “set_team: billing”."))
        ((key, value),) = node.value
        if not isinstance(key, yaml.ScalarNode) or key.value not in EFFECTS:
            raise _WrongError(key, gettext_noop("There is no action called “%(name)s”."), name=key.value)
        spec = EFFECTS[EffectKind(key.value)]
        text = self._text(value, values.LINES_MAX if spec.value_kind is ValueKind.LINES else values.TEXT_MAX)
        if not text.strip():
            raise _WrongError(value, gettext_noop("Say what to set."))
        source = spec.choices
        self.references.append(Reference(source, text, value.start_mark.line + 1))
        return {"kind": key.value, "value": text}


_STEP = re.compile(r"([a-z_]+)|\[(\d+)\]")


def _node_at(node: yaml.Node, path: str) -> yaml.Node:
    """Follow a path of conditions.InvalidCondition ("all[1].any[0].value") as far as it leads."""
    for name, number in _STEP.findall(path):
        if name and isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == name), node)
        elif number and isinstance(node, yaml.SequenceNode) and int(number) < len(node.value):
            node = node.value[int(number)]
    return node


def _named_in(data: Any, node: yaml.Node, path: str = "") -> Iterator[Reference]:
    """What the tests of a condition name in lists that the desk keeps."""
    if "field" in data:
        source = FIELDS[data["field"]].choices
        if source and isinstance(data.get("value"), list):
            line = _node_at(node, f"{path}.value").start_mark.line + 1
            yield from (Reference(source, str(value), line) for value in data["value"])
        return
    for kind, parts in data.items():
        for number, part in enumerate(parts):
            yield from _named_in(part, node, f"{path}.{kind}[{number}]")


def _repeated(rules: Iterable[FileRule]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for rule in rules:
        uid = rule.snapshot["uid"]
        if uid in seen:
            template = gettext_noop("This id is that of the rule in line %(line)d already.")
            yield Problem(rule.line, template, {"line": seen[uid]})
        if isinstance(uid, str) and uid:
            seen.setdefault(uid, rule.line)
