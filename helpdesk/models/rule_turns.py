"""Which rules have had their turn with which ticket: what makes "once" true, whatever happens at the same time."""

from django.db import models

from helpdesk.models.tickets import Ticket


class RuleTurn(models.Model):
    """A rule has fired on a ticket, on this occasion. The key is unique, so it does so once.

    ``occasion`` is empty for a rule that fires once per ticket. For one that waits for time to pass it names the
    moments that it counts from: when the ticket comes to wait anew, that is another occasion.
    """

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="rule_turns")
    rule_uid = models.UUIDField(help_text="routing_rules.Rule.uid: stays when a rule is restored.")
    occasion = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["ticket", "rule_uid", "occasion"], name="rule_turn_once"),)
        indexes = (models.Index(fields=["rule_uid", "occasion"], name="rule_turn_rule"),)


class RuleWatch(models.Model):
    """How far rules that wait for time to pass were looked after; one row for the desk, held by one worker at a time.

    It saves work and decides nothing: what keeps a rule from firing twice is its RuleTurn.
    """

    looked_until = models.DateTimeField()
    cursor = models.BigIntegerField(default=0, help_text="Journal id up to which tickets were asked about.")
    clocks = models.JSONField(default=dict, help_text="By rule: what it is, and how its tests of the clock stood.")
    lease_until = models.DateTimeField(null=True, blank=True)
