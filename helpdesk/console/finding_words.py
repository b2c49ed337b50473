"""What findings of the linter are called on screen: each code has its headline and its argument in a sentence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk.console.rule_choices import Choices
from helpdesk.jinja import exact
from routing_rules import conditions, forms
from routing_rules.conditions import InvalidCondition
from routing_rules.findings import PROBLEMS, Certainty, Code
from routing_rules.folding import fold
from routing_rules.vocabulary import EFFECTS, FIELDS, NOW, EffectKind

#: The facts of an example that say nothing.
_DULL = frozenset(("event", NOW))
_EXCERPT = 80


@dataclass(frozen=True, slots=True)
class Told:
    """A finding in words. ``example`` are the facts of a ticket that shows it, by their names."""

    code: str
    headline: str
    why: str
    advice: str
    is_problem: bool
    is_proved: bool
    example: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """What the sentences of one finding name: the rule, the other rules, and the details."""

    rule: str
    others: Sequence[str]
    details: Mapping[str, Any]
    is_proved: bool
    choices: Choices

    @property
    def series(self) -> str:
        """The other rules, by name."""
        quoted = [_("“%(text)s”") % {"text": name} for name in self.others]
        if len(quoted) < 2:
            return "".join(quoted)
        return _("%(left)s or %(right)s") % {"left": ", ".join(quoted[:-1]), "right": quoted[-1]}

    @property
    def things(self) -> str:
        """What the rules set, by name."""
        kinds = self.details.get("kinds", ())
        return ", ".join(_(EFFECTS[EffectKind(kind)].label) for kind in kinds if kind in EFFECTS)

    @property
    def part(self) -> str:
        """The part of the condition that it is about, as a sentence."""
        try:
            condition = conditions.from_json(self.details.get("part"))
        except InvalidCondition:
            return ""
        return forms.condition_sentence(condition, choices=self.choices)

    def name_of(self, source: str, value: str) -> str:
        """What people call a value of a list."""
        return {fold(each): label for each, label in self.choices.get(source, ())}.get(fold(value), value)


def told(*, code: str, subject: Subject) -> Told:
    """The finding in the reader's language."""
    headline, why, advice = _WORDS[Code(code)](subject)
    return Told(
        code=code,
        headline=headline,
        why=why,
        advice=advice,
        is_problem=Code(code) in PROBLEMS,
        is_proved=subject.is_proved,
        example=_example(subject),
    )


def _example(subject: Subject) -> tuple[tuple[str, str], ...]:
    facts = subject.details.get("facts", {})
    return tuple(
        (_(FIELDS[name].label), _shown(subject, name, value))
        for name, value in facts.items()
        if name in FIELDS and name not in _DULL and value not in (None, "", [])
    )


def _shown(subject: Subject, name: str, value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(subject.name_of(FIELDS[name].choices, str(each)) for each in value)
    if name.endswith("_at"):
        return exact(datetime.fromisoformat(str(value)))
    shown = subject.name_of(FIELDS[name].choices, str(value))
    return shown if len(shown) <= _EXCERPT else f"{shown[:_EXCERPT].rstrip()}…"


Words = tuple[str, str, str]


def _impossible(subject: Subject) -> Words:
    return (
        _("No ticket can match “%(rule)s”") % {"rule": subject.rule},
        _("Its conditions contradict each other, or what happens when it is asked."),
        _("Change the conditions, or turn the rule off."),
    )


def _unreachable(subject: Subject) -> Words:
    return (
        _("“%(rule)s” is never reached") % {"rule": subject.rule},
        _("Whatever matches it also matches %(others)s above, which stops there.") % {"others": subject.series},
        _("Move it up, or narrow the rule that stops."),
    )


def _shadowed(subject: Subject) -> Words:
    why = _("Whatever matches it also matches %(others)s above, which has already set: %(things)s.")
    is_stop = subject.details.get("is_stop")
    return (
        _("“%(rule)s” never changes anything") % {"rule": subject.rule},
        why % {"others": subject.series, "things": subject.things},
        _("Only its stop counts.") if is_stop else _("Move it up, or delete it."),
    )


def _partly_shadowed(subject: Subject) -> Words:
    why = _("Whatever matches it also matches %(others)s above, which has already set: %(things)s.")
    return (
        _("A part of “%(rule)s” never takes effect") % {"rule": subject.rule},
        why % {"others": subject.series, "things": subject.things},
        _("Move it up, or take that action out."),
    )


def _duplicate(subject: Subject) -> Words:
    return (
        _("“%(rule)s” repeats %(others)s") % {"rule": subject.rule, "others": subject.series},
        _("Both match the same tickets and do the same."),
        _("Delete one of them."),
    )


def _conflict(subject: Subject) -> Words:
    headline = _("%(others)s and “%(rule)s” want different things") % {"others": subject.series, "rule": subject.rule}
    words: dict[str, object] = {"others": subject.series, "things": subject.things}
    if subject.is_proved:
        why = _("A ticket can match both. %(others)s is above and decides: %(things)s.")
    else:
        count = int(subject.details.get("tickets", 0))
        why = ngettext(
            "%(count)d ticket has matched both. %(others)s is above and decided: %(things)s.",
            "%(count)d tickets have matched both. %(others)s is above and decided: %(things)s.",
            count,
        )
        words["count"] = count
    return headline, why % words, _("If the order is what you want, dismiss this.")


def _loop(subject: Subject) -> Words:
    chain = " → ".join(str(name) for name in (subject.rule, *subject.others, subject.rule))
    return (
        _("“%(rule)s” and what it sets off run in a circle") % {"rule": subject.rule},
        _("Each makes the next one run: %(chain)s. The desk ends this after a few rounds.") % {"chain": chain},
        _("Take “may set off other rules” away from one of them, or narrow its conditions."),
    )


def _never_holds(subject: Subject) -> Words:
    return (
        _("A condition of “%(rule)s” can't be met") % {"rule": subject.rule},
        _("Beside the others it never holds: %(part)s.") % {"part": subject.part},
        _("Take it out, or change it."),
    )


def _redundant(subject: Subject) -> Words:
    return (
        _("“%(rule)s” has a condition that says nothing") % {"rule": subject.rule},
        _("Without it the rule matches the same tickets: %(part)s.") % {"part": subject.part},
        _("Take it out; the rule reads more easily."),
    )


_MISSING: Mapping[str, Callable[[], str]] = {
    "teams": lambda: _("There is no team “%(value)s”."),
    "agents": lambda: _("There is no agent “%(value)s”."),
    "channels": lambda: _("There is no channel “%(value)s”."),
    "templates": lambda: _("There is no acknowledgement text “%(value)s”."),
    "tags": lambda: _("No ticket has the tag “%(value)s”, and no rule adds it."),
}


def _missing_reference(subject: Subject) -> Words:
    template = _MISSING.get(str(subject.details.get("source")), lambda: _("“%(value)s” does not exist."))()
    return (
        _("“%(rule)s” names something that does not exist") % {"rule": subject.rule},
        template % {"value": subject.details.get("value", "")},
        _("Choose another one."),
    )


def _disabled_reference(subject: Subject) -> Words:
    value = subject.name_of(str(subject.details.get("source")), str(subject.details.get("value", "")))
    return (
        _("“%(rule)s” names somebody or something that is switched off") % {"rule": subject.rule},
        _("“%(value)s” takes no tickets any more.") % {"value": value},
        _("Choose another one."),
    )


def _expired(subject: Subject) -> Words:
    until = exact(datetime.fromisoformat(str(subject.details["until"])))
    return (
        _("The time of “%(rule)s” is over") % {"rule": subject.rule},
        _("It was active until %(until)s.") % {"until": until},
        _("Give it more time, or delete it."),
    )


def _never_fired(subject: Subject) -> Words:
    words = {"rule": subject.rule, "days": subject.details.get("days"), "asked": subject.details.get("asked")}
    return (
        _("“%(rule)s” has matched nothing in %(days)s days") % words,
        _("It was asked %(asked)s times.") % words,
        _("Perhaps nobody needs it any more."),
    )


def _uncovered(subject: Subject) -> Words:
    where = subject.details.get("combination", {})
    channel = subject.name_of("channels", str(where.get("channel", "")))
    code = str(where.get("language", ""))
    count = int(subject.details.get("tickets", 0))
    why = ngettext(
        "%(count)d of %(total)s ticket fell to the default team.",
        "%(count)d of %(total)s tickets fell to the default team.",
        count,
    )
    headline = (
        _("No rule covers %(channel)s in this language: %(language)s") if code else _("No rule covers %(channel)s")
    )
    return (
        headline % {"channel": channel, "language": subject.name_of("languages", code)},
        why % {"count": count, "total": subject.details.get("of", count)},
        _("Make a rule for them, or give the channel a team."),
    )


_WORDS: Mapping[Code, Callable[[Subject], Words]] = {
    Code.IMPOSSIBLE: _impossible,
    Code.UNREACHABLE: _unreachable,
    Code.SHADOWED: _shadowed,
    Code.PARTLY_SHADOWED: _partly_shadowed,
    Code.DUPLICATE: _duplicate,
    Code.CONFLICT: _conflict,
    Code.LOOP: _loop,
    Code.NEVER_HOLDS: _never_holds,
    Code.REDUNDANT: _redundant,
    Code.MISSING_REFERENCE: _missing_reference,
    Code.DISABLED_REFERENCE: _disabled_reference,
    Code.EXPIRED: _expired,
    Code.NEVER_FIRED: _never_fired,
    Code.UNCOVERED: _uncovered,
}


def feature_sentence(tests: Sequence[Mapping[str, Any]], *, choices: Choices) -> str:
    """The tests of a suggestion as part of a sentence."""
    return forms.condition_sentence(conditions.from_json({"all": list(tests)}), choices=choices)


def is_proved(certainty: str) -> bool:
    """Whether a finding holds for all tickets, and not only for those that were seen."""
    return certainty == Certainty.PROVED
