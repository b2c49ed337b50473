"""The pages that agents live in, at 1,000, 100,000 and 1,000,000 tickets: does the inbox slow down as a desk grows?"""

from __future__ import annotations

from benchmarks.browser import Browser
from benchmarks.desk import Desk
from benchmarks.place import Place
from benchmarks.progress import median, p95, say

SIZES = (1_000, 100_000, 1_000_000)
ROUNDS = 200


def measure(place: Place) -> dict[str, float | int]:
    place.migrate()
    figures: dict[str, float | int] = {}
    for size in SIZES:
        figures |= _inbox(place, size)
    return figures | _ticket_page(place)


def _inbox(place: Place, size: int) -> dict[str, float | int]:
    """The list of the agent's teams, newest activity first, and each of its tabs in turn."""
    from django.urls import reverse

    from benchmarks import bulk

    bulk.grow_to(size)
    with Desk(place):
        browser = Browser(place, email=bulk.AGENT, password=bulk.PASSWORD)
        samples = browser.time([reverse("inbox", args=["teams"])], rounds=ROUNDS, expect="LU-")
    say(f"inbox at {size:,} tickets: median {median(samples)} ms, p95 {p95(samples)} ms")
    return {f"inbox_p50_ms_{size}": median(samples), f"inbox_p95_ms_{size}": p95(samples)}


def _ticket_page(place: Place) -> dict[str, float | int]:
    from django.urls import reverse

    from benchmarks import bulk

    ticket = bulk.long_ticket()
    with Desk(place):
        browser = Browser(place, email=bulk.AGENT, password=bulk.PASSWORD)
        samples = browser.time([reverse("ticket", args=[ticket.reference])], rounds=ROUNDS, expect=ticket.subject)
    say(f"ticket with {bulk.LONG_TICKET_MESSAGES} messages: median {median(samples)} ms, p95 {p95(samples)} ms")
    return {"ticket_p50_ms": median(samples), "ticket_p95_ms": p95(samples)}
