"""Ways in and out: channels, what arrived, what is to be handed over. Rows are the queues."""

from django.db import models
from django.db.models import BigIntegerField, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from helpdesk.models.fields import SealedTextField
from helpdesk.models.people import Team


class Channel(models.Model):
    """A configured way in and out."""

    class Kind(models.TextChoices):
        EMAIL = "email", _("E-mail")
        CHAT = "chat", _("Chat")
        GENERIC = "generic", _("Webhook")
        TELEGRAM = "telegram", "Telegram"
        MESSENGER = "messenger", "Messenger"
        INSTAGRAM = "instagram", "Instagram"
        WHATSAPP = "whatsapp", "WhatsApp"
        MASTODON = "mastodon", "Mastodon"
        BLUESKY = "bluesky", "Bluesky"

    slug = models.SlugField(unique=True)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.EMAIL)
    name = models.CharField(max_length=80)
    team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="channels",
        help_text="Takes what no rule has placed; empty: the default team.",
    )
    is_active = models.BooleanField(default=True)
    paused_reason = models.CharField(
        max_length=300, blank=True, help_text="Why nothing is sent, e.g. the login was refused."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Security(models.TextChoices):
    """How a mail server is spoken to. There is no silent fall-back from one to another (MAIL.md 26)."""

    TLS = "tls", _("TLS")
    STARTTLS = "starttls", _("STARTTLS")
    NONE = "none", _("None (only inside your own network)")


class AfterImport(models.TextChoices):
    """What becomes of a mail on its server once the desk has it (MAIL.md 1)."""

    KEEP = "keep", _("Leave it where it is")
    MOVE = "move", _("Move it to another folder")
    DELETE = "delete", _("Delete it from the server")


class OlderMail(models.TextChoices):
    """What becomes of mail that is older than the start of a mailbox (MAIL.md 12)."""

    SILENT = "silent", _("Import it closed and silent")
    LEAVE = "leave", _("Leave it on the server")


def inbox_only() -> list[str]:
    """The folders of a mailbox until somebody chooses others."""
    return ["INBOX"]


class Mailbox(models.Model):
    """The mail side of an e-mail channel: its address and its accounts."""

    channel = models.OneToOneField(Channel, on_delete=models.CASCADE, related_name="mailbox")
    address = models.EmailField(unique=True)
    display_name = models.CharField(max_length=120, blank=True)
    aliases = models.JSONField(default=list, blank=True, help_text="Other addresses that arrive here.")
    trusted_networks = models.JSONField(
        default=list,
        blank=True,
        help_text="Networks whose SMTP clients are believed about the sender, e.g. 127.0.0.0/8.",
    )
    authserv_id = models.CharField(
        max_length=190, blank=True, help_text="Whose Authentication-Results count (MAIL.md 15)."
    )
    has_plus_addresses = models.BooleanField(
        default=False,
        help_text="Mail to address+anything arrives here: bounces and answers get their own addresses.",
    )
    acknowledges_answers = models.BooleanField(
        default=False, help_text="Answers in a ticket that exists are acknowledged too, within the caps (MAIL.md 19)."
    )

    imap_host = models.CharField(max_length=190, blank=True)
    imap_port = models.PositiveIntegerField(default=993)
    imap_security = models.CharField(max_length=8, choices=Security, default=Security.TLS)
    imap_username = models.CharField(max_length=190, blank=True)
    imap_password = SealedTextField(blank=True)
    imap_folders = models.JSONField(default=inbox_only, help_text="Names of the folders that are read.")
    imap_started_at = models.DateTimeField(
        null=True, blank=True, help_text="Nothing is fetched before somebody has seen what would happen (MAIL.md 12)."
    )
    import_since = models.DateTimeField(null=True, blank=True, help_text="Older mail is never answered (MAIL.md 12).")
    older_mail = models.CharField(max_length=8, choices=OlderMail, default=OlderMail.SILENT)
    after_import = models.CharField(max_length=8, choices=AfterImport, default=AfterImport.KEEP)
    after_import_folder = models.CharField(max_length=190, blank=True, help_text="Where imported mail is moved.")

    smtp_host = models.CharField(max_length=190, blank=True)
    smtp_port = models.PositiveIntegerField(default=465)
    smtp_security = models.CharField(max_length=8, choices=Security, default=Security.TLS)
    smtp_username = models.CharField(max_length=190, blank=True)
    smtp_password = SealedTextField(blank=True)

    class Meta:
        verbose_name_plural = "mailboxes"

    def __str__(self) -> str:
        return self.address

    @property
    def addresses(self) -> frozenset[str]:
        """All addresses of this mailbox, lower case."""
        return frozenset(address.lower() for address in (self.address, *self.aliases))


class FolderState(models.Model):
    """How far a folder of a mailbox is read, how its loop feels, and what its last reconciliation found.

    The cursor is (UIDVALIDITY, last UID), nothing else. All UIDs here are of ``uidvalidity``.
    """

    #: In ``notice``: the server can't remove single mails, so they are only marked as deleted.
    FLAGGED_ONLY = "flagged-only"

    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="folder_states")
    folder = models.CharField(max_length=190)
    uidvalidity = models.BigIntegerField(null=True)
    last_uid = models.BigIntegerField(default=0)
    left_uid = models.BigIntegerField(
        default=0, help_text="Mails up to it are older than the start and were left on the server by choice."
    )
    cleared_uid = models.BigIntegerField(
        default=0, help_text="Mails up to it were moved or deleted after their import, or stay for good."
    )
    phase = models.CharField(max_length=12, blank=True, help_text="mail_gateway.imap.Status.state")
    error = models.TextField(blank=True, help_text="Why nothing is fetched.")
    notice = models.TextField(blank=True, help_text="Why imported mail was not moved or deleted.")
    last_contact_at = models.DateTimeField(null=True)
    lease_owner = models.CharField(max_length=80, blank=True, help_text="The process whose loop follows the folder.")
    lease_until = models.DateTimeField(null=True)

    check_requested_at = models.DateTimeField(null=True, help_text="Somebody wants a reconciliation now.")
    checked_at = models.DateTimeField(null=True, help_text="The last reconciliation (MAIL.md 13).")
    server_count = models.PositiveIntegerField(default=0, help_text="Mails on the server then.")
    accounted_count = models.PositiveIntegerField(
        default=0, help_text="Those with a receipt, left alone by choice, or still to be fetched."
    )
    unexplained = models.JSONField(default=list, help_text="UIDs (the first 100) that should be here and are not.")
    recovered = models.JSONField(default=list, help_text="UIDs (the first 100) that were missing and fetched again.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["mailbox", "folder"], name="folder_once"),)

    @property
    def unexplained_count(self) -> int:
        """Mails of the last reconciliation that should be here and are not."""
        return self.server_count - self.accounted_count


class EventState(models.TextChoices):
    """Where something that arrived stands."""

    WAITING = "waiting", _("Waiting")
    WORKING = "working", _("Being processed")
    DONE = "done", _("Done")
    QUARANTINED = "quarantined", _("Quarantined")
    IGNORED = "ignored", _("Ignored")


class InboundEvent(models.Model):
    """Something that arrived, raw, once. Arriving again adds a Receipt, not an event (docs/adr/0004)."""

    State = EventState

    class Reason(models.TextChoices):
        """Every way to stop, with a sentence that an admin can read."""

        NONE = "", "—"
        CRASHED = "crashed", _("The reader crashed on it three times")
        TOO_SLOW = "too-slow", _("It took the reader too long, three times")
        TOO_MUCH_MEMORY = "too-much-memory", _("It took the reader too much memory, three times")
        BUG = "bug", _("The desk has a fault with it; the log has the details under this number")
        DISCARDED = "discarded", _("An agent discarded it")
        OWN_MAIL = "own-mail", _("It is our own mail that came back")
        UNREADABLE = "unreadable", _("It is not what the platform usually sends")
        APPLIED = "applied", _("It changed a message that was there")
        OF_NO_INTEREST = "of-no-interest", _("It holds nothing for the desk")
        UNKNOWN_MESSAGE = "unknown-message", _("It tells of a message that the desk never had")

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="events")
    blob = models.CharField(max_length=64, help_text="helpdesk.blobs key, the SHA-256 of the raw bytes.")
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    is_truncated = models.BooleanField(
        default=False, help_text="Only the beginning is stored; the mail stays on its server."
    )
    envelope = models.JSONField(default=dict, help_text='{"mail_from", "recipients", "peer"}')
    state = models.CharField(max_length=12, choices=EventState, default=EventState.WAITING)
    reason = models.CharField(max_length=20, choices=Reason, blank=True)
    former_reason = models.CharField(
        max_length=20, choices=Reason, blank=True, help_text="Why it was in quarantine before somebody discarded it."
    )
    quarantined_at = models.DateTimeField(
        null=True, blank=True, help_text="When it stopped last, whatever became of it since."
    )
    detail = models.TextField(blank=True)
    is_plain = models.BooleanField(
        default=False, help_text="Open without reading its structure (an agent's choice in quarantine)."
    )
    is_silent = models.BooleanField(default=False, help_text="Old mail: imported closed, nothing is sent (MAIL.md 12).")
    is_slow = models.BooleanField(
        default=False, help_text="It lets people's new mail go first: machines' mail, old mail, mail hard to read."
    )
    is_social = models.BooleanField(
        default=False, help_text="Of a social channel: read by its connector, in a lane of its own."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["channel", "blob"], name="event_once"),
            models.CheckConstraint(condition=Q(state__in=EventState.values), name="event_state_known"),
            models.CheckConstraint(
                condition=~Q(state__in=["quarantined", "ignored"]) | ~Q(reason=""), name="event_stopped_for_a_reason"
            ),
        )
        indexes = (
            models.Index(
                fields=["is_slow", "next_attempt_at", "id"],
                name="event_queue",
                condition=Q(state__in=["waiting", "working"]),
            ),
            models.Index(
                fields=["next_attempt_at", "id"],
                name="event_social_queue",
                condition=Q(state__in=["waiting", "working"], is_social=True),
            ),
            models.Index(fields=["-id"], name="event_quarantine", condition=Q(state="quarantined")),
            # What was in quarantine once: discarded since, or read at last.
            models.Index(
                fields=["state", "-id"], name="event_once_quarantined", condition=Q(quarantined_at__isnull=False)
            ),
        )


class Receipt(models.Model):
    """One arrival of an event: an SMTP transaction, a UID in a folder, a webhook call. The ledger counts these."""

    event = models.ForeignKey(InboundEvent, on_delete=models.PROTECT, related_name="receipts")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="receipts")
    external_id = models.CharField(
        max_length=250, help_text="e.g. imap:INBOX:<uidvalidity>:<uid> or smtp:<transaction>."
    )
    received_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["channel", "external_id"], name="receipt_once"),)


class DeliveryState(models.TextChoices):
    """Where an outgoing message stands."""

    QUEUED = "queued", _("Waiting to be sent")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    RETRY = "retry", _("Will be tried again")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Unknown: the connection broke after the mail was handed over")
    HELD = "held", _("Held: too much automatic mail")
    CANCELLED = "cancelled", _("Cancelled")


class Delivery(models.Model):
    """One outgoing message that is to be handed over. Bytes, Message-ID and Date are fixed when the row is written."""

    State = DeliveryState

    #: These still have work for the outbox.
    DUE_STATES = (DeliveryState.QUEUED, DeliveryState.RETRY, DeliveryState.SENDING)

    message = models.OneToOneField(
        "helpdesk.Message",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="delivery",
        help_text="Empty for a notice of the desk to its own people, which belongs to no ticket.",
    )
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="deliveries")
    sender = models.CharField(max_length=320, blank=True, help_text="Envelope sender; empty for automatic mail.")
    recipients = models.JSONField(help_text="Envelope recipients.")
    recipient = models.CharField(max_length=320, help_text="The first of them, lower case, for finding.")
    counted_as = models.CharField(max_length=320, blank=True, help_text="helpdesk.text.counted_as of the recipient.")
    subject = models.CharField(max_length=998, blank=True)
    mime = models.BinaryField(help_text="The finished mail.")
    is_automatic = models.BooleanField(default=False)
    purpose = models.CharField(max_length=12, default="service", help_text="consent.Purpose: who refuses it gets none.")
    held_at = models.DateTimeField(null=True, blank=True, help_text="A breaker held it, whatever became of it since.")
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    open_hand_overs = models.PositiveSmallIntegerField(
        default=0, help_text="Hand-overs that were begun and whose outcome nobody knows."
    )
    next_attempt_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    bounced = models.JSONField(
        default=list, blank=True, help_text="Recipients that it came back from, as far as known."
    )
    delayed_at = models.DateTimeField(null=True, blank=True, help_text="A server on the way said that it still tries.")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = (
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_known"),
            models.CheckConstraint(condition=~Q(state="sent") | ~Q(sent_at=None), name="delivery_sent_has_time"),
            models.CheckConstraint(
                condition=~Q(message=None) | Q(is_automatic=True), name="delivery_notice_is_automatic"
            ),
        )
        indexes = (
            models.Index(
                fields=["next_attempt_at", "id"],
                name="delivery_queue",
                condition=Q(state__in=["queued", "retry", "sending"]),
            ),
            # Each channel is asked on its own, and many at once.
            models.Index(
                fields=["channel", "next_attempt_at", "id"],
                name="delivery_lane",
                condition=Q(state__in=["queued", "retry", "sending"]),
            ),
            models.Index(
                fields=["counted_as", "-created_at"], name="delivery_automatic_to", condition=Q(is_automatic=True)
            ),
            models.Index(
                fields=["channel", "-created_at"],
                name="delivery_automatic_by",
                condition=Q(is_automatic=True, held_at=None),
            ),
            models.Index(
                fields=["-created_at"], name="delivery_automatic", condition=Q(is_automatic=True, held_at=None)
            ),
            # The pages of one state, newest first; those of all states follow the primary key.
            models.Index(fields=["state", "-id"], name="delivery_by_state"),
        )


class Breaker(models.Model):
    """Holds automatic mail back when too much of it goes out within an hour (MAIL.md 20).

    One row for each channel that ever had too much, and one without a channel for the whole desk.
    """

    channel = models.OneToOneField(Channel, null=True, blank=True, on_delete=models.CASCADE, related_name="breaker")
    tripped_at = models.DateTimeField(null=True, blank=True, help_text="It holds mail for an hour from then on.")
    counts_from = models.DateTimeField(null=True, blank=True, help_text="An admin closed it: the count began anew.")

    class Meta:
        constraints = (
            # NULLs are distinct to a plain unique key, and the desk has only one.
            models.UniqueConstraint(Coalesce("channel", Value(0, BigIntegerField())), name="breaker_once"),
        )
