"""What the desk has found out about its rules by itself: reviews, findings, suggestions. Rules go by their uid."""

from typing import Any

from django.db import models
from django.db.models import Q

from helpdesk.models.people import Agent, Team


class RuleReview(models.Model):
    """One look at all rules, each night and after each change. Whoever makes the row has the turn, while leased."""

    name = models.CharField(max_length=40, unique=True, help_text="night 2026-03-02, version 17")
    rules_version = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, help_text="Empty once it is finished.")
    finished_at = models.DateTimeField(null=True)
    rules = models.PositiveIntegerField(default=0)
    tickets = models.PositiveIntegerField(default=0, help_text="Decisions of the past that were looked at.")
    not_examined = models.JSONField(default=list, help_text='[{"rule": uid, "code"}]: too big for the budget.')

    class Meta:
        indexes = (models.Index(fields=["-id"], name="review_newest", condition=Q(finished_at__isnull=False)),)

    def __str__(self) -> str:
        return self.name


class Noted(models.Model):
    """Something that a review says again and again, until it is no longer so. What was dismissed stays dismissed."""

    key = models.CharField(max_length=32, unique=True, help_text="The same for as long as it says the same.")
    first_seen_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    is_current = models.BooleanField(default=True, help_text="Whether the last review that looked has seen it.")
    dismissed_at = models.DateTimeField(null=True)
    dismissed_by = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="+")
    dismissed_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True


class RuleFinding(Noted):
    """Something about a rule that somebody should know: routing_rules.findings.Finding, stored."""

    code = models.CharField(max_length=20, help_text="routing_rules.findings.Code")
    certainty = models.CharField(max_length=8, help_text="routing_rules.findings.Certainty")
    rule_uid = models.UUIDField(null=True, db_index=True, help_text="Empty: about all rules together.")
    other_uids = models.JSONField(default=list)
    details = models.JSONField(default=dict)
    ticket_ids = models.JSONField(default=list, help_text="Some tickets of the past that show it, newest first.")


class RuleSuggestion(Noted):
    """A rule that would do what people do by hand. Counts are of the tickets that its tests hold for."""

    tests = models.JSONField(help_text="Tests that all hold, as routing_rules.conditions reads them.")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    matching = models.PositiveIntegerField(help_text="Tickets that the tests hold for.")
    agreeing = models.PositiveIntegerField(help_text="Of these, those that ended in the team.")
    moved = models.PositiveIntegerField(help_text="Of these, those that people brought there.")
    bound = models.FloatField(help_text="Share that ends in the team, at least, with 95 % confidence.")
    above_uid = models.UUIDField(null=True, help_text="The rule that places most of them now.")
    evidence = models.JSONField(default=list, help_text="Ids of tickets that were moved, newest first.")
    exceptions = models.JSONField(default=list, help_text="Ids of tickets that ended elsewhere, newest first.")

    @property
    def condition(self) -> dict[str, Any]:
        """The condition of the rule that it suggests."""
        return {"all": self.tests}
