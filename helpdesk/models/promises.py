"""What is to happen at a time that somebody named: promises to customers, reminders, and the end of a snooze."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.models.people import Agent, Contact
from helpdesk.models.tickets import Ticket


class PromiseState(models.TextChoices):
    """Where a promise stands. Whether it is overdue or was kept late is told by its times."""

    OPEN = "open", _("Open")
    KEPT = "kept", _("Kept")
    DROPPED = "dropped", _("No longer needed")


class Promise(models.Model):
    """What somebody of ours told a customer would be done by a time.

    About a ticket, or without one about a contact; of a ticket's promise the customer is the ticket's.
    """

    State = PromiseState

    text = models.CharField(max_length=300)
    due_at = models.DateTimeField()
    remind_minutes = models.PositiveIntegerField(default=0, help_text="So long before it is due; 0: only when it is.")
    owner = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="promises")
    ticket = models.ForeignKey(Ticket, null=True, blank=True, on_delete=models.CASCADE, related_name="promises")
    contact = models.ForeignKey(Contact, null=True, blank=True, on_delete=models.CASCADE, related_name="promises")
    state = models.CharField(max_length=8, choices=PromiseState, default=PromiseState.OPEN)
    made_by = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="+")
    settled_by = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    settled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(state__in=PromiseState.values), name="promise_state_known"),
            models.CheckConstraint(condition=~Q(text=""), name="promise_says_something"),
            models.CheckConstraint(
                condition=Q(ticket__isnull=False, contact=None) | Q(ticket=None, contact__isnull=False),
                name="promise_about_one",
            ),
            models.CheckConstraint(
                condition=Q(state="open", settled_at=None) | (~Q(state="open") & Q(settled_at__isnull=False)),
                name="promise_open_or_settled",
            ),
        )
        indexes = (
            models.Index(fields=["due_at", "id"], name="promise_due", condition=Q(state="open")),
            models.Index(fields=["owner", "due_at", "id"], name="promise_owner_due", condition=Q(state="open")),
            # For the report: those of a week, however they ended.
            models.Index(fields=["due_at"], name="promise_week"),
        )

    def __str__(self) -> str:
        return self.text


class Reminder(models.Model):
    """One thing that is to happen once, at ``due_at`` or at the next look after it.

    ``outcome`` is empty while it waits. Whoever settles it does so by a conditional update, so that it happens once,
    whatever workers look and whoever else ends it at the same moment.
    """

    class Purpose(models.TextChoices):
        WAKE = "wake", _("The ticket comes back into the queue")
        TICKET = "ticket", _("Reminder")
        PROMISE = "promise", _("A promise is due soon")
        DUE = "due", _("A promise is due")

    class Outcome(models.TextChoices):
        CAME = "came", _("its time came")
        CUSTOMER = "customer", _("the customer wrote")
        BY_HAND = "by-hand", _("by hand")
        STATE = "state", _("the state changed")
        HANDED_ON = "handed-on", _("the ticket was handed on")
        JOINED = "joined", _("the tickets were joined")
        MOVED = "moved", _("another time was set")

    purpose = models.CharField(max_length=8, choices=Purpose)
    ticket = models.ForeignKey(Ticket, null=True, blank=True, on_delete=models.CASCADE, related_name="reminders")
    promise = models.ForeignKey(Promise, null=True, blank=True, on_delete=models.CASCADE, related_name="reminders")
    agent = models.ForeignKey(
        Agent,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="reminders",
        help_text="Who is reminded; of a snooze, who set it.",
    )
    text = models.CharField(max_length=300, blank=True)
    due_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When the agent put it away.")
    mailed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(outcome="", settled_at=None) | (~Q(outcome="") & Q(settled_at__isnull=False)),
                name="reminder_waits_or_settled",
            ),
            models.CheckConstraint(
                condition=Q(purpose__in=["wake", "ticket"], ticket__isnull=False, promise=None)
                | Q(purpose__in=["promise", "due"], ticket=None, promise__isnull=False),
                name="reminder_about_one",
            ),
            models.UniqueConstraint(
                fields=["ticket"], condition=Q(purpose="wake", outcome=""), name="reminder_one_wake"
            ),
        )
        indexes = (
            models.Index(fields=["due_at", "id"], name="reminder_due", condition=Q(outcome="")),
            # What an agent has not put away yet: their cards, on every page.
            models.Index(fields=["agent", "id"], name="reminder_unseen", condition=Q(outcome="came", seen_at=None)),
        )
