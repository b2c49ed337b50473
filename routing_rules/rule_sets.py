"""Whole rule sets as data: what differs between two, and one's changes put onto another. Pure: no Django.

A rule set is a sequence of snapshots (models.Rule.snapshot) in the order in which the rules are asked. A rule is the
same rule in two sets when it has the same uid, whatever it is called.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Snapshot = Mapping[str, Any]

DEFAULTS: Mapping[str, Any] = {
    "name": "",
    "folder": "",
    "comment": "",
    "events": ["ticket_created"],
    "condition": {"all": []},
    "effects": [],
    "is_stop": False,
    "is_enabled": True,
    "once_per_ticket": False,
    "active_from": None,
    "active_until": None,
    "may_trigger": False,
}
"""What people write of a rule, and what stands where an older version or a file says nothing."""


def content(snapshot: Snapshot) -> dict[str, Any]:
    """Return what people write of a rule, without its numbers."""
    return {name: snapshot.get(name, default) for name, default in DEFAULTS.items()}


class ChangeKind(StrEnum):
    """What became of a rule between two sets."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Change:
    """One rule that differs. `fields` are the names in DEFAULTS that do; places count from 1, None where it isn't.

    A changed rule may have moved as well: `has_moved`.
    """

    kind: ChangeKind
    before: Snapshot | None
    after: Snapshot | None
    fields: tuple[str, ...] = ()
    place_before: int | None = None
    place_after: int | None = None
    has_moved: bool = False

    @property
    def uid(self) -> str:
        """The rule's own name through all versions."""
        return str((self.after or self.before or {}).get("uid", ""))

    @property
    def name(self) -> str:
        """What people call it, as it is after the change if it still is."""
        return str((self.after or self.before or {}).get("name", ""))


def compare(before: Sequence[Snapshot], after: Sequence[Snapshot]) -> tuple[Change, ...]:
    """Return the rules that differ: those of `after` in its order, then the removed ones in theirs.

    As few rules as possible count as moved: of a rule that was dragged over ten others, one.
    """
    old, new = _places(before), _places(after)
    stayed = _longest_rise([old[uid] for uid in new if uid in old])
    changes = [
        change
        for uid, place in new.items()
        if (change := _change(before, old.get(uid), after[place], place, stayed)) is not None
    ]
    gone = [
        Change(ChangeKind.REMOVED, before=before[place], after=None, place_before=place + 1)
        for uid, place in old.items()
        if uid not in new
    ]
    return (*changes, *gone)


def _places(rules: Sequence[Snapshot]) -> dict[str, int]:
    return {str(rule["uid"]): place for place, rule in enumerate(rules)}


def _change(
    rules: Sequence[Snapshot], old_place: int | None, after: Snapshot, place: int, stayed: frozenset[int]
) -> Change | None:
    if old_place is None:
        return Change(ChangeKind.ADDED, before=None, after=after, place_after=place + 1)
    before = rules[old_place]
    was, is_now = content(before), content(after)
    fields = tuple(name for name in DEFAULTS if was[name] != is_now[name])
    has_moved = old_place not in stayed
    if not fields and not has_moved:
        return None
    kind = ChangeKind.CHANGED if fields else ChangeKind.MOVED
    return Change(kind, before, after, fields, old_place + 1, place + 1, has_moved)


def _longest_rise(places: Sequence[int]) -> frozenset[int]:
    """Return the members of a longest rising run: the rules that can be said to have stayed."""
    ends: list[int] = []
    tails: list[int] = []
    links: dict[int, int | None] = {}
    for place in places:
        at = bisect_left(ends, place)
        links[place] = tails[at - 1] if at else None
        ends[at : at + 1] = [place]
        tails[at : at + 1] = [place]
    members = set()
    step = tails[-1] if tails else None
    while step is not None:
        members.add(step)
        step = links[step]
    return frozenset(members)


@dataclass(frozen=True, slots=True)
class Merge:
    """`rules`: the set with the plan's changes on it; `conflicts`: the plan's changes that others have crossed."""

    rules: tuple[Snapshot, ...]
    conflicts: tuple[Change, ...]


def merge(*, base: Sequence[Snapshot], draft: Sequence[Snapshot], current: Sequence[Snapshot]) -> Merge:
    """Put onto `current` what was changed from `base` to `draft`.

    A rule that the draft adds, changes or removes, and that others have changed or removed since in another way, is a
    conflict and stays as it is now. Places never conflict: a rule that the draft adds or moves comes behind the rule
    that it follows in the draft. So `merge(b, d, b)` is `d`, and `merge(b, b, c)` is `c`.
    """
    now = {str(rule["uid"]): rule for rule in current}
    since = {change.uid: change for change in compare(base, current)}
    planned = compare(base, draft)
    conflicts = tuple(change for change in planned if _is_crossed(change, since.get(change.uid), now))
    crossed = {change.uid for change in conflicts}
    wanted = {change.uid: change.after for change in planned if change.uid not in crossed and _sets_content(change)}
    result = [uid for uid in now if uid not in wanted or wanted[uid] is not None]
    known = set(result)
    travellers = {
        change.uid
        for change in planned
        if change.uid not in crossed and change.after is not None and (change.has_moved or change.uid not in known)
        if change.uid in known or change.kind is ChangeKind.ADDED
    }
    order = _placed(result, travellers, [str(rule["uid"]) for rule in draft])
    return Merge(tuple(wanted.get(uid) or now[uid] for uid in order), conflicts)


def _sets_content(change: Change) -> bool:
    return change.kind is not ChangeKind.MOVED


def _is_crossed(planned: Change, since: Change | None, now: Mapping[str, Snapshot]) -> bool:
    if since is None or not _sets_content(planned) or since.kind is ChangeKind.MOVED:
        return False
    there = now.get(planned.uid)
    if there is None or planned.after is None:
        return there is not planned.after
    return content(there) != content(planned.after)


def _placed(result: list[str], travellers: set[str], draft: Sequence[str]) -> list[str]:
    """Take the travellers out and put each behind the nearest rule that stands before it in the draft."""
    order = [uid for uid in result if uid not in travellers]
    there = set(order)
    for place, uid in enumerate(draft):
        if uid in travellers:
            before = next((each for each in reversed(draft[:place]) if each in there), None)
            order.insert(order.index(before) + 1 if before is not None else 0, uid)
            there.add(uid)
    return order
