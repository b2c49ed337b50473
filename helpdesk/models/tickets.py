"""Tickets and what was said in them."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from helpdesk import references
from helpdesk.models.people import Agent, Contact, Identity, Team


class State(models.TextChoices):
    """Where a ticket stands."""

    NEW = "new", _("New")
    OPEN = "open", _("Open")
    WAITING = "waiting", _("Waiting for customer")
    SOLVED = "solved", _("Solved")
    CLOSED = "closed", _("Closed")
    SPAM = "spam", _("Spam")


#: Somebody still has work with these.
ACTIVE_STATES = (State.NEW, State.OPEN, State.WAITING)
#: Rules wait for time to pass with these; a closed ticket is left in peace, and so is spam.
TIMED_STATES = (State.NEW, State.OPEN, State.WAITING, State.SOLVED)
#: Somebody has settled these; spam never was anybody's enquiry.
OVER_STATES = (State.SOLVED, State.CLOSED)


class Priority(models.IntegerChoices):
    """Higher is more urgent."""

    LOW = 1, _("Low")
    NORMAL = 2, _("Normal")
    HIGH = 3, _("High")
    URGENT = 4, _("Urgent")

    @property
    def slug(self) -> str:
        """The word that rules use."""
        return self.name.lower()


class Tag(models.Model):
    """A word that agents and rules put on tickets."""

    name = models.CharField(max_length=50, unique=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Ticket(models.Model):
    """One enquiry. Its reference (``LU-100423-7``) is computed from the id, see docs/adr/0002."""

    subject = models.CharField(max_length=250, blank=True)
    preview = models.CharField(max_length=160, blank=True, help_text="First words of the newest message.")
    state = models.CharField(max_length=8, choices=State, default=State.NEW)
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.NORMAL)
    channel = models.ForeignKey("helpdesk.Channel", on_delete=models.PROTECT, related_name="tickets")
    contact = models.ForeignKey(Contact, null=True, on_delete=models.PROTECT, related_name="tickets")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="tickets")
    owner = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.SET_NULL, related_name="tickets")
    tags = models.ManyToManyField(Tag, blank=True, related_name="tickets")
    language = models.CharField(max_length=8, blank=True)
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged")
    collects_on = models.DateField(
        null=True, blank=True, help_text="Gathers returned mail of this day that belongs to nothing of ours."
    )
    created_at = models.DateTimeField()
    last_activity_at = models.DateTimeField(help_text="Newest message, or end of a snooze; the order of the inbox.")
    state_since = models.DateTimeField(null=True, blank=True, help_text="Since when it is in its state.")
    last_customer_message_at = models.DateTimeField(null=True, blank=True)
    last_reply_at = models.DateTimeField(null=True, blank=True, help_text="Written by an agent.")
    first_reply_at = models.DateTimeField(null=True, blank=True)
    service_policy = models.ForeignKey(
        "helpdesk.ServicePolicy", null=True, blank=True, on_delete=models.SET_NULL, related_name="tickets"
    )
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="The first of its running service clocks is due then."
    )
    snoozed_until = models.DateTimeField(
        null=True, blank=True, help_text="Out of the working queue until then; a Reminder brings it back."
    )
    solved_at = models.DateTimeField(null=True, blank=True)
    message_cursor = models.BigIntegerField(
        default=0, help_text="Journal id of the newest message: unread if beyond the reader's."
    )
    journal_cursor: int
    """Newest journal id of the ticket as it was read: only where `helpdesk.queries.tickets.ticket_for` has read it."""

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["channel", "collects_on"], condition=Q(collects_on__isnull=False), name="ticket_one_collection"
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="ticket_state_known"),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="ticket_priority_known"),
            models.CheckConstraint(
                condition=Q(merged_into=None) | Q(state=State.CLOSED), name="ticket_merged_is_closed"
            ),
            models.CheckConstraint(
                condition=Q(merged_into=None) | ~Q(merged_into=F("id")), name="ticket_not_merged_into_self"
            ),
        )
        # One index for each view of the inbox, in its order, so that a page costs the same at any size (keyset paging).
        indexes = (
            models.Index(
                fields=["team", "-last_activity_at", "-id"],
                name="ticket_team_active",
                condition=Q(state__in=ACTIVE_STATES),
            ),
            models.Index(
                fields=["owner", "-last_activity_at", "-id"],
                name="ticket_owner_active",
                condition=Q(state__in=ACTIVE_STATES),
            ),
            models.Index(
                fields=["team", "-last_activity_at", "-id"],
                name="ticket_unassigned",
                condition=Q(state__in=ACTIVE_STATES, owner=None),
            ),
            models.Index(fields=["owner", "state", "-last_activity_at", "-id"], name="ticket_owner_state"),
            models.Index(fields=["team", "state", "-last_activity_at", "-id"], name="ticket_team_state"),
            models.Index(fields=["state", "-last_activity_at", "-id"], name="ticket_state"),
            models.Index(fields=["team", "-last_activity_at", "-id"], name="ticket_team_all"),
            models.Index(fields=["-last_activity_at", "-id"], name="ticket_all"),
            models.Index(fields=["contact", "-last_activity_at", "-id"], name="ticket_contact"),
            # What is due soonest; only tickets on which a service clock runs are in these.
            models.Index(fields=["team", "due_at", "id"], name="ticket_team_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["owner", "due_at", "id"], name="ticket_owner_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["due_at", "id"], name="ticket_due", condition=Q(due_at__isnull=False)),
            # What comes back soonest; only snoozed tickets are in these.
            models.Index(
                fields=["team", "snoozed_until", "id"],
                name="ticket_team_snoozed",
                condition=Q(snoozed_until__isnull=False),
            ),
            models.Index(
                fields=["owner", "snoozed_until", "id"],
                name="ticket_owner_snoozed",
                condition=Q(snoozed_until__isnull=False),
            ),
            models.Index(
                fields=["snoozed_until", "id"], name="ticket_snoozed", condition=Q(snoozed_until__isnull=False)
            ),
            # What rules wait for: only tickets that may come to their time, so they stay small.
            models.Index(fields=["state_since"], name="ticket_state_since", condition=Q(state__in=TIMED_STATES)),
            models.Index(
                fields=["last_customer_message_at"], name="ticket_customer_wrote", condition=Q(state__in=TIMED_STATES)
            ),
            models.Index(fields=["last_reply_at"], name="ticket_we_wrote", condition=Q(state__in=TIMED_STATES)),
            models.Index(fields=["created_at"], name="ticket_opened", condition=Q(state__in=TIMED_STATES)),
        )

    def __str__(self) -> str:
        return f"{self.reference} {self.subject}"

    @property
    def reference(self) -> str:
        """What people quote: prefix, number, check digit."""
        return references.reference_of(self.pk, prefix=settings.REFERENCE_PREFIX)

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_STATES


class Participant(models.Model):
    """An address that takes part in a ticket. Only participants can join by a reference number (MAIL.md 16)."""

    class Role(models.TextChoices):
        REQUESTER = "requester", _("Requester")
        COPY = "copy", _("In copy")

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="participants")
    identity = models.ForeignKey(Identity, on_delete=models.PROTECT, related_name="participations")
    role = models.CharField(max_length=10, choices=Role)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["ticket", "identity"], name="participant_once"),
            models.UniqueConstraint(fields=["ticket"], condition=Q(role="requester"), name="participant_one_requester"),
        )


class MessageKind(models.TextChoices):
    """Who a message is from, and for."""

    CUSTOMER = "customer", _("From the customer")
    MACHINE = "machine", _("Machine mail")  # bounces, out-of-office, lists: shown as such, never dropped
    REPLY = "reply", _("Reply")
    NOTE = "note", _("Internal note")
    AUTOMATIC = "automatic", _("Automatic")  # ours: acknowledgements


class Message(models.Model):
    """What people read: a customer's mail, an agent's reply, a note, an automatic mail."""

    Kind = MessageKind

    class Verdict(models.TextChoices):
        """Is the sender who the mail says (MAIL.md 14, 15)?"""

        NONE = "", _("Not checked")
        VERIFIED = "verified", _("Verified")
        UNVERIFIED = "unverified", _("Unverified")
        FAILED = "failed", _("Failed")

    class Threading(models.TextChoices):
        """Why the message is in this ticket, strongest first (MAIL.md 16)."""

        NONE = "", "—"
        TOKEN = "token", _("It answers a message of ours (signed Message-ID)")
        ADDRESS = "address", _("It was sent to the ticket's own reply address")
        MESSAGE_ID = "message-id", _("It answers a message of this ticket")
        REFERENCE = "reference", _("The subject has this reference and the sender takes part")
        LATE_PARENT = "late-parent", _("A reply to it had arrived first")
        COLLECTED = "collected", _("Returned mail that belongs to nothing of ours: a day's is gathered in one ticket")
        CONVERSATION = "conversation", _("It goes on with the same conversation")
        NEW = "new", _("It answers nothing we know: a new ticket")

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="messages")
    kind = models.CharField(max_length=10, choices=MessageKind)
    contact = models.ForeignKey(Contact, null=True, blank=True, on_delete=models.SET_NULL, related_name="messages")
    agent = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.SET_NULL, related_name="messages")
    event = models.OneToOneField(
        "helpdesk.InboundEvent", null=True, blank=True, on_delete=models.PROTECT, related_name="message"
    )
    sender_name = models.CharField(max_length=200, blank=True)
    sender_address = models.CharField(max_length=320, blank=True)
    recipients = models.JSONField(default=dict, blank=True, help_text='{"to": [[name, address], …], "cc": […]}')
    subject = models.CharField(max_length=998, blank=True)
    text = models.TextField(blank=True, help_text="Everything, as text.")
    new_text = models.TextField(blank=True, help_text="What is new: without quoted text and signature.")
    html = models.TextField(blank=True, help_text="Sanitised.")
    language = models.CharField(max_length=8, blank=True)
    message_id = models.CharField(max_length=998, blank=True, help_text="Without angle brackets.")
    verdict = models.CharField(max_length=10, choices=Verdict, blank=True)
    verdict_reason = models.CharField(max_length=200, blank=True)
    threading = models.CharField(max_length=12, choices=Threading, blank=True)
    acknowledgement = models.CharField(max_length=40, blank=True, help_text="intake.acknowledgement.Verdict")
    is_third_party = models.BooleanField(default=False, help_text="From an address that takes no part (MAIL.md 17).")
    problems = models.JSONField(default=list, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="The sender's own date.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=MessageKind.values), name="message_kind_known"),
            models.CheckConstraint(
                condition=~Q(kind__in=["reply", "note"]) | Q(event=None), name="message_ours_has_no_event"
            ),
        )
        indexes = (
            models.Index(fields=["ticket", "id"], name="message_ticket"),
            # Chosen by the sender, so never unique (MAIL.md 2).
            models.Index(fields=["message_id"], name="message_message_id", condition=~Q(message_id="")),
        )

    @property
    def said(self) -> str:
        """What was said in this message: without quoted text and signature where that could be told apart."""
        return self.new_text or self.text

    @property
    def text_for_rules(self) -> str:
        """What rules look at: the beginning; nobody writes "invoice" first after 64,000 characters."""
        return self.said[:64_000]

    @property
    def is_internal(self) -> bool:
        """Never leaves the house."""
        return self.kind == self.Kind.NOTE


class AwaitedParent(models.Model):
    """A Message-ID that a stored mail answers and that we haven't seen; when it arrives the two are joined."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="awaited_parents")
    parent_id = models.CharField(max_length=998, help_text="Message-ID without angle brackets.")

    class Meta:
        indexes = (models.Index(fields=["parent_id"], name="awaited_parent"),)


class Attachment(models.Model):
    """A file of a message; its content is a blob."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attachments")
    filename = models.CharField(max_length=255, blank=True)
    content_type = models.CharField(max_length=120, default="application/octet-stream")
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    blob = models.CharField(max_length=64, help_text="helpdesk.blobs key, the SHA-256 of the content.")
    width = models.PositiveIntegerField(null=True, blank=True, help_text="Of a picture, in pixels, if known.")
    height = models.PositiveIntegerField(null=True, blank=True)
    content_id = models.CharField(max_length=250, blank=True)
    is_inline = models.BooleanField(default=False)


class Draft(models.Model):
    """What an agent has typed into a ticket and not sent."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="drafts")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="drafts")
    kind = models.CharField(max_length=10, choices=[("reply", _("Reply")), ("note", _("Internal note"))])
    text = models.TextField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["agent", "ticket", "kind"], name="draft_once"),)


class Reading(models.Model):
    """How far an agent has read a ticket."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="readings")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="readings")
    cursor = models.BigIntegerField(help_text="Journal id.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["agent", "ticket"], name="reading_once"),)
