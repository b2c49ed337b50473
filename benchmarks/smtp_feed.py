"""Feeding mails to the desk's own receiver over persistent connections."""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Sequence
from email.parser import BytesHeaderParser
from email.utils import parseaddr

from benchmarks.place import Place
from benchmarks.workload import MAILBOX


def feed(place: Place, mails: Sequence[bytes], *, connections: int) -> None:
    """Deliver all mails; returns when each has its 250. Mail k goes over connection k modulo `connections`.

    Raises what the first failing connection raised: a refused mail ends the measurement.
    """
    failures: list[BaseException] = []

    def deliver_share(share: Sequence[bytes]) -> None:
        try:
            with smtplib.SMTP("127.0.0.1", place.smtp_port, local_hostname="bench.example", timeout=60) as client:
                for raw in share:
                    deliver(client, raw)
        except (OSError, smtplib.SMTPException) as failure:
            failures.append(failure)

    threads = [threading.Thread(target=deliver_share, args=(mails[k::connections],)) for k in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def deliver(client: smtplib.SMTP, raw: bytes) -> None:
    """One mail, with the envelope sender that its Return-Path names; the body goes as it is, 8-bit and all."""
    sender = parseaddr(str(BytesHeaderParser().parsebytes(raw).get("Return-Path", "")))[1]
    client.sendmail(sender, [MAILBOX], raw, mail_options=["BODY=8BITMIME"])
