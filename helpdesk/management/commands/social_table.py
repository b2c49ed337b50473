"""`manage.py social_table`: what each social platform can do and how it is tested, for docs/social-channels.md."""

from typing import Any

from django.core.management.base import BaseCommand

from helpdesk.connectors.registry import social_connector
from helpdesk.connectors.social import Capabilities
from helpdesk.queries.social import platforms

_COLUMNS = (
    "Platform",
    "Private",
    "Public",
    "Receipts",
    "Edits",
    "Files that can be sent",
    "Answers in free words",
    "Longest text",
    "Tested by",
)
_HEAD = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|\n"


class Command(BaseCommand):
    """Prints the table as Markdown."""

    help = "Print what each social platform can do, as Markdown."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(table(), ending="")


def table() -> str:
    """A row for each platform that can be connected, from what its connector says of itself."""
    rows = []
    for kind in platforms():
        connector = social_connector(kind)
        able = connector.capabilities
        cells = (
            str(kind.label),
            _private(able),
            *("yes" if each else "–" for each in (able.public, able.receipts, able.edits)),
            ", ".join(sorted(able.attachments)) or "–",
            _window(able),
            f"{able.max_text:,}",
            connector.tested,
        )
        rows.append(f"| {' | '.join(cells)} |\n")
    return _HEAD + "".join(rows)


def _private(able: Capabilities) -> str:
    if able.private_answers:
        return "yes, also to what is public"
    return "yes" if able.private else "–"


def _window(able: Capabilities) -> str:
    if able.window is None:
        return "always"
    hours = f"{able.window.total_seconds() / 3600:g} h"
    return f"{hours}, then approved texts" if able.templates else hours
