"""Rule sets as data: differences, merging, and YAML there and back."""

import datetime as dt
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing_rules import conditions
from routing_rules.rule_sets import DEFAULTS, ChangeKind, Snapshot, compare, content, merge
from routing_rules.vocabulary import EffectKind, Event
from routing_rules.yaml_reading import UnreadableFile, read
from routing_rules.yaml_writing import write
from tests.unit.rule_strategies import all_conditions

UIDS = [str(uuid.UUID(int=number)) for number in range(1, 8)]
few = settings(max_examples=150, deadline=None)

awkward = st.sampled_from(
    (
        "no",
        "on",
        "~",
        "null",
        "12:30",
        "2026-01-01",
        "- a",
        "# b",
        "a: b",
        "'",
        '"',
        "{x}",
        "&a",
        "*a",
        "!t",
        "1e3",
        "0x1",
    )
)
texts = awkward | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=20)
names = texts.filter(lambda text: bool(text.strip()))
moments = st.none() | st.datetimes(timezones=st.just(dt.UTC)).map(lambda moment: moment.isoformat())


@st.composite
def snapshots(draw: st.DrawFn, uid: str) -> dict[str, Any]:
    start, end = draw(moments), draw(moments)
    effects = draw(
        st.lists(
            st.builds(
                lambda kind, value: {"kind": str(kind), "value": value}, st.sampled_from(list(EffectKind)), names
            ),
            min_size=1,
            max_size=3,
        )
    )
    return {
        "uid": uid,
        "name": draw(names),
        "folder": draw(st.just("") | texts),
        "comment": draw(st.just("") | texts | st.lists(texts, max_size=3).map("\n".join)),
        "events": draw(
            st.lists(st.sampled_from([event.value for event in Event]), min_size=1, max_size=3, unique=True)
        ),
        "condition": conditions.to_json(draw(all_conditions.map(grouped))),
        "effects": effects,
        "is_stop": draw(st.booleans()),
        "is_enabled": draw(st.booleans()),
        "once_per_ticket": draw(st.booleans()),
        "active_from": start,
        "active_until": end if not (start and end) or start < end else None,
        "may_trigger": draw(st.booleans()),
    }


def grouped(condition: conditions.Condition) -> conditions.Condition:
    return conditions.All((condition,)) if isinstance(condition, conditions.Test) else condition


whole_rules = st.lists(st.sampled_from(UIDS), unique=True, max_size=4).flatmap(
    lambda uids: st.tuples(*map(snapshots, uids)).map(list)
)
#: Sets of rules that differ in order, in which are there, and in one part of them.
small_sets = st.lists(
    st.tuples(st.sampled_from(UIDS), st.sampled_from("abc")), unique_by=lambda pair: pair[0], max_size=7
).map(lambda pairs: [rule(uid, name) for uid, name in pairs])

A_RULE = "version: 1\nrules:\n- name: a\n  stop: true\n"


def rule(uid: str, name: str = "a", **fields: Any) -> dict[str, Any]:
    return {**DEFAULTS, "uid": uid, "name": name, "is_stop": True, **fields}


def told(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(change.uid, str(change.kind)) for change in compare(before, after)]


def contents(rules: Any) -> list[tuple[str, Snapshot]]:
    return [(rule["uid"], content(rule)) for rule in rules]


class TestComparing:
    def test_a_set_with_itself_finds_nothing(self) -> None:
        rules = [rule(uid) for uid in UIDS]

        assert compare(rules, rules) == ()

    def test_names_what_was_added_changed_and_removed(self) -> None:
        one, two, three = UIDS[:3]

        changes = compare([rule(one), rule(two)], [rule(one, "b", is_enabled=False), rule(three)])

        assert [(each.uid, each.kind, each.fields) for each in changes] == [
            (one, ChangeKind.CHANGED, ("name", "is_enabled")),
            (three, ChangeKind.ADDED, ()),
            (two, ChangeKind.REMOVED, ()),
        ]

    @pytest.mark.parametrize("to", range(7))
    def test_calls_one_rule_moved_however_many_it_passed(self, to: int) -> None:
        rules = [rule(uid) for uid in UIDS]
        moved = rules[:3] + rules[4:]
        moved.insert(to, rules[3])

        assert len(compare(rules, moved)) == (to != 3)

    def test_takes_an_older_version_without_the_newer_parts_as_unchanged(self) -> None:
        old = {"uid": UIDS[0], "name": "a", "is_stop": True, "is_enabled": True, "comment": "", "effects": [],
               "condition": {"all": []}}  # fmt: skip

        assert compare([old], [rule(UIDS[0])]) == ()

    @few
    @given(small_sets, small_sets)
    def test_tells_enough_to_make_one_from_the_other(self, before: list[Any], after: list[Any]) -> None:
        changes = {change.uid: change for change in compare(before, after)}
        kept = [each["uid"] for each in before if each["uid"] not in changes]

        assert [each["uid"] for each in after if each["uid"] not in changes] == kept
        assert (not changes) == (before == after)


class TestMerging:
    @few
    @given(small_sets, small_sets)
    def test_onto_an_unchanged_set_gives_the_draft(self, base: list[Any], draft: list[Any]) -> None:
        merged = merge(base=base, draft=draft, current=base)

        assert (list(merged.rules), merged.conflicts) == (draft, ())

    @few
    @given(small_sets, small_sets)
    def test_of_a_draft_without_changes_keeps_what_others_made(self, base: list[Any], current: list[Any]) -> None:
        merged = merge(base=base, draft=base, current=current)

        assert (list(merged.rules), merged.conflicts) == (current, ())

    @few
    @given(small_sets, small_sets, small_sets)
    def test_loses_no_rule_and_doubles_none(self, base: list[Any], draft: list[Any], current: list[Any]) -> None:
        merged = merge(base=base, draft=draft, current=current)
        uids = [each["uid"] for each in merged.rules]
        crossed = {change.uid for change in merged.conflicts}
        gone = {change.uid for change in compare(base, draft) if change.after is None} - crossed
        new = {change.uid for change in compare(base, draft) if change.kind is ChangeKind.ADDED} - crossed

        assert len(uids) == len(set(uids))
        assert set(uids) == {each["uid"] for each in current} - gone | new

    def test_keeps_changes_of_different_rules(self) -> None:
        base = [rule(UIDS[0]), rule(UIDS[1])]

        merged = merge(base=base, draft=[rule(UIDS[0], "b"), base[1]], current=[base[0], rule(UIDS[1], "c")])

        assert [each["name"] for each in merged.rules] == ["b", "c"]

    @pytest.mark.parametrize("now", [[rule(UIDS[0], "c")], []])
    def test_tells_a_rule_that_others_changed_or_removed(self, now: list[Any]) -> None:
        merged = merge(base=[rule(UIDS[0])], draft=[rule(UIDS[0], "b")], current=now)

        assert [change.name for change in merged.conflicts] == ["b"]
        assert list(merged.rules) == now

    def test_agrees_when_others_did_the_same(self) -> None:
        merged = merge(base=[rule(UIDS[0])], draft=[rule(UIDS[0], "b")], current=[rule(UIDS[0], "b")])

        assert merged.conflicts == ()


class TestYaml:
    @few
    @given(whole_rules)
    def test_gives_back_every_rule_as_it_was(self, rules: list[dict[str, Any]]) -> None:
        assert contents(each.snapshot for each in read(write(rules))) == contents(rules)

    @pytest.mark.parametrize("text", ["a\x85", "a\u2028b", "a\x85b\nc", "\u2029a: b", "a\rb: c"])
    def test_keeps_line_breaks_that_only_yaml_knows(self, text: str) -> None:
        condition = {"all": [{"field": "subject", "operator": "contains", "value": text}]}
        effects = [{"kind": "set_team", "value": text}]
        rules = [rule(UIDS[0], text, condition=condition, effects=effects, comment=text, folder=text)]

        assert contents(each.snapshot for each in read(write(rules))) == contents(rules)

    def test_shows_a_rule_as_a_person_would_write_it(self) -> None:
        condition = {"all": [{"field": "subject", "operator": "contains", "value": "invoice"}]}
        effects = [{"kind": "set_team", "value": "billing"}]

        text = write([rule(UIDS[0], "Invoices", condition=condition, effects=effects, comment="One\ntwo")])

        assert text.partition("rules:\n")[2].splitlines() == [
            "# When subject contains “invoice”, then team billing, stop here.",
            "- name: Invoices",
            f"  id: {UIDS[0]}",
            "  comment: |-",
            "    One",
            "    two",
            "  when:",
            "    all:",
            "    - {field: subject, operator: contains, value: invoice}",
            "  then:",
            "  - set_team: billing",
            "  stop: true",
        ]

    def test_reads_what_looks_like_something_else_as_text(self) -> None:
        text = "version: 1\nrules:\n- name: no\n  stop: true\n  folder: 12:30\n  comment: 2026-01-01\n"

        (found,) = read(text)

        assert [found.snapshot[key] for key in ("name", "folder", "comment")] == ["no", "12:30", "2026-01-01"]

    def test_says_what_a_rule_refers_to_and_where(self) -> None:
        text = (
            "version: 1\nrules:\n- name: a\n  when:\n    all:\n    - field: channel\n      operator: is_any_of\n"
            "      value: [mail]\n  then:\n  - set_team: billing\n"
        )

        (found,) = read(text)

        assert [(each.source, each.value, each.line) for each in found.references] == [
            ("channels", "mail", 8),
            ("teams", "billing", 10),
        ]

    @pytest.mark.parametrize(
        ("body", "line", "word"),
        [
            ("", 1, "empty"),
            ("a", 1, "names with values"),
            ("version: 2\nrules: []", 1, "version: 1"),
            ("version: 1\nrules: a", 1, "list called"),
            ("version: 1\nrules: []\nmore: 1", 3, "more"),
            ("version: 1\nrules:\n- stop: true", 3, "no name"),
            ("version: 1\nrules:\n- name: a", 3, "at least one action"),
            ("version: 1\nrules:\n- name: a\n  stop: yes", 4, "true or false"),
            ("version: 1\nrules:\n- name: a\n  name: b\n  stop: true", 4, "twice"),
            ("version: 1\nrules:\n- name: 7\n  stop: true", 3, "quotation marks"),
            ("version: 1\nrules:\n- name: a\n  stop: true\n  whne: 1", 5, "whne"),
            ("version: 1\nrules:\n- name: a\n  then:\n  - make_coffee: now", 5, "make_coffee"),
            ("version: 1\nrules:\n- name: a\n  then:\n  - set_team: ' '", 5, "what to set"),
            ("version: 1\nrules:\n- name: a\n  stop: true\n  events: [lunch]", 5, "lunch"),
            ("version: 1\nrules:\n- name: a\n  stop: true\n  id: x", 5, "no id"),
            ("version: 1\nrules:\n- name: a\n  stop: true\n  active_from: 2026-06-01", 5, "with its zone"),
            (f"{A_RULE}  when:\n    all:\n    - {{field: mood, operator: is}}", 7, "mood"),
            (f"{A_RULE}  when:\n    any:\n    - field: subject\n      operator: matches\n      value: '('", 9, ""),
            ("version: 1\nrules:\n- &x\n  name: a\n- *x", 3, "Anchors"),
            ("version: 1\nrules:\n- !!python/object:os.system\n  name: a", 3, ""),
            ("version: 1\nrules:\n- name: !secret a\n  stop: true", 3, "Tags"),
            ("version: 1\nrules:\n- name: a: b", 3, "YAML"),
            ("version: 1\nrules:\n- name: a\x07", 3, "YAML"),
            ('version: 1\nrules:\n- name: "a\\0"\n  stop: true', 3, "character"),
            ("version: 1\nrules: " + "[" * 100_000, 2, "deeper"),
            ("? " * 60_000, 1, "deeper"),
            (f"{A_RULE}  id: {UIDS[0]}\n- name: b\n  stop: true\n  id: {UIDS[0]}\n", 6, "line 3"),
        ],
    )  # fmt: skip
    def test_complains_with_line_and_reason(self, body: str, line: int, word: str) -> None:
        with pytest.raises(UnreadableFile) as refused:
            read(body)

        (problem,) = refused.value.problems
        assert problem.line == line
        assert word in problem.sentence()

    def test_complains_about_everything_at_once(self) -> None:
        with pytest.raises(UnreadableFile) as refused:
            read("version: 1\nrules:\n- name: a\n- name: ''\n  stop: 3\n- 5\n")

        assert [problem.line for problem in refused.value.problems] == [3, 4, 5, 6]

    def test_refuses_a_file_that_is_too_large(self) -> None:
        with pytest.raises(UnreadableFile, match="larger"):
            read(" " * 2_000_001)
