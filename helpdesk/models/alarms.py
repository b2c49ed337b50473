"""What is wrong with the desk for so long that somebody has to come."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.models.transport import Channel


class AlarmCode(models.TextChoices):
    """Every kind of trouble that raises an alarm; its sentences are in helpdesk.queries.trouble_words."""

    LOOP = "loop", _("A part of the desk doesn't run")
    FOLDER = "folder", _("Mail isn't being fetched")
    UNEXPLAINED = "unexplained", _("Mail on the server is unaccounted for")
    LOGIN = "login", _("A mailbox can't log in")
    ACCOUNT = "account", _("A social platform refuses an account")
    EXPIRY = "expiry", _("The credentials of a social account end soon")
    PAUSED = "paused", _("A channel is paused")
    SENDING = "sending", _("A mail server doesn't take our mail")
    INCOMING = "incoming", _("Arrived mail isn't being read")
    OUTGOING = "outgoing", _("Mail that is due isn't being sent")
    QUARANTINE = "quarantine", _("Mail is in quarantine")
    HELD = "held", _("Automatic mail is held")
    DISK = "disk", _("The disk is nearly full")
    CLOCK = "clock", _("Two clocks disagree")


class Alarm(models.Model):
    """One thing that is wrong, from the first look that saw it until it was well for a while.

    It is a mere suspicion until ``raised_at``; one that passes by itself before is deleted. What it is about is stored
    as code and values, so that each admin reads it in their own language.
    """

    code = models.CharField(max_length=16, choices=AlarmCode)
    about = models.CharField(max_length=120, blank=True, help_text="Which loop, folder or channel; with code the key.")
    values = models.JSONField(default=dict, help_text="What the sentence names.")
    since = models.DateTimeField(help_text="When the trouble itself began, as far as anybody knows.")
    red_at = models.DateTimeField(help_text="The first of the looks that saw it without interruption.")
    looked_at = models.DateTimeField(help_text="The last look, whatever it saw.")
    well_at = models.DateTimeField(null=True, help_text="The first of the looks since that didn't see it.")
    raised_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True, help_text="Every admin was written to.")
    mailed_by = models.ForeignKey(Channel, null=True, on_delete=models.SET_NULL, related_name="+")
    cleared_at = models.DateTimeField(null=True)
    well_mailed_at = models.DateTimeField(null=True, help_text="Every admin was told that all is well again.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["code", "about"], condition=Q(cleared_at=None), name="alarm_once"),
            models.CheckConstraint(condition=Q(cleared_at=None) | ~Q(raised_at=None), name="alarm_cleared_was_raised"),
        )
        indexes = (models.Index(fields=["-id"], name="alarm_open", condition=Q(cleared_at=None)),)

    @property
    def key(self) -> tuple[str, str]:
        """What it is about, whatever has changed in its values."""
        return self.code, self.about


class Watch(models.Model):
    """When something that is done once for all processes was done last. A process takes the turn by moving the time."""

    name = models.CharField(max_length=20, unique=True)
    looked_at = models.DateTimeField()
