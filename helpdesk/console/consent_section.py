"""What a customer allows, in short: beside each ticket and on their own page."""

from collections.abc import Mapping
from typing import Any

from helpdesk.console.customer_look import Look
from helpdesk.models.consent import ALLOWED_UNLESS_REFUSED
from helpdesk.queries.consents import standing_of


def consent(look: Look) -> Mapping[str, Any]:
    """What differs from what holds for everybody: bans, and what was allowed expressly."""
    standing = standing_of(look.contact)
    return {
        "told": [each for each in standing if each.is_allowed != (each.purpose in ALLOWED_UNLESS_REFUSED)],
        "contact": look.contact,
    }
