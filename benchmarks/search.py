"""Search in 1,000,000 tickets, 2,000,000 messages: a word that is everywhere, and one of a single ticket."""

from __future__ import annotations

from benchmarks import workload
from benchmarks.browser import Browser
from benchmarks.desk import Desk
from benchmarks.place import Place
from benchmarks.progress import median, p95, say

SIZE = 1_000_000
ROUNDS = 100


def measure(place: Place) -> dict[str, float | int]:
    place.migrate()
    from benchmarks import bulk

    bulk.grow_to(SIZE)
    with Desk(place):
        browser = Browser(place, email=bulk.AGENT, password=bulk.PASSWORD)
        common = browser.time([_address(workload.COMMON_WORD)], rounds=ROUNDS, expect="LU-")
        rare = browser.time(
            [_address(workload.rare_word(n)) for n in bulk.visible_numbers(ROUNDS)], rounds=ROUNDS, expect="LU-"
        )
    say(f"search, common word: median {median(common)} ms, p95 {p95(common)} ms")
    say(f"search, rare word: median {median(rare)} ms, p95 {p95(rare)} ms")
    return {
        f"search_common_p50_ms_{SIZE}": median(common),
        f"search_common_p95_ms_{SIZE}": p95(common),
        f"search_rare_p50_ms_{SIZE}": median(rare),
        f"search_rare_p95_ms_{SIZE}": p95(rare),
    }


def _address(word: str) -> str:
    from django.urls import reverse

    return f"{reverse('search')}?q={word}"
