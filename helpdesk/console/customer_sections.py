"""What stands beside a ticket and on a customer's page, a line each.

Another section is one function, one template and one line here. The place of the line is its place on the screen;
the function takes a `Look` and lives in the module of its own subject.
"""

from django.utils.translation import gettext_lazy as _

from helpdesk.console.consent_section import consent
from helpdesk.console.customer_facts import earlier, glance, notes, organisation, reached_at
from helpdesk.console.customer_look import Look, Section, Shown, shown
from helpdesk.console.links import section as same_person
from helpdesk.console.promise_sections import promises

#: These come with the ticket's page itself: how they are reached, and what to know before one writes.
FIRST = (
    Section("reached_at", _("Reached at"), reached_at),
    Section("notes", _("Agreed, and to know"), notes),
    Section("promises", _("Promises"), promises),
)

#: These are asked for as soon as the ticket is on the screen, which doesn't wait for them.
MORE = (
    Section("glance", _("So far"), glance),
    Section("organisation", _("Organisation"), organisation),
    Section("same_person", _("The same person?"), same_person),
    Section("earlier", _("Earlier tickets"), earlier),
    Section("consent", _("Consent"), consent),
)


def first_sections(look: Look) -> list[Shown]:
    """What stands beside the ticket at once."""
    return shown(FIRST, look)


def more_sections(look: Look) -> list[Shown]:
    """What follows beside the ticket."""
    return shown(MORE, look)
