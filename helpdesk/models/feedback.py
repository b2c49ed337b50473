"""What customers say of the help they got."""

from django.db import models
from django.db.models import Q

from helpdesk.models.people import Agent
from helpdesk.models.tickets import Ticket


class Rating(models.Model):
    """One customer's word on one ticket; the newest replaces the one before."""

    ticket = models.OneToOneField(Ticket, on_delete=models.CASCADE, related_name="rating")
    score = models.PositiveSmallIntegerField(help_text="CSAT: 1 very unhappy … 5 very happy.")
    effort = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="CES: “it was easy to get help”, 1 strongly disagree … 7 strongly agree."
    )
    comment = models.TextField(blank=True)
    agent = models.ForeignKey(
        Agent, null=True, blank=True, on_delete=models.SET_NULL, related_name="ratings", help_text="The owner then."
    )
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(score__gte=1, score__lte=5), name="rating_score_in_range"),
            models.CheckConstraint(
                condition=Q(effort=None) | Q(effort__gte=1, effort__lte=7), name="rating_effort_in_range"
            ),
        )
