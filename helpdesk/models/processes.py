"""Signs of life: which loops run where. Health reads them; nothing else decides by them."""

from django.db import models


class Heartbeat(models.Model):
    """One loop of one process, seen alive at ``beat_at``. A process that ends in order takes its rows with it."""

    process = models.CharField(max_length=120, help_text="host:pid")
    loop = models.CharField(max_length=60, help_text="helpdesk.supervisor.Loop.name")
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    restarts = models.PositiveIntegerField(default=0, help_text="How often the loop died and was started again.")
    error = models.CharField(max_length=300, blank=True, help_text="Why it died last; empty once it runs again.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["process", "loop"], name="heartbeat_once"),)
