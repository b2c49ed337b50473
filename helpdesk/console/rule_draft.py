"""Changes of a rule's form that store nothing: one condition, group or action more or less.

What to do comes as the value of the button that was pressed: ``add:c-1`` a condition at the end of group c-1,
``group:c`` a group inside c, ``remove:c-1-0`` without that row, ``effect:`` an action more, ``drop:e-2`` one less,
``raise:e-2`` it trades places with the one before it.
"""

from routing_rules.forms import RuleForm
from routing_rules.rows import ConditionRow, EffectRow, GroupRow, walk
from routing_rules.vocabulary import FIELDS, EffectKind, Operator

FIRST_FIELD = "subject"


def carry_out(form: RuleForm, do: str) -> None:
    """Change the rows of ``form``; a place that isn't there, or an unknown verb, changes nothing."""
    verb, _colon, place = do.partition(":")
    if verb == "add":
        _add(form.group, place)
    elif verb == "group":
        _add_group(form.group, place)
    elif verb == "remove":
        _remove(form.group, place)
    elif verb == "effect":
        last = max((int(row.prefix.split("-")[1]) for row in form.effect_rows), default=-1)
        form.effect_rows.append(EffectRow(f"e-{last + 1}", kind=str(EffectKind.SET_TEAM)))
    elif verb == "drop":
        form.effect_rows = [row for row in form.effect_rows if row.prefix != place]
    elif verb == "raise":
        _raise(form.effect_rows, place)
    _settle_operators(form.group)


def _raise(rows: list[EffectRow], place: str) -> None:
    """Actions are in the order of the numbers in their names, so two rows trade those."""
    at = next((number for number, row in enumerate(rows) if row.prefix == place), 0)
    if at:
        above, row = rows[at - 1], rows[at]
        above.prefix, row.prefix = row.prefix, above.prefix
        rows[at - 1], rows[at] = row, above


def _group_at(group: GroupRow, place: str) -> GroupRow | None:
    return next((row for row in walk(group) if isinstance(row, GroupRow) and row.prefix == place), None)


def _fresh_row(prefix: str) -> ConditionRow:
    return ConditionRow(prefix, FIRST_FIELD, str(FIELDS[FIRST_FIELD].operators[0]))


def _add(root: GroupRow, place: str) -> None:
    group = _group_at(root, place)
    if group is not None:
        group.rows.append(_fresh_row(group.next_prefix))


def _add_group(root: GroupRow, place: str) -> None:
    group = _group_at(root, place)
    if group is not None and group.can_nest:
        inside = GroupRow(group.next_prefix, kind="any")
        inside.rows.append(_fresh_row(f"{inside.prefix}-0"))
        group.rows.append(inside)


def _remove(root: GroupRow, place: str) -> None:
    for group in [row for row in walk(root) if isinstance(row, GroupRow)]:
        group.rows = [row for row in group.rows if row.prefix != place]


def _settle_operators(root: GroupRow) -> None:
    """A field that has just been chosen may not know the operator of the former one."""
    for row in walk(root):
        if not isinstance(row, ConditionRow) or row.field not in FIELDS:
            continue
        allowed: tuple[Operator, ...] = FIELDS[row.field].operators
        if row.operator not in allowed:
            row.operator = str(allowed[0])
