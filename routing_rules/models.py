"""Rules as rows, and versions of the whole rule set.

The rows are what people edit; decisions are made by the newest version, which `take_version` writes after each change
and nobody changes again. So a decision names the exact rules it came from, and every process sees a change at once.
"""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from django.core.validators import MinValueValidator
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from routing_rules import conditions, engine
from routing_rules.vocabulary import EFFECTS, Event


class StaleRules(Exception):
    """Somebody else has changed the rules since they were read. `number` is the newest version."""

    def __init__(self, *, number: int) -> None:
        super().__init__(f"the rules are at version {number} now")
        self.number = number


def every_ticket() -> dict[str, object]:
    """The condition of a rule that nobody has given conditions yet, as JSON."""
    return conditions.to_json(conditions.ALWAYS)


def at_creation() -> list[str]:
    """The events of a rule that nobody has given events."""
    return [Event.TICKET_CREATED.value]


class Rule(models.Model):
    """One rule as people edit it. It takes effect with the next version."""

    uid = models.UUIDField(
        default=uuid.uuid4, unique=True, editable=False, help_text="Stays when a rule is moved or restored."
    )
    name = models.CharField(max_length=120)
    position = models.PositiveIntegerField(help_text="Rules run from the smallest to the largest.")
    condition = models.JSONField(default=every_ticket)
    effects = models.JSONField(default=list)
    events = models.JSONField(default=at_creation, help_text="vocabulary.Event: when it is asked.")
    is_stop = models.BooleanField(default=False)
    is_enabled = models.BooleanField(default=True)
    folder = models.CharField(max_length=200, blank=True, help_text="Where the list shows it: Billing/Reminders.")
    once_per_ticket = models.BooleanField(default=False)
    active_from = models.DateTimeField(null=True, blank=True)
    active_until = models.DateTimeField(null=True, blank=True, help_text="The first moment at which it is not asked.")
    may_trigger = models.BooleanField(default=False, help_text="What it does counts as an event for other rules.")
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        # Not unique: rules are reordered by many small updates. The id makes the order total.
        ordering = ("position", "id")
        constraints = (models.CheckConstraint(condition=~models.Q(name=""), name="rule_has_name"),)

    def __str__(self) -> str:
        return self.name

    def snapshot(self) -> dict[str, object]:
        """Return the rule as a version keeps it."""
        return {
            "id": self.pk,
            "uid": str(self.uid),
            "name": self.name,
            "condition": self.condition,
            "effects": self.effects,
            "is_stop": self.is_stop,
            "is_enabled": self.is_enabled,
            "comment": self.comment,
            "events": self.events,
            "folder": self.folder,
            "once_per_ticket": self.once_per_ticket,
            "active_from": self.active_from.isoformat() if self.active_from else None,
            "active_until": self.active_until.isoformat() if self.active_until else None,
            "may_trigger": self.may_trigger,
        }


class RuleVersion(models.Model):
    """The whole rule set as it was after a change: who made it, why, and every rule. Written once, never changed."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.PositiveIntegerField(unique=True, validators=[MinValueValidator(1)])
    author_name = models.CharField(max_length=150)
    reason = models.CharField(max_length=500, blank=True)
    rules = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-number",)
        constraints = (models.CheckConstraint(condition=models.Q(number__gte=1), name="rule_version_from_one"),)

    def __str__(self) -> str:
        return f"{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new version; raises TypeError for one that is there already."""
        if not self._state.adding:
            raise TypeError("a version of the rules is written once")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse: decisions point to their version for as long as they are kept."""
        raise TypeError("a version of the rules stays")


def effects_from_json(data: object) -> tuple[engine.Effect, ...]:
    """Return the effects from `[{"kind": "set_team", "value": "billing"}]`; raises ValueError with a sentence."""
    effects = []
    for item in data if isinstance(data, list) else [data]:
        kind, value = (item.get("kind"), item.get("value")) if isinstance(item, Mapping) else (None, None)
        if kind not in EFFECTS or not isinstance(value, str) or not value.strip():
            raise ValueError(f"This is no effect with a kind and a value: {item!r}.")
        effects.append(engine.Effect(str(kind), value))
    return tuple(effects)


def effects_to_json(effects: tuple[engine.Effect, ...]) -> list[dict[str, str]]:
    """Return what `effects_from_json` reads."""
    return [{"kind": str(effect.kind), "value": effect.value} for effect in effects]


def rule_from_snapshot(data: Mapping[str, Any]) -> engine.Rule:
    """Return the engine's rule; one that can't be read carries the problem and shows as invalid in each decision.

    Versions that were written before rules had events are about a ticket's creation.
    """
    bare = engine.Rule(
        id=data["id"],
        name=data["name"],
        is_stop=data["is_stop"],
        is_enabled=data["is_enabled"],
        events=tuple(str(event) for event in data.get("events", at_creation())),
        folder=data.get("folder", ""),
        once_per_ticket=data.get("once_per_ticket", False),
        active_from=_moment(data.get("active_from")),
        active_until=_moment(data.get("active_until")),
        may_trigger=data.get("may_trigger", False),
        uid=str(data.get("uid", "")),
    )
    try:
        condition = conditions.from_json(data["condition"])
        effects = effects_from_json(data["effects"])
    except ValueError as error:
        return replace(bare, problem=str(error))
    return replace(bare, condition=condition, effects=effects)


def _moment(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def take_version(
    *, author_name: str, reason: str = "", expected_number: int | None = None, at: dt.datetime | None = None
) -> RuleVersion:
    """Write the rules as they stand now as the next version, which decisions follow from the commit on.

    Call it in the transaction that changed the rules. `expected_number` is the version that the author was looking at;
    StaleRules is raised when there is a newer one, or when another author commits at the same moment.
    """
    newest = current_number()
    if expected_number is not None and expected_number != newest:
        raise StaleRules(number=newest)
    version = RuleVersion(
        number=newest + 1,
        author_name=author_name,
        reason=reason,
        rules=[rule.snapshot() for rule in Rule.objects.all()],
        created_at=at or timezone.now(),
    )
    try:
        with transaction.atomic():
            version.save(force_insert=True)
    except IntegrityError as error:
        raise StaleRules(number=newest + 1) from error
    return version


def current_number() -> int:
    """Return the number of the newest version, 0 before the first."""
    return RuleVersion.objects.values_list("number", flat=True).first() or 0


@lru_cache(maxsize=4)
def _compiled(uid: uuid.UUID) -> engine.RuleSet:
    """Compile a version once for each process. A version never changes, so what is remembered never goes stale."""
    version = RuleVersion.objects.get(uid=uid)
    return engine.compile_rules([rule_from_snapshot(data) for data in version.rules], version=version.number)


def load_ruleset(*, number: int | None = None) -> engine.RuleSet:
    """Return the compiled rules of a version: the newest, or the one with `number` (raises RuleVersion.DoesNotExist).

    Which version is the newest is asked of the database each time, one small query; its rules are read and compiled
    when this process meets it first. Before the first version there are no rules.
    """
    versions = RuleVersion.objects.all() if number is None else RuleVersion.objects.filter(number=number)
    newest = versions.values_list("uid", flat=True).first()
    if newest is None:
        if number is not None:
            raise RuleVersion.DoesNotExist(f"there is no version {number} of the rules")
        return engine.compile_rules(())
    return _compiled(newest)


class RulePlan(models.Model):
    """A rule set that is to take the place of today's at a set moment: what was changed from `base_version` to `rules`.

    It becomes active once (actions.rule_plans), or is cancelled, or is crossed: others have changed what it changes.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        ACTIVE = "active", _("Carried out")
        CANCELLED = "cancelled", _("Cancelled")
        CROSSED = "crossed", _("Not carried out")

    base_version = models.PositiveIntegerField(help_text="RuleVersion.number that the author started from, 0: none.")
    rules = models.JSONField()
    activate_at = models.DateTimeField()
    author_name = models.CharField(max_length=150)
    reason = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    crossed = models.JSONField(default=list, help_text="Names of the rules that others had changed.")
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    settled_by_name = models.CharField(max_length=150, blank=True)
    version = models.PositiveIntegerField(null=True, help_text="RuleVersion.number that it became.")

    class Meta:
        ordering = ("activate_at", "id")
        indexes = (models.Index(fields=["state", "activate_at"], name="rule_plan_due"),)

    def __str__(self) -> str:
        return f"{self.activate_at:%Y-%m-%d %H:%M}"


def rules_of_version(number: int) -> list[dict[str, Any]]:
    """Return the snapshots of a version, none for 0; raises RuleVersion.DoesNotExist."""
    return list(RuleVersion.objects.values_list("rules", flat=True).get(number=number)) if number else []
