"""manage.py that waits for seconds where the desk waits for minutes.

`python -m tests.servers.impatient leases run_worker`: leases run out while a test looks on.
`python -m tests.servers.impatient reader desk`: the reader gives up on a mail before the test does.
"""

import os
import sys
from datetime import timedelta

import django
from django.core.management import execute_from_command_line

LEASE_SECONDS = 2.0
READER_SECONDS = 8.0


def main() -> None:
    """Run a command of the desk."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "helpdesk.settings"  # noqa: TID251  # as manage.py does
    django.setup()
    from helpdesk import outbox
    from helpdesk.intake import queue
    from helpdesk.intake.reader import Reader

    if sys.argv[1] == "leases":
        queue.LEASE = outbox.LEASE = timedelta(seconds=LEASE_SECONDS)
        queue.BATCH_SECONDS = outbox.BATCH_SECONDS = LEASE_SECONDS / 2
    else:
        queue.RETRY_AFTER = (timedelta(seconds=0.5), timedelta(seconds=0.5))
        Reader.__init__.__kwdefaults__ = {"wall_seconds": READER_SECONDS}
    execute_from_command_line(["manage.py", *sys.argv[2:]])


if __name__ == "__main__":
    main()
