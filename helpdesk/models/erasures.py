"""Erasures of persons: the work to be done, and what is left to say of it. A finished row holds nothing personal."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.models.fields import SealedTextField
from helpdesk.models.people import Agent


class ErasureReason(models.TextChoices):
    """Why somebody is erased. No free text: it would bring the person back."""

    ASKED = "asked", _("The person asked for it")
    OVER = "over", _("The data is no longer needed")
    WITHDRAWN = "withdrawn", _("Consent was withdrawn")
    UNLAWFUL = "unlawful", _("There was no right to keep it")
    LEDGER = "ledger", _("Erased before; a backup had brought it back")


class Erasure(models.Model):
    """One person's erasure: a row of its own queue until it is done, then the report and the hashes.

    ``hashes`` are keyed (HMAC): with the desk's key a restored address is recognised, without it they say nothing.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        WORKING = "working", _("Running")
        DONE = "done", _("Done")

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    reason = models.CharField(max_length=12, choices=ErasureReason)
    by = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    step = models.CharField(max_length=12, blank=True, help_text="The last step that is done: the next run goes on.")
    signs = SealedTextField(blank=True, help_text="Whom to look for; empty once it is done.")
    hashes = models.JSONField(default=list)
    report = models.JSONField(default=dict, help_text="What went and what stays, in numbers.")
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~Q(state="done") | (Q(signs="") & ~Q(finished_at=None)), name="erasure_done_knows_nobody"
            ),
        )
        indexes = (models.Index(fields=["id"], name="erasure_open", condition=~Q(state="done")),)

    @property
    def mark(self) -> str:
        """What stands where the person stood."""
        return f"[erased {self.uid.hex[:8]}]"
