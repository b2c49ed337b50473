"""People: agents and their teams on our side, contacts and their addresses on the other."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from routing_rules.assignment import Strategy


class Role(models.TextChoices):
    """What an agent may do; each role may do all that the one before it may."""

    AGENT = "agent", _("Agent")
    LEAD = "lead", _("Team lead")
    ADMIN = "admin", _("Admin")


class SharingOut(models.TextChoices):
    """How a team shares its tickets out: routing_rules.assignment.Strategy, in words."""

    LEAST_LOAD = Strategy.LEAST_LOAD.value, _("Whoever has least to do")
    ROUND_ROBIN = Strategy.ROUND_ROBIN.value, _("In turn")
    WEIGHTED = Strategy.WEIGHTED.value, _("In turn, by weight")
    MOST_IDLE = Strategy.MOST_IDLE.value, _("Whoever has had none for longest")
    MANUAL = Strategy.MANUAL.value, _("Nobody: agents take them")


class LanguageNeed(models.TextChoices):
    """What the language of a ticket asks of who gets it."""

    IGNORED = "", _("Does not matter")
    PREFERRED = "prefer", _("Those who know it first")
    REQUIRED = "require", _("Only those who know it")


class Reassigning(models.TextChoices):
    """What becomes of the tickets of somebody who is away."""

    NEVER = "", _("They stay")
    UNANSWERED = "unanswered", _("Those without a reaction go to others")
    OPEN = "open", _("All that are open go to others")


class Team(models.Model):
    """A named queue. Every ticket is in one, so that somebody answers for it at every moment."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    is_default = models.BooleanField(default=False, help_text="Takes what no rule has placed.")
    is_active = models.BooleanField(default=True)
    calendar = models.ForeignKey(
        "helpdesk.BusinessCalendar",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="teams",
        help_text="Working hours of its members; empty: always.",
    )
    strategy = models.CharField(max_length=12, choices=SharingOut, default=SharingOut.LEAST_LOAD)
    needs_online = models.BooleanField(default=False, help_text="Mail too goes only to agents who are online.")
    language_need = models.CharField(max_length=8, choices=LanguageNeed, blank=True)
    language_level = models.PositiveSmallIntegerField(default=3, help_text="1 to 6, A1 to C2.")
    prefers_account_owner = models.BooleanField(default=False)
    prefers_known_agent = models.BooleanField(default=False, help_text="Who had the customer's last ticket.")
    patience_minutes = models.PositiveIntegerField(default=0, help_text="How long a ticket waits for that person.")
    reassigns_away = models.CharField(max_length=10, choices=Reassigning, blank=True)
    away_minutes = models.PositiveIntegerField(default=10, help_text="Away for so long before tickets move on.")
    reaction_minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Without a reply, note or change of state for so long it moves on."
    )
    service_policy = models.ForeignKey(
        "helpdesk.ServicePolicy", null=True, blank=True, on_delete=models.SET_NULL, related_name="teams"
    )

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(condition=Q(strategy__in=SharingOut.values), name="team_strategy_known"),
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="team_one_default"),
            models.CheckConstraint(condition=Q(is_default=False) | Q(is_active=True), name="team_default_is_active"),
        )

    def __str__(self) -> str:
        return self.name


class AgentManager(BaseUserManager["Agent"]):
    """Agents log in by e-mail address, in any case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Agent":
        agent = self.model(email=self.normalize_email(email).lower(), **fields)
        agent.set_password(password)
        agent.save(using=self._db)
        return agent

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Agent":
        return self.create_user(email, password, role=Role.ADMIN, **fields)

    def get_by_natural_key(self, username: str | None) -> "Agent":
        return self.get(email=(username or "").strip().lower())


class PresenceChoice(models.TextChoices):
    """What agents say of themselves. Whether they are there besides is seen by their sockets (``Agent.seen_at``)."""

    AVAILABLE = "available", _("Available")
    AWAY = "away", _("Away")
    DND = "dnd", _("Do not disturb")


class WorkingHours(models.TextChoices):
    """When an agent can be given tickets."""

    TEAM = "team", _("The hours of each team")
    CALENDAR = "calendar", _("A calendar of their own")
    SHIFTS = "shifts", _("Shifts")


class Portrait(models.Model):
    """The picture of an agent. Another one has another key, so that whoever keeps it by its address is never wrong.

    In the row and not in a file beside it: some kilobytes, which are gone at the moment when the row is.
    """

    key = models.CharField(max_length=32, primary_key=True, help_text="Of its addresses: random, and tells nothing.")
    content = models.BinaryField(help_text="A PNG of portraits.SIDE pixels each way that the desk has drawn.")


class Agent(AbstractBaseUser):
    """Somebody who answers customers, and the user of Django's authentication."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=8, choices=Role, default=Role.AGENT)
    is_active = models.BooleanField(default=True)
    presence = models.CharField(max_length=9, choices=PresenceChoice, default=PresenceChoice.AVAILABLE)
    presence_since = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When a console of theirs was last connected.")
    capacity = models.PositiveSmallIntegerField(default=20, help_text="Units of open tickets at one time.")
    channel_limits = models.JSONField(default=dict, blank=True, help_text='{"chat": 3}: so many tickets of a kind.')
    hours = models.CharField(max_length=8, choices=WorkingHours, default=WorkingHours.TEAM)
    calendar = models.ForeignKey(
        "helpdesk.BusinessCalendar", null=True, blank=True, on_delete=models.SET_NULL, related_name="agents"
    )
    language = models.CharField(max_length=8, default="en")
    time_zone = models.CharField(max_length=40, blank=True)
    signature = models.TextField(blank=True)
    portrait = models.OneToOneField(Portrait, null=True, blank=True, on_delete=models.SET_NULL, related_name="agent")
    has_single_keys = models.BooleanField(default=True, help_text="Single-letter shortcuts in the console.")
    theme = models.CharField(max_length=5, blank=True, choices=[("light", _("Light")), ("dark", _("Dark"))])
    teams = models.ManyToManyField(Team, through="Membership", related_name="agents")
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects = AgentManager()

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(condition=Q(role__in=Role.values), name="agent_role_known"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="agent_email_lower_case"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_lead(self) -> bool:
        """May change rules, articles and templates."""
        return self.role in {Role.LEAD, Role.ADMIN}

    @property
    def is_admin(self) -> bool:
        """May change channels and people, and sees every team."""
        return self.role == Role.ADMIN

    @property
    def is_available(self) -> bool:
        """Has not said that no new tickets are wanted now."""
        return self.presence == PresenceChoice.AVAILABLE


class Membership(models.Model):
    """An agent's place in a team; it decides which tickets the agent sees."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="memberships")
    weight = models.PositiveSmallIntegerField(default=1, help_text="Share of the team's tickets; 0: none by itself.")
    turn = models.FloatField(null=True, blank=True, help_text="Place in the rotation (routing_rules.assignment).")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["agent", "team"], name="membership_once"),)


class Organisation(models.Model):
    """A customer company."""

    name = models.CharField(max_length=160)
    customer_class = models.CharField(max_length=40, blank=True)
    account_owner = models.ForeignKey(
        Agent,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="accounts",
        help_text="Who looks after it.",
    )
    service_policy = models.ForeignKey(
        "helpdesk.ServicePolicy", null=True, blank=True, on_delete=models.SET_NULL, related_name="organisations"
    )
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = (models.Index(fields=["name", "id"], name="organisation_name"),)

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """A customer: one person, whatever addresses they write from."""

    name = models.CharField(max_length=160, blank=True)
    organisation = models.ForeignKey(
        Organisation, null=True, blank=True, on_delete=models.SET_NULL, related_name="contacts"
    )
    language = models.CharField(max_length=8, blank=True)
    time_zone = models.CharField(max_length=40, blank=True)
    preferred_channel = models.CharField(max_length=16, blank=True, help_text="Identity.kind that they like best.")
    customer_class = models.CharField(max_length=40, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    notes = models.TextField(blank=True)
    merged_into = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="folded",
        help_text="Turned out to be the same person: kept as it was, so that the merge can be undone (docs/adr/0022).",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(merged_into=None) | ~Q(merged_into=F("id")), name="contact_not_merged_into_self"
            ),
        )
        indexes = (models.Index(fields=["name"], name="contact_name"),)

    def __str__(self) -> str:
        return self.name or f"#{self.pk}"


class IdentityKind(models.TextChoices):
    """What sort of address it is; with the value it names one address."""

    EMAIL = "email", _("E-mail")
    PHONE = "phone", _("Phone")
    TELEGRAM = "telegram", "Telegram"
    MESSENGER = "messenger", "Messenger"
    INSTAGRAM = "instagram", "Instagram"
    WHATSAPP = "whatsapp", "WhatsApp"
    MASTODON = "mastodon", "Mastodon"
    BLUESKY = "bluesky", "Bluesky"
    CHAT = "chat", _("Chat")
    OTHER = "other", _("Other")


class IdentityQuerySet(models.QuerySet["Identity"]):
    """Addresses, looked up by what stands in a message."""

    def mail(self, addresses: Iterable[str]) -> "IdentityQuerySet":
        """Those of these mail addresses (lower case) as they are now: not those whose owner has changed."""
        return self.filter(kind=IdentityKind.EMAIL, value__in=list(addresses), retired_at=None)


class Identity(models.Model):
    """An address or handle that belongs to a contact, and how we know.

    ``value`` is what stays the same while the account is the same: the platform's id of it where it has one, else the
    address. ``display`` is what people call it, and may change. An address that went to another person is retired: its
    row stays with whom it belonged to, and a new row stands for the new owner.
    """

    Kind = IdentityKind

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.EMAIL)
    value = models.CharField(max_length=320, help_text="Lower case; phone numbers as +358401234567.")
    display = models.CharField(max_length=320, blank=True, help_text="What people call it (@liisa); empty: the value.")
    mark = models.CharField(
        max_length=320, blank=True, help_text="The platform's id behind a name that can be given away."
    )
    source = models.CharField(max_length=40, blank=True, help_text="Who told us: mail, whatsapp, site, agent, import …")
    evidence = models.CharField(max_length=200, default="wrote-to-us", help_text="How we know that it is theirs.")
    author = models.ForeignKey(
        Agent,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Who linked it by hand.",
    )
    verified_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when it is proved to be theirs; empty: somebody says so."
    )
    last_verified_at = models.DateTimeField(null=True, blank=True, help_text="The newest proof.")
    linked_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is this contact's, if by hand.")
    retired_at = models.DateTimeField(null=True, blank=True, help_text="Somebody else's since then.")
    undeliverable_at = models.DateTimeField(null=True, blank=True, help_text="Since when mail to it comes back.")
    undeliverable_reason = models.CharField(max_length=300, blank=True, help_text="In the far server's words.")
    blocked_at = models.DateTimeField(
        null=True, blank=True, help_text="Its mail opens as spam from then on: silently, and never dropped."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = IdentityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "identities"
        constraints = (
            models.UniqueConstraint(fields=["kind", "value"], condition=Q(retired_at=None), name="identity_once"),
            models.CheckConstraint(condition=Q(value=Lower("value")) & ~Q(value=""), name="identity_lower_case"),
        )
        indexes = (models.Index(fields=["kind", "mark"], name="identity_mark", condition=~Q(mark="")),)

    def __str__(self) -> str:
        return self.display or self.value
