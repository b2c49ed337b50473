"""Service levels: what was promised to whom (policies), and the clocks that measure it on each ticket."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.business_time import open_between
from helpdesk.models.calendars import BusinessCalendar, CalendarVersion, hours_of
from helpdesk.models.people import Agent
from helpdesk.models.tickets import Ticket


class ClockKind(models.TextChoices):
    """What is measured."""

    FIRST_REPLY = "first-reply", _("First reply")
    NEXT_REPLY = "next-reply", _("Next reply")
    RESOLUTION = "resolution", _("Resolution")


class ServicePolicy(models.Model):
    """A named set of targets. A rule chooses one, else the customer's organisation, the team, the desk's default.

    ``targets`` holds minutes of open time: ``{"first-reply": {"normal": 240, …}, …}``; what isn't there isn't measured.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80, unique=True)
    calendar = models.ForeignKey(
        BusinessCalendar, null=True, blank=True, on_delete=models.PROTECT, related_name="policies"
    )
    targets = models.JSONField(default=dict)
    warn_percent = models.PositiveSmallIntegerField(default=80, help_text="Of the target; 0: no warning.")
    pauses_while_waiting = models.BooleanField(default=True, help_text="While the ticket waits for the customer.")
    is_default = models.BooleanField(default=False, help_text="For tickets that nothing else chooses a policy for.")
    is_active = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "service policies"
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="policy_one_default"),
            models.CheckConstraint(condition=Q(warn_percent__lt=100), name="policy_warns_before"),
            models.CheckConstraint(condition=Q(is_default=False) | Q(is_active=True), name="policy_default_is_active"),
        )

    def __str__(self) -> str:
        return self.name

    def target(self, kind: str, priority: str) -> timedelta | None:
        """Open time for ``kind`` at a priority (its slug); None: not measured."""
        minutes = self.targets.get(kind, {}).get(priority)
        return timedelta(minutes=minutes) if minutes else None


class ClockState(models.TextChoices):
    """How a clock stands."""

    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    DONE = "done", _("Done")
    DROPPED = "dropped", _("Not needed any more")


#: These may still miss their target.
LIVE_STATES = (ClockState.RUNNING, ClockState.PAUSED)


class ServiceClock(models.Model):
    """One measurement on one ticket, as it stands now; how it came to that is in its changes.

    It runs by ``calendar_version`` since ``counted_at``, with ``used`` before. ``due_at`` stands while it runs;
    ``event_at`` is when a warning or a breach is to be announced next. ``round`` tells the announcements apart when a
    longer target gives a clock that had missed its target another chance.
    """

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="clocks")
    kind = models.CharField(max_length=12, choices=ClockKind)
    state = models.CharField(max_length=8, choices=ClockState, default=ClockState.RUNNING)
    policy = models.ForeignKey(ServicePolicy, null=True, on_delete=models.SET_NULL, related_name="clocks")
    calendar_version = models.ForeignKey(CalendarVersion, null=True, on_delete=models.PROTECT, related_name="+")
    target = models.DurationField()
    warn_percent = models.PositiveSmallIntegerField(default=0)
    used = models.DurationField(default=timedelta)
    started_at = models.DateTimeField()
    counted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, help_text="Null while it doesn't run, and if it never will be due.")
    event_at = models.DateTimeField(null=True)
    warned_at = models.DateTimeField(null=True)
    breached_at = models.DateTimeField(null=True, help_text="When the target was used up.")
    announced_at = models.DateTimeField(null=True, help_text="When the breach was announced to the rules.")
    changed_at = models.DateTimeField(help_text="The last of its changes; the next is no earlier.")
    round = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(state__in=ClockState.values), name="clock_state_known"),
            models.UniqueConstraint(
                fields=["ticket", "kind"], condition=Q(state__in=["running", "paused"]), name="clock_one_live"
            ),
            models.CheckConstraint(
                condition=Q(state="running", counted_at__isnull=False) | (~Q(state="running") & Q(due_at=None)),
                name="clock_runs_or_not",
            ),
        )
        indexes = (
            models.Index(fields=["event_at", "id"], name="clock_event", condition=Q(event_at__isnull=False)),
            models.Index(fields=["ticket", "id"], name="clock_ticket"),
            models.Index(fields=["policy", "id"], name="clock_live", condition=Q(state__in=["running", "paused"])),
        )

    @property
    def is_live(self) -> bool:
        """It may still miss its target."""
        return self.state in LIVE_STATES

    def used_at(self, now: datetime) -> timedelta:
        """Open time used by ``now``."""
        if self.counted_at is None:
            return self.used
        return self.used + open_between(hours_of(self.calendar_version), self.counted_at, now)


class ClockCause(models.TextChoices):
    """Why a clock changed; ``detail`` says which state, priority, policy or calendar."""

    CUSTOMER_WROTE = "customer-wrote", _("the customer wrote")
    REPLIED = "replied", _("an answer was sent")
    REPLY_UNDONE = "reply-undone", _("the answer was taken back")
    MOVED = "moved", _("the message was moved")
    STATE = "state", _("the state changed")
    PRIORITY = "priority", _("the priority changed")
    POLICY = "policy", _("another policy was chosen")
    POLICY_CHANGED = "policy-changed", _("the policy was changed")
    CALENDAR_CHANGED = "calendar-changed", _("the calendar was changed")
    MERGED = "merged", _("the tickets were joined")
    WARNING = "warning", _("warning")
    BREACH = "breach", _("target missed")


class ClockChange(models.Model):
    """From ``at`` on the clock stood like this, and why. Append-only: a timeline is made of these rows alone."""

    clock = models.ForeignKey(ServiceClock, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=ClockState)
    cause = models.CharField(max_length=16, choices=ClockCause)
    detail = models.CharField(max_length=80, blank=True)
    agent = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="+")
    policy_name = models.CharField(max_length=80)
    target = models.DurationField()
    calendar_version = models.ForeignKey(CalendarVersion, null=True, on_delete=models.PROTECT, related_name="+")
    round = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = (
            # Two workers may see that a clock is due; only one of them can write it down.
            models.UniqueConstraint(
                fields=["clock", "cause", "round"],
                condition=Q(cause__in=["warning", "breach"]),
                name="clock_announced_once",
            ),
        )
        indexes = (models.Index(fields=["clock", "id"], name="clock_change"),)
