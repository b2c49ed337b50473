"""`manage.py fetch_mail`: the mail edges, for a desk of several processes."""

from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from helpdesk.management.loops import BadAddress, mail_loops, prepare, require_free_receivers, run_until_signal


class Command(BaseCommand):
    """Run several on several machines: each mailbox is followed by one of them."""

    help = "Fetch mail by IMAP and receive it by SMTP, without pages. Several may run at once."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            require_free_receivers()
            prepare()
        except BadAddress as error:
            raise CommandError(str(error)) from error
        run_until_signal(mail_loops())
