"""The linter over this desk's rules: what exists here, and what an example ticket of this desk looks like."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from helpdesk.models import Agent, Channel, Priority, State, Tag, Team, Template
from routing_rules.conditions import tests_of
from routing_rules.domains import World
from routing_rules.engine import Rule
from routing_rules.findings import Finding
from routing_rules.folding import fold
from routing_rules.linter import Known, Linter
from routing_rules.models import load_ruleset
from routing_rules.vocabulary import NO_ACKNOWLEDGEMENT, EffectKind

#: A rule that is not saved yet.
DRAFT = 0


def linter(*, now: datetime, rules: Sequence[Rule] | None = None) -> Linter:
    """Ready to examine ``rules`` (those of the newest version if not given) as they are from ``now`` on."""
    rules = load_ruleset().rules if rules is None else rules
    return Linter(rules, now=now, world=_world(), known=_known(rules))


def with_draft(*, draft: Rule, rule_id: int | None, above: int | None = None) -> tuple[Rule, list[Rule]]:
    """The rules with ``draft`` in the place of the rule that it changes; a new one comes last, or ``above`` another.

    Returns the draft as it stands among them.
    """
    rules = list(load_ruleset().rules)
    places = {rule.id: place for place, rule in enumerate(rules)}
    if rule_id in places:
        old = rules[places[rule_id]]
        draft = replace(draft, id=old.id, uid=old.uid)
        rules[places[rule_id]] = draft
    else:
        draft = replace(draft, id=DRAFT)
        rules.insert(places.get(above or -1, len(rules)), draft)
    return draft, rules


def about_draft(*, draft: Rule, rule_id: int | None, above: int | None = None, now: datetime) -> list[Finding]:
    """What the linter says of a rule that is being edited, and of the rules below that it would leave nothing to."""
    draft, rules = with_draft(draft=draft, rule_id=rule_id, above=above)
    ready = linter(now=now, rules=rules)
    return [*ready.examine(draft).findings, *ready.below(draft)]


def _world() -> World:
    channels = list(Channel.objects.values_list("slug", "kind"))
    return World(
        closed={
            "priority": frozenset(priority.slug for priority in Priority),
            "state": frozenset(fold(state) for state in State.values),
            "channel_kind": frozenset(fold(kind) for kind in Channel.Kind.values),
        },
        samples={
            "channel": [slug for slug, _kind in channels],
            "subject": ["Question"],
            "language": ["en", "fi", "sv", "de"],
            "sender_domain": ["customer.example", "other.example"],
            "sender": ["ann@customer.example"],
        },
        settled={("channel", fold(slug)): {"channel_kind": kind} for slug, kind in channels},
    )


def _known(rules: Sequence[Rule]) -> Known:
    teams = dict(Team.objects.values_list("slug", "is_active"))
    agents = dict(Agent.objects.values_list("email", "is_active"))
    texts = Template.objects.filter(kind=Template.Kind.ACKNOWLEDGEMENT).values_list("slug", flat=True)
    added = (effect.value for rule in rules for effect in rule.effects if effect.kind == EffectKind.ADD_TAG)
    has_tags = any(test.field == "tags" for rule in rules for test in tests_of(rule.condition))
    values = {
        "teams": _folded(teams),
        "agents": _folded(agents),
        "channels": _folded(Channel.objects.values_list("slug", flat=True)),
        "templates": _folded([*texts, NO_ACKNOWLEDGEMENT]),
    }
    if has_tags:
        values["tags"] = _folded([*Tag.objects.values_list("name", flat=True), *added])
    return Known(
        values=values,
        disabled={
            "teams": _folded(slug for slug, is_active in teams.items() if not is_active),
            "agents": _folded(email for email, is_active in agents.items() if not is_active),
        },
    )


def _folded(values: Iterable[object]) -> frozenset[str]:
    return frozenset(fold(str(value)) for value in values)
