"""How often each rule has fired, day by day: counted once from the decisions, so that a list of rules costs no walk."""

from django.db import models


class RuleDay(models.Model):
    """A rule's firings of one day (UTC). ``rule_number`` is routing_rules.Rule.id, which is never given twice."""

    rule_number = models.BigIntegerField()
    on = models.DateField()
    times = models.PositiveIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["rule_number", "on"], name="rule_day_once"),)
        indexes = (models.Index(fields=["on"], name="rule_day_on"),)


class FiringCursor(models.Model):
    """How far the decisions are counted: up to ``counted``. Those up to ``seen`` were there at ``seen_at``."""

    counted = models.BigIntegerField(default=0)
    seen = models.BigIntegerField(default=0)
    seen_at = models.DateTimeField()
