"""`manage.py run_worker`: intake, outbox and timers, for a desk of several processes."""

from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from helpdesk.management.loops import BadAddress, prepare, run_until_signal, worker_loops


class Command(BaseCommand):
    """Run as many as there is work for: rows are claimed, never shared."""

    help = "Run intake, outbox and timers without pages. Several may run at once."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            prepare()
        except BadAddress as error:
            raise CommandError(str(error)) from error
        run_until_signal(worker_loops())
