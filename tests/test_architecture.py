"""The house rules, over the tree; and each rule over a good and a bad sample, so that none stops biting unnoticed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver

from helpdesk import routing, urls
from helpdesk.console.access import May
from routing_rules.vocabulary import EFFECTS, EffectKind
from tests import house_rules

ROOT = Path(__file__).resolve().parent.parent


def tracked() -> list[str]:
    """Paths under version control or about to be; without git (an unpacked archive) all but hidden folders and var/."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        listed = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file()]
        listed = [path for path in listed if not path.startswith((".", "var/"))]
    return sorted(path for path in listed if (ROOT / path).is_file())


TRACKED = tracked()
PYTHON = [path for path in TRACKED if path.endswith(".py")]
PRODUCT = [path for path in PYTHON if path.startswith(("helpdesk/", "routing_rules/", "mail_gateway/", "benchmarks/"))]
TEMPLATES = [path for path in TRACKED if path.startswith("templates/") and not path.endswith(".txt")]


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def complaints(rule: Callable[[str], list[str]], paths: list[str]) -> list[str]:
    return [f"{path}: {complaint}" for path in paths for complaint in rule(read(path))]


class TestTheTree:
    def test_has_functions_of_a_readable_length(self) -> None:
        assert complaints(house_rules.long_functions, PYTHON) == []

    def test_has_files_of_a_readable_length(self) -> None:
        tests = [path for path in PYTHON if path.startswith("tests/")]
        others = [path for path in PYTHON if path not in tests and "/migrations/" not in path]

        assert complaints(house_rules.long_file, others) == []
        assert complaints(house_rules.long_test_file, tests) == []

    def test_has_file_names_that_say_something(self) -> None:
        assert house_rules.nameless(TRACKED) == []

    def test_has_only_agreed_names_at_its_top(self) -> None:
        assert house_rules.strays(TRACKED) == []

    def test_swallows_no_error(self) -> None:
        assert complaints(house_rules.swallowed_errors, PYTHON) == []

    def test_holds_nothing_unfinished(self) -> None:
        assert complaints(house_rules.unfinished, PRODUCT + TEMPLATES) == []

    def test_screens_write_through_actions_only(self) -> None:
        rooms = tuple(f"helpdesk/{room}/" for room in house_rules.ROOMS_WITHOUT_WRITES)
        screens = [path for path in PYTHON if path.startswith(rooms)]

        assert screens
        assert complaints(house_rules.writes, screens) == []

    def test_templates_open_no_hole_in_the_page(self) -> None:
        assert TEMPLATES
        assert complaints(house_rules.template_holes, TEMPLATES) == []


class TestEveryRoute:
    @staticmethod
    def patterns(entries: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
        for entry in entries:
            if isinstance(entry, URLResolver):
                yield from TestEveryRoute.patterns(entry.url_patterns)
            else:
                yield entry

    def test_names_who_may_open_it(self) -> None:
        routes = list(self.patterns([*urls.urlpatterns]))

        assert routes
        assert [str(r.pattern) for r in routes if not isinstance(getattr(r, "may", None), May)] == []

    def test_has_a_name_of_its_own(self) -> None:
        names = [route.name for route in self.patterns([*urls.urlpatterns])]

        assert None not in names
        assert sorted({name for name in names if names.count(name) > 1}, key=str) == []


class TestTheEffectsOfRules:
    def test_can_all_be_applied(self) -> None:
        assert set(routing.APPLY) == set(EffectKind) == set(EFFECTS)


class TestTheSettings:
    def test_stand_in_the_table_of_the_readme_and_the_other_way_round(self) -> None:
        in_code = house_rules.settings_read(read("helpdesk/settings.py"))
        in_table = house_rules.table_names(read("README.md"))

        assert {"LUOTSI_DATA", "DATABASE_URL", "REDIS_URL"} <= in_code
        assert (in_code - in_table, in_table - in_code) == (set(), set()), "(only in settings.py, only in the README)"


GOOD_AND_BAD: list[tuple[Callable[[str], list[str]], str, str]] = [
    (
        house_rules.writes,
        "tickets.close(ticket=ticket, by=agent)\nfields |= extra\n",
        "def view(r):\n    ticket.save()\n",
    ),
    (house_rules.writes, "created = form.is_valid()\n", "Ticket.objects.filter(pk=1).update(state='closed')\n"),
    (house_rules.writes, "rows = list(tickets)\n", "async def f():\n    await Tag.objects.acreate(name='x')\n"),
    (house_rules.writes, "update = 1\n", "Tag.objects.bulk_create([])\n"),
    (house_rules.writes, "form.errors\n", "form.instance.delete()\n"),
    (house_rules.long_functions, "def f():\n" + "    x = 1\n" * 59, "def f():\n" + "    x = 1\n" * 60),
    (house_rules.long_functions, "x = 1\n" * 61, "class A:\n    async def f(self):\n" + "        x = 1\n" * 60),
    (house_rules.long_file, "x = 1\n" * 400, "x = 1\n" * 401),
    (house_rules.long_test_file, "x = 1\n" * 600, "x = 1\n" * 601),
    (
        house_rules.swallowed_errors,
        "try:\n    f()\nexcept OSError:\n    pass\n",
        "try:\n    f()\nexcept Exception:\n    pass\n",
    ),
    (
        house_rules.swallowed_errors,
        "try:\n    f()\nexcept Exception as error:\n    log.exception(error)\n",
        "for x in y:\n    try:\n        f()\n    except:\n        continue\n",
    ),
    (house_rules.unfinished, "todo = []\n", "x = 1  # TO" + "DO: later\n"),
    (house_rules.unfinished, "raise ValueError\n", "raise NotImplemented" + "Error\n"),
    (house_rules.template_holes, "{{ ticket.subject }}", "{{ ticket.subject | safe }}"),
    (house_rules.template_holes, "{# |safe is forbidden #}{{ safe_name }}", "{%- autoescape false %}"),
    (house_rules.template_holes, '<button data-action="close">', '<button\n  onclick="close()">'),
    (house_rules.template_holes, '<p class="style">', '<p style="color: red">'),
    (house_rules.template_holes, '<a href="/inbox/">', '<a href="javascript:go()">'),
    (house_rules.template_holes, '<script nonce="{{ nonce }}" src="/a.js">', '<script src="/a.js">'),
    (house_rules.template_holes, '<a href="{{ link }}">', '<img src="https://example.com/pixel.png">'),
]


class TestEachRule:
    @pytest.mark.parametrize(("rule", "good", "bad"), GOOD_AND_BAD)
    def test_lets_the_good_pass_and_names_the_bad(self, rule: Callable[[str], list[str]], good: str, bad: str) -> None:
        assert rule(good) == []
        assert len(rule(bad)) == 1

    def test_names_files_that_say_nothing(self) -> None:
        assert house_rules.nameless(["helpdesk/text.py", "helpdesk/console/inbox.py"]) == []
        assert len(house_rules.nameless(["helpdesk/utils.py", "static/lib.js", "helpdesk/common.py"])) == 3

    def test_names_strays_at_the_top(self) -> None:
        assert house_rules.strays(["helpdesk/text.py", "README.md", ".ci/run"]) == []
        assert house_rules.strays(["scripts/a.sh", "scripts/b.sh"]) == ["scripts is not one of the agreed names"]

    def test_finds_each_way_of_reading_the_environment(self) -> None:
        source = """
import os
def _flag(name, default): return os.environ.get(name, default)
def _other(name): return name
A = os.environ.get("LUOTSI_A", "X")
B = os.environ["LUOTSI_B"]
C = os.getenv("LUOTSI_C")
D = _flag("LUOTSI_D", False)
E = _other("NOT_READ")
if "LUOTSI_F" in os.environ: ...
"""
        assert house_rules.settings_read(source) == {f"LUOTSI_{letter}" for letter in "ABCDF"}

    def test_reads_names_from_the_first_column_of_a_table(self) -> None:
        table = "| Variable | Default |\n|---|---|\n| `LUOTSI_A`, `LUOTSI_B` | `OTHER_NAME` |\n"

        assert house_rules.table_names(table) == {"LUOTSI_A", "LUOTSI_B"}
