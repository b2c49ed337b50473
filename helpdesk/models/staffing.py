"""Who can take what (skills, absences, shifts), where a team's tickets overflow to; who got which ticket and why."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from helpdesk.models.journal import RoutingDecision
from helpdesk.models.people import Agent, Team
from helpdesk.models.tickets import Ticket


class ChannelWeight(models.Model):
    """How many units of an agent's capacity a ticket of one kind of channel takes; a kind without a row takes one."""

    kind = models.CharField(max_length=16, unique=True, help_text="Channel.kind")
    units = models.PositiveSmallIntegerField(default=1)


class Skill(models.Model):
    """Something that not everybody can: a language (its slug is the language's code) or a product."""

    class Kind(models.TextChoices):
        LANGUAGE = "language", _("Language")
        PRODUCT = "product", _("Product or subject")

    kind = models.CharField(max_length=8, choices=Kind)
    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=60)

    class Meta:
        ordering = ("kind", "name")
        constraints = (models.CheckConstraint(condition=Q(kind__in=["language", "product"]), name="skill_kind_known"),)

    def __str__(self) -> str:
        return self.name


class AgentSkill(models.Model):
    """How well an agent can do something: 1 to 6; of a language that is A1 to C2."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="skills")
    skill = models.ForeignKey(Skill, on_delete=models.CASCADE, related_name="holders")
    level = models.PositiveSmallIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["agent", "skill"], name="agent_skill_once"),
            models.CheckConstraint(condition=Q(level__gte=1, level__lte=6), name="agent_skill_level"),
        )


class Absence(models.Model):
    """Whole days, the last included, on the agent's own calendar on the wall."""

    class Cause(models.TextChoices):
        HOLIDAY = "holiday", _("Holiday")
        SICK = "sick", _("Sick")
        OTHER = "other", _("Other")

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="absences")
    begins_on = models.DateField()
    ends_on = models.DateField()
    cause = models.CharField(max_length=8, choices=Cause, default=Cause.HOLIDAY)
    substitute = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.SET_NULL, related_name="stands_in")

    class Meta:
        ordering = ("begins_on",)
        constraints = (
            models.CheckConstraint(condition=Q(ends_on__gte=F("begins_on")), name="absence_ends_after_it_begins"),
            models.CheckConstraint(
                condition=Q(substitute=None) | ~Q(substitute=F("agent")), name="absence_substitute_is_another"
            ),
        )


class Shift(models.Model):
    """A stretch of work of an agent whose hours are shifts."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="shifts")
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        ordering = ("begins_at",)
        indexes = (models.Index(fields=["agent", "ends_at"], name="shift_agent_end"),)
        constraints = (
            models.CheckConstraint(condition=Q(ends_at__gt=F("begins_at")), name="shift_ends_after_it_begins"),
        )


class Overflow(models.Model):
    """Where tickets go that a team has nobody for, in order of ``position``; 0 minutes: at once."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="overflows")
    to_team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField()
    after_minutes = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(fields=["team", "to_team"], name="overflow_once"),
            models.CheckConstraint(condition=~Q(team=F("to_team")), name="overflow_elsewhere"),
        )


class QueuePlace(models.Model):
    """A ticket that waits for an agent of its team: the desk goes on looking until somebody has it.

    ``request`` is what rules asked for besides: skills, persons.
    """

    ticket = models.OneToOneField(Ticket, primary_key=True, on_delete=models.CASCADE, related_name="queue_place")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="queue")
    since = models.DateTimeField()
    request = models.JSONField(default=dict, blank=True)
    reason = models.CharField(max_length=16, blank=True, help_text="routing_rules.assignment.Reason of the last look.")
    ledger = models.JSONField(default=dict, blank=True, help_text="The last look: candidates, and why none got it.")

    class Meta:
        indexes = (models.Index(fields=["team", "since"], name="queue_team"),)


class Assignment(models.Model):
    """Somebody got a ticket. One is open as long as the ticket is theirs; ``outcome`` says how it ended."""

    class Cause(models.TextChoices):
        ROUTED = "routed", _("Given when it arrived")
        RULE = "rule", _("Given by a rule later on")
        QUEUE = "queue", _("Given from the queue")
        AWAY = "away", _("The former owner was away")
        NO_REACTION = "no-reaction", _("The former owner did not react")
        HANDED_OVER = "handed-over", _("Handed over")
        TAKEN = "taken", _("Taken")
        BY_HAND = "by-hand", _("Given by a colleague")

    class Outcome(models.TextChoices):
        NONE = "", "–"
        GAVE_BACK = "gave-back", _("Put back into the queue")
        REASSIGNED = "reassigned", _("Re-assigned: no reaction")
        AWAY = "away", _("Re-assigned: away")
        HANDED_OVER = "handed-over", _("Handed over")
        MOVED = "moved", _("Moved on")

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="assignments")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="assignments")
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="assignments")
    cause = models.CharField(max_length=12, choices=Cause)
    units = models.PositiveSmallIntegerField(default=1)
    at = models.DateTimeField()
    look_at = models.DateTimeField(null=True, blank=True, help_text="When to look whether they have reacted.")
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome, blank=True)
    request = models.JSONField(default=dict, blank=True, help_text="As QueuePlace.request, for who comes next.")
    decision = models.ForeignKey(
        RoutingDecision,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="assignments",
        help_text="The ledger of one that was made when rules ran stands there.",
    )
    ledger = models.JSONField(default=dict, blank=True, help_text="Empty when nobody chose but a person.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["ticket"], condition=Q(ended_at=None), name="assignment_one_open"),
        )
        indexes = (
            models.Index(fields=["ticket", "-id"], name="assignment_ticket"),
            models.Index(fields=["agent", "-at"], name="assignment_agent"),
            models.Index(fields=["team", "at"], name="assignment_team"),
            models.Index(fields=["look_at"], name="assignment_look", condition=Q(look_at__isnull=False)),
        )
