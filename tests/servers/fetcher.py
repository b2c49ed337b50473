"""A process that fetches mail and does nothing else.

`python -m tests.servers.fetcher NUMBER`: once so many mails are stored it stops itself (SIGSTOP) in the middle of a
batch, as a machine does that is suspended. 0: never. Who will stop has a lease whose end a test can wait for; the
others' outlasts the test, however busy the machine is.
"""

import os
import signal
import sys
import threading
from datetime import timedelta
from typing import Any

import django

SHORT_S, LONG_S = 2.0, 600.0


def main(stops_after: int) -> None:
    django.setup()
    from helpdesk.connectors import email_imap
    from helpdesk.connectors.base import Arrival
    from helpdesk.management.loops import prepare, take_in
    from helpdesk.models import FolderState

    email_imap.LEASE = timedelta(seconds=SHORT_S if stops_after else LONG_S)
    email_imap.LOOK_SECONDS = 0.2
    taken, writing, take_lease = 0, threading.Lock(), email_imap.take_lease

    def take_lease_alone(**what: Any) -> FolderState | None:
        with writing:
            return take_lease(**what)

    def take(arrival: Arrival) -> None:
        nonlocal taken
        take_in(arrival)
        taken += 1
        if taken == stops_after:
            print("stopped", flush=True)
            with writing:  # a process that stops in the middle of a write keeps SQLite locked for all others
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # this thread, before anything else happens

    email_imap.take_lease = take_lease_alone
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    prepare()
    email_imap.follow_all(stop, take_in=take, owner=f"fetcher:{os.getpid()}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
