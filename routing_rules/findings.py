"""What can be wrong with a rule, as data: codes and what they speak of; sentences are the caller's. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Code(StrEnum):
    """Every kind of finding."""

    IMPOSSIBLE = "impossible"
    """No ticket can meet the rule's conditions."""
    UNREACHABLE = "unreachable"
    """Whatever meets them is stopped by rules above."""
    SHADOWED = "shadowed"
    """Each thing that it sets is always set by rules above."""
    PARTLY_SHADOWED = "partly_shadowed"
    """Some of what it sets always is."""
    DUPLICATE = "duplicate"
    """A rule above does the same for the same tickets."""
    CONFLICT = "conflict"
    """A ticket can meet both rules, which want different things; their order decides."""
    LOOP = "loop"
    """What the rules do makes each other run again, up to the limit."""
    NEVER_HOLDS = "never_holds"
    """A part of the condition can't hold beside the rest."""
    REDUNDANT = "redundant"
    """Without this part the rule would match the same tickets."""
    MISSING_REFERENCE = "missing_reference"
    DISABLED_REFERENCE = "disabled_reference"
    EXPIRED = "expired"
    NEVER_FIRED = "never_fired"
    UNCOVERED = "uncovered"
    """Tickets of this kind met no rule that places them."""


class Certainty(StrEnum):
    """How a finding is known: true for all facts, or seen in past tickets."""

    PROVED = "proved"
    OBSERVED = "observed"


PROBLEMS = frozenset(
    (
        Code.IMPOSSIBLE,
        Code.UNREACHABLE,
        Code.SHADOWED,
        Code.DUPLICATE,
        Code.LOOP,
        Code.NEVER_HOLDS,
        Code.MISSING_REFERENCE,
        Code.DISABLED_REFERENCE,
        Code.EXPIRED,
    )
)
"""Findings that mean that a rule does not do what somebody wanted; the others are worth knowing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about the rule `rule_id`; `others` are the rules that the argument rests on, in their order.

    `details` is of JSON's types: effects, a part of the condition, values, the facts of an example.
    """

    code: Code
    rule_id: int
    others: tuple[int, ...] = ()
    certainty: Certainty = Certainty.PROVED
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_problem(self) -> bool:
        """Whether somebody should do something about it."""
        return self.code in PROBLEMS

    def key(self, *, uids: Mapping[int, str]) -> str:
        """Return what stays the same while the finding does: for which rules (by uid), and about what of them."""
        about = {name: self.details[name] for name in _ABOUT if name in self.details}
        rules = [uids.get(rule_id, str(rule_id)) for rule_id in (self.rule_id, *self.others)]
        told = json.dumps([self.code, self.certainty, rules, about], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(told.encode()).hexdigest()[:32]


_ABOUT = ("kinds", "part", "source", "value", "combination")
"""Details that make two findings about the same rules two."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and which questions (codes) were too big for the budget: nothing is said about those."""

    findings: tuple[Finding, ...]
    not_examined: tuple[Code, ...] = ()
