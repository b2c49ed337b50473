"""From the 250 of a mail to its row on a console that is open: socket, hint, and the list fetched anew."""

from __future__ import annotations

import smtplib
import time
from email.message import EmailMessage
from email.policy import SMTP

from benchmarks import workload
from benchmarks.browser import Browser
from benchmarks.desk import Desk
from benchmarks.place import Place
from benchmarks.progress import median, p95, say
from benchmarks.smtp_feed import deliver
from benchmarks.websocket import WebSocket

TICKETS = 1_000
MAILS = 60
WARM_UP = 5
PATIENCE_S = 30


def measure(place: Place) -> dict[str, float | int]:
    place.migrate()
    from django.urls import reverse

    from benchmarks import bulk

    bulk.grow_to(TICKETS)
    inbox = reverse("inbox", args=["teams"])
    samples = []
    with Desk(place):
        browser = Browser(place, email=bulk.AGENT, password=bulk.PASSWORD)
        browser.ask_for_fragments()
        with (
            WebSocket(port=place.http_port, path="/ws/", cookies=browser.cookies, timeout_s=PATIENCE_S) as hints,
            smtplib.SMTP("127.0.0.1", place.smtp_port, local_hostname="bench.example", timeout=PATIENCE_S) as client,
        ):
            for number in range(-WARM_UP, MAILS):
                subject = f"Live {number:+04d}"
                deliver(client, _mail(number, subject))
                began = time.perf_counter()
                _wait_for_row(hints, browser, inbox, subject)
                if number >= 0:
                    samples.append((time.perf_counter() - began) * 1000)
    say(f"from 250 to the row: median {median(samples)} ms, p95 {p95(samples)} ms")
    return {"push_p50_ms": median(samples), "push_p95_ms": p95(samples)}


def _wait_for_row(hints: WebSocket, browser: Browser, inbox: str, subject: str) -> None:
    """Follow hints as a page does: each leads to one fetch of the list, until the row is in it."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        hints.receive()
        if subject in browser.fetch(inbox):
            return
    raise TimeoutError(f"no row for {subject!r} within {PATIENCE_S} s")


def _mail(number: int, subject: str) -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["Return-Path"] = f"<push{number}@customer.example>"
    mail["From"] = f"Customer {number} <push{number}@customer.example>"
    mail["To"] = workload.MAILBOX
    mail["Subject"] = subject
    mail["Message-ID"] = f"<push.{number}@customer.example>"
    mail.set_content("Hello,\n\nthe second order has not arrived. Where is it?\n\nRegards\n")
    return mail.as_bytes()
