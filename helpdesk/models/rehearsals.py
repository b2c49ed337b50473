"""Rehearsals: what other rules would have decided about the tickets of the past. Nothing here touches a ticket."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.models.journal import RoutingDecision
from helpdesk.models.people import Agent
from helpdesk.models.tickets import Ticket


class Rehearsal(models.Model):
    """A rule set tried on stored decisions. The row is its own queue entry: a worker claims it under a lease.

    ``cursor`` is the decision up to which it is done: changes, counts and cursor are written in one transaction, so a
    worker that is killed leaves nothing half counted, and the next one goes on there.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        WORKING = "working", _("Running")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")

    title = models.CharField(max_length=200)
    agent = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="rehearsals")
    rules = models.JSONField(help_text="The rules to try, as RuleVersion.rules.")
    base_version = models.PositiveIntegerField(help_text="RuleVersion.number that they are held against; 0: no rules.")
    days = models.PositiveSmallIntegerField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Since it last got further.")
    error = models.CharField(max_length=300, blank=True)
    cursor = models.BigIntegerField(default=0)
    last = models.BigIntegerField(null=True, help_text="The newest decision to look at; null until it is counted.")
    total = models.PositiveIntegerField(default=0, help_text="Decisions in the span.")
    done = models.PositiveIntegerField(default=0, help_text="Decisions that were compared.")
    tickets = models.PositiveIntegerField(default=0, help_text="Tickets in the span.")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=["id"], name="rehearsal_open", condition=Q(state__in=["waiting", "working"])),
            models.Index(fields=["agent", "-id"], name="rehearsal_agent"),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        """Whether it still waits or runs."""
        return self.state in {self.State.WAITING, self.State.WORKING}


class RehearsedChange(models.Model):
    """One thing that a decision about a ticket would have settled otherwise (routing_rules.rehearsal.Change)."""

    rehearsal = models.ForeignKey(Rehearsal, on_delete=models.CASCADE, related_name="changes")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="+", db_index=False)
    decision = models.ForeignKey(RoutingDecision, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=30, help_text="routing_rules.vocabulary.EffectKind")
    before = models.CharField(max_length=200, blank=True)
    after = models.CharField(max_length=200, blank=True)
    is_unknown = models.BooleanField(default=False, help_text="It can't be told: what decides was not recorded then.")

    class Meta:
        indexes = (
            models.Index(fields=["rehearsal", "kind", "before", "after", "ticket"], name="rehearsed_group"),
            models.Index(fields=["rehearsal", "-decision"], name="rehearsed_decision"),
            # Deleting a ticket looks for these.
            models.Index(fields=["ticket"], name="rehearsed_ticket"),
            models.Index(fields=["decision"], name="rehearsed_of_decision"),
        )
