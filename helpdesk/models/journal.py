"""The journal: one append-only line for each change; its id is the cursor that every live screen follows."""

from typing import Any, Never

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.models.people import Agent, Contact
from helpdesk.models.tickets import Message, Ticket


class AppendOnlyError(RuntimeError):
    """Somebody tried to change what has happened."""


class Entry(models.Model):
    """One thing that happened. Written in the transaction of the change itself and never altered."""

    class Kind(models.TextChoices):
        TICKET_OPENED = "ticket-opened", _("Ticket opened")
        MESSAGE_ADDED = "message-added", _("Message")
        NOTE_ADDED = "note-added", _("Internal note")
        MESSAGE_MOVED = "message-moved", _("Message moved")  # once in the ticket it left, once in the one it came to
        MESSAGE_REREAD = "message-reread", _("Message read again")
        MESSAGE_EDITED = "message-edited", _("The customer has changed a message")
        MESSAGE_DELETED = "message-deleted", _("The customer has taken a message back")
        ROUTED = "routed", _("Routed by rules")
        STATE_CHANGED = "state-changed", _("State changed")
        OWNER_CHANGED = "owner-changed", _("Owner changed")
        TEAM_CHANGED = "team-changed", _("Team changed")
        PRIORITY_CHANGED = "priority-changed", _("Priority changed")
        TAGS_CHANGED = "tags-changed", _("Tags changed")
        SUBJECT_CHANGED = "subject-changed", _("Subject changed")
        CONTACT_CHANGED = "contact-changed", _("Customer changed")
        ACKNOWLEDGED = "acknowledged", _("Acknowledged")
        NOT_ACKNOWLEDGED = "not-acknowledged", _("Not acknowledged")
        DELIVERY_CHANGED = "delivery-changed", _("Delivery")
        JOINED = "joined", _("Tickets joined")
        JOIN_SUGGESTED = "join-suggested", _("Possibly the same conversation")
        SERVICE_LEVEL = "service-level", _("Service level")
        SNOOZED = "snoozed", _("Snoozed")  # and its end: data has "until", or "ended" with why
        PROMISED = "promised", _("Promise")  # made, changed, kept, dropped
        REMINDED = "reminded", _("Reminder")
        CHAT_CHANGED = "chat-changed", _("Chat")
        RATED = "rated", _("Rating")
        PERSON_CHANGED = "person-changed", _("Customer's data changed")  # links, merges, attributes: no ticket
        SETTINGS_CHANGED = "settings-changed", _("Settings changed")  # rules, channels, people, articles: no ticket

    kind = models.CharField(max_length=20, choices=Kind)
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.CASCADE, related_name="entries")
    message = models.ForeignKey(Message, null=True, on_delete=models.SET_NULL, related_name="entries")
    agent = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="entries")
    contact = models.ForeignKey(Contact, null=True, on_delete=models.SET_NULL, related_name="entries")
    is_internal = models.BooleanField(default=True, help_text="Never shown to a customer.")
    data = models.JSONField(default=dict, blank=True, help_text='{"from": …, "to": …} and the like; names, not ids.')
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "entries"
        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=["settings-changed", "person-changed"]) | ~Q(ticket=None), name="entry_has_ticket"
            ),
            models.CheckConstraint(
                condition=~Q(kind="note-added") | Q(is_internal=True), name="entry_note_is_internal"
            ),
        )
        indexes = (models.Index(fields=["ticket", "id"], name="entry_ticket"),)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; raises AppendOnlyError for a line that is already written."""
        if not self._state.adding:
            raise AppendOnlyError("the journal is append-only")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        """Raises AppendOnlyError, always."""
        raise AppendOnlyError("the journal is append-only")


class RoutingDecision(models.Model):
    """What the rules decided about a ticket, on which facts, step by step: the "why here" panel reads it."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="decisions")
    message = models.ForeignKey(Message, null=True, on_delete=models.SET_NULL, related_name="decisions")
    event = models.CharField(max_length=20, default="ticket_created", help_text="routing_rules.vocabulary.Event")
    rules_version = models.PositiveIntegerField(help_text="routing_rules.RuleVersion.number")
    facts = models.JSONField(help_text="Without the text, which the message has.")
    facts_version = models.PositiveSmallIntegerField(default=1, help_text="routing_rules.facts.VERSION")
    spent = models.JSONField(default=list, help_text="Uids of rules that had had their turn with this ticket.")
    depth = models.PositiveSmallIntegerField(default=0, help_text="How many decisions in a row led here.")
    fired = models.JSONField(help_text='[{"rule_id", "rule_name", "effects": [{"kind", "value"}], "stopped"}]')
    assignment = models.JSONField(
        default=dict, help_text="Candidates, why each was passed over, who was chosen and why."
    )
    created_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=["ticket", "-id"], name="decision_ticket"),
            # Where a span of days begins and ends, for rehearsals.
            models.Index(fields=["created_at"], name="decision_time"),
        )
