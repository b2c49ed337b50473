"""What a customer allows, in short: beside each ticket and on their own page."""

from collections.abc import Mapping
from typing import Any

from helpdesk.console.customer_look import Look
from helpdesk.queries.consents import standing_of, verdicts


def consent(look: Look) -> Mapping[str, Any]:
    """What the customer has said themselves: what they refuse, and what they allow expressly."""
    return {
        "told": [each for each in verdicts(standing_of(look.contact)) if each.consent is not None],
        "contact": look.contact,
    }
