"""python -m benchmarks PART...: measures the parts in one process and one folder; `all` gives each group its own."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.place import Place
from benchmarks.progress import say

Figures = dict[str, float | int]

GROUPS: tuple[tuple[str, ...], ...] = (
    ("mail",),
    ("pages", "search"),
    ("push",),
    ("rules",),
    ("rehearsal",),
    ("assignment",),
    ("idle",),
    ("chat",),
    ("widget",),
)
"""Parts of one group share a process, and with it a loaded database."""

PARTS = tuple(part for group in GROUPS for part in group)
PURE = frozenset({"rules"})
"""Parts that need no desk, only code."""


def measure(parts: Sequence[str]) -> Figures:
    """Run the parts here, one after another, in one fresh folder."""
    figures: Figures = {}
    with Place.fresh() as place:
        for part in parts:
            say(f"{part}:")
            module = importlib.import_module(f"benchmarks.{part}")
            figures |= module.measure() if part in PURE else module.measure(place)
    return figures


def measure_each(groups: Sequence[Sequence[str]]) -> Figures:
    """Each group in a process and a folder of its own, since settings are read once a process."""
    figures: Figures = {}
    for group in groups:
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks", *group], stdout=subprocess.PIPE, text=True, check=True
        )
        figures |= json.loads(run.stdout.splitlines()[-1])
    return figures


def main(arguments: Sequence[str]) -> int:
    unknown = [part for part in arguments if part not in {*PARTS, "all"}]
    if unknown or not arguments:
        say(f"Which part? One or more of {', '.join(PARTS)}, or all.")
        return 2
    wanted = PARTS if "all" in arguments else arguments
    groups = [[part for part in group if part in wanted] for group in GROUPS if set(group) & set(wanted)]
    print(json.dumps(measure(groups[0]) if len(groups) == 1 else measure_each(groups)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
