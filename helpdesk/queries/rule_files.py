"""A file of rules before it is taken: read, held against the desk, told what it would change. Nothing is written."""

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from routing_rules.folding import fold
from routing_rules.forms import SUGGESTIONS
from routing_rules.models import Rule
from routing_rules.rule_sets import Change, ChangeKind, Snapshot, compare
from routing_rules.vocabulary import gettext_noop
from routing_rules.yaml_reading import FileRule, Problem, UnreadableFile, read

Choices = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The rule set of a file, each rule with its uid, and what it would change here."""

    rules: tuple[Snapshot, ...]
    changes: tuple[Change, ...]


def prepare(*, text: str, choices: Choices) -> Prepared:
    """Read a file against the rules as they stand. Raises UnreadableFile with every complaint.

    A rule without an id is the desk's rule of that name, if there is exactly one, else a new one. What a rule refers to
    has to exist (`choices`, by list), unless the rule stands on the desk as it does in the file.
    """
    found = read(text)
    current = [rule.snapshot() for rule in Rule.objects.all()]
    rules = _named(found, current)
    changes = compare(current, rules)
    problems = list(_unknown(found, rules, changes, choices))
    if problems:
        raise UnreadableFile(problems)
    return Prepared(rules, changes)


def _named(found: Sequence[FileRule], current: Sequence[Snapshot]) -> tuple[Snapshot, ...]:
    claimed = {rule.snapshot["uid"] for rule in found}
    numbers = {str(rule["uid"]): rule["id"] for rule in current}
    free = [rule for rule in current if str(rule["uid"]) not in claimed]
    once = Counter(str(rule["name"]) for rule in free)
    wanted = Counter(str(rule.snapshot["name"]) for rule in found if not rule.snapshot["uid"])
    by_name = {str(rule["name"]): str(rule["uid"]) for rule in free if once[str(rule["name"])] == 1}
    named = []
    for rule in found:
        name = str(rule.snapshot["name"])
        same = by_name.get(name) if wanted[name] == 1 else None
        uid = rule.snapshot["uid"] or same or str(uuid.uuid4())
        named.append({**rule.snapshot, "uid": uid, "id": numbers.get(uid, 0)})
    return tuple(named)


def _unknown(
    found: Sequence[FileRule], rules: Sequence[Snapshot], changes: Sequence[Change], choices: Choices
) -> Iterator[Problem]:
    known = {source: {fold(value) for value, _label in pairs} for source, pairs in choices.items()}
    touched = {change.uid for change in changes if change.kind in (ChangeKind.ADDED, ChangeKind.CHANGED)}
    for rule, snapshot in zip(found, rules, strict=True):
        if snapshot["uid"] not in touched:
            continue
        for each in rule.references:
            if each.source in known and each.source not in SUGGESTIONS and fold(each.value) not in known[each.source]:
                template = gettext_noop("“%(value)s” does not exist (any more).")
                yield Problem(each.line, template, {"value": each.value})
