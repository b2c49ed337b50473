"""`manage.py reapply_erasures`: clean a restored backup by the ledger of erasures, before anybody works with it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from helpdesk import erasures


class Command(BaseCommand):
    """The desk does the same when it starts, by the ledger in its data folder."""

    help = "Erase again whom the ledger names and this database still knows. For restored backups."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--ledger", type=Path, help="another file than LUOTSI_ERASURE_LEDGER")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path | None = options["ledger"]
        if file is not None and not file.is_file():
            raise CommandError(f"There is no file {file}.")
        try:
            count = erasures.reapply(ledger_file=file, at=timezone.now())
        except ValueError as error:
            raise CommandError(f"{error}. Nothing was erased.") from error
        done = erasures.run_due(timezone.now())
        waiting = count - done
        self.stdout.write(f"{count} people were here again; {done} are erased.")
        if waiting > 0:
            self.stdout.write(f"{waiting} wait for files that are a minute old; the desk goes on when it runs.")
