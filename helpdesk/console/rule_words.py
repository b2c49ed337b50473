"""What rules decided, in words: effects, steps and changes with the names that people know."""

from dataclasses import dataclass
from functools import cached_property

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.console.rule_choices import rule_choices
from routing_rules import sentences
from routing_rules.engine import Effect, Outcome, Step
from routing_rules.folding import fold
from routing_rules.forms import all_choices
from routing_rules.rehearsal import Change
from routing_rules.vocabulary import EFFECTS, FIELDS, NO_ACKNOWLEDGEMENT, OWN_CHOICES, EffectKind

_OUTCOMES = {
    Outcome.FIRED: gettext_lazy("Fired"),
    Outcome.NOT_MATCHED: gettext_lazy("Did not match"),
    Outcome.SKIPPED_AFTER_STOP: gettext_lazy("Not reached: an earlier rule stopped"),
    Outcome.INVALID: gettext_lazy("Could not run"),
    Outcome.UNKNOWN: gettext_lazy("Can't be told"),
    Outcome.SPENT: gettext_lazy("Had its one turn with this ticket"),
    Outcome.INACTIVE: gettext_lazy("Not in force then"),
    Outcome.OTHER_EVENT: gettext_lazy("For other events"),
    Outcome.DISABLED: gettext_lazy("Switched off"),
}


@dataclass(frozen=True, slots=True)
class StepWords:
    """What became of one rule. ``why`` is the condition that failed, or what stood in the way; '' where that is all."""

    name: str
    outcome: str
    label: str
    why: str
    effects: tuple[str, ...]
    overridden: tuple[str, ...]

    @property
    def has_fired(self) -> bool:
        return self.outcome == Outcome.FIRED


@dataclass(frozen=True, slots=True)
class ChangeWords:
    """One change. ``sentence`` is said of tickets: “lose the acknowledgement”; '' where before → after says it."""

    label: str
    before: str
    after: str
    sentence: str
    is_unknown: bool

    @property
    def text(self) -> str:
        """In one line, as in a table for other programs."""
        return self.sentence or f"{self.label}: {self.before} → {self.after}"


class RuleWords:
    """Names are read once, when the first is asked for."""

    @cached_property
    def _names(self) -> dict[tuple[str, str], str]:
        choices = all_choices(rule_choices())
        return {(source, fold(value)): label for source, pairs in choices.items() for value, label in pairs}

    def name_of(self, source: str, value: str) -> str:
        """What people call a stored value."""
        return self._names.get((source, fold(value)), value)

    def effect(self, effect: Effect) -> str:
        """`team Billing`"""
        if effect.kind not in EFFECTS:  # of an older desk
            return f"{effect.kind} {effect.value}"
        return sentences.effect_sentence(effect, translate=_, name_of=self.name_of)

    def effects(self, effects: tuple[Effect, ...]) -> tuple[str, ...]:
        """Each of them."""
        return tuple(self.effect(each) for each in effects)

    def step(self, step: Step) -> StepWords:
        """One rule of a trace."""
        return StepWords(
            name=step.rule_name,
            outcome=step.outcome.value,
            label=str(_OUTCOMES[step.outcome]),
            why=self._why(step),
            effects=self.effects(step.effects),
            overridden=self.effects(step.overridden),
        )

    def _why(self, step: Step) -> str:
        if step.failed is not None:
            return sentences.failure_sentence(step.failed, translate=_, name_of=self.name_of)
        if step.outcome is Outcome.UNKNOWN:
            field = _(FIELDS[step.reason].label) if step.reason in FIELDS else step.reason
            return _("%(field)s was not recorded then") % {"field": field}
        return step.reason

    def change(self, change: Change) -> ChangeWords:
        """What would come out otherwise."""
        spec = EFFECTS.get(EffectKind(change.kind)) if change.kind in EFFECTS else None
        label, source = (_(spec.label), spec.choices) if spec else (change.kind, "")
        nothing = _("not set")
        return ChangeWords(
            label=label[:1].upper() + label[1:],
            before=self.name_of(source, change.before) if change.before else nothing,
            after=self.name_of(source, change.after) if change.after else nothing,
            sentence=self._sentence(change),
            is_unknown=change.is_unknown,
        )

    def _sentence(self, change: Change) -> str:
        if change.kind == EffectKind.SET_ACKNOWLEDGEMENT:
            was_off, is_off = change.before == NO_ACKNOWLEDGEMENT, change.after == NO_ACKNOWLEDGEMENT
            if is_off and not was_off:
                return _("lose the acknowledgement")
            return _("get an acknowledgement again") if was_off and not is_off else ""
        spec = EFFECTS.get(EffectKind(change.kind)) if change.kind in EFFECTS else None
        if spec is None or spec.is_single or (change.before and change.after):
            return ""
        effect = self.effect(Effect(change.kind, change.after or change.before))
        return _("get: %(effect)s") % {"effect": effect} if change.after else _("lose: %(effect)s") % {"effect": effect}


def event_name(event: str) -> str:
    """What happened, with a capital: `Ticket created`."""
    label = _(OWN_CHOICES["events"].get(event, event))
    return label[:1].upper() + label[1:]
