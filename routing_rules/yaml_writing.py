"""Rule sets as YAML, for keeping them in git. Pure: no Django. `yaml_reading.read(write(rules))` gives back `rules`.

version: 1
rules:
# When subject contains “invoice”, then team billing.
- name: Invoices to billing
  id: 4f1c…            says which rule this is, also after it was renamed; left out: the rule of that name, or a new one
  folder: Billing
  when:                left out: every ticket; the JSON of routing_rules.conditions
    all:
    - {field: subject, operator: contains, value: invoice}
  then:
  - set_team: billing
  stop: true
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from routing_rules import conditions
from routing_rules.engine import Effect, Rule
from routing_rules.rule_sets import DEFAULTS, Snapshot, content
from routing_rules.sentences import rule_sentence

FORMAT = 1

KEYS: Mapping[str, str] = {
    "name": "name",
    "id": "uid",
    "folder": "folder",
    "comment": "comment",
    "enabled": "is_enabled",
    "events": "events",
    "active_from": "active_from",
    "active_until": "active_until",
    "once_per_ticket": "once_per_ticket",
    "when": "condition",
    "then": "effects",
    "stop": "is_stop",
    "may_trigger": "may_trigger",
}
"""What the file calls the parts of a snapshot, in the order in which it shows them."""

HEADER = (
    "# The rules of a Luotsi desk, first to last. The lines that begin with # are for people and are not read back.\n"
)


_OTHER_BREAKS = frozenset("\x85\u2028\u2029")


class _Flow(dict[str, Any]):
    """A test: on one line, so that git shows it as one."""


class _Writer(yaml.SafeDumper):
    """Plain data in the order given; several lines as a block."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write a thing that occurs twice twice."""
        return True


def _write_text(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if not _OTHER_BREAKS.isdisjoint(text):
        style = '"'  # escaped: YAML reads them as line breaks, and folds those into spaces
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _write_flow(writer: yaml.SafeDumper, data: _Flow) -> yaml.MappingNode:
    return writer.represent_mapping("tag:yaml.org,2002:map", data, flow_style=True)


_Writer.add_representer(str, _write_text)
_Writer.add_representer(_Flow, _write_flow)


def write(rules: Sequence[Snapshot]) -> str:
    """Return the file. The same rules make the same file, whoever writes it and in whichever language."""
    if not rules:
        return f"{HEADER}version: {FORMAT}\nrules: []\n"
    return "".join((HEADER, f"version: {FORMAT}\nrules:\n", *map(_written, rules)))


def _written(snapshot: Snapshot) -> str:
    given = content(snapshot) | {"uid": str(snapshot["uid"])}
    shown = {
        key: _shown(name, given[name])
        for key, name in KEYS.items()
        if name in ("name", "uid") or given[name] != DEFAULTS[name]
    }
    text = yaml.dump([shown], Dumper=_Writer, sort_keys=False, allow_unicode=True, width=10**9)
    return f"# {_sentence(snapshot)}\n{text}"


def _shown(name: str, value: Any) -> Any:
    if name == "condition":
        return _shown_condition(value)
    return [{each["kind"]: each["value"]} for each in value] if name == "effects" else value


def _shown_condition(data: Any) -> Any:
    if not isinstance(data, Mapping) or "field" in data:
        return _Flow(data) if isinstance(data, Mapping) else data
    return {kind: list(map(_shown_condition, parts)) for kind, parts in data.items()}


def _sentence(snapshot: Snapshot) -> str:
    try:
        condition = conditions.from_json(snapshot["condition"])
    except ValueError as error:
        return _one_line(f"can't be used: {error}")
    effects = tuple(Effect(each["kind"], each["value"]) for each in snapshot["effects"])
    rule = Rule(id=0, name="", condition=condition, effects=effects, is_stop=snapshot["is_stop"])
    return _one_line(rule_sentence(rule))


def _one_line(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)
