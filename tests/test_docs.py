"""The documents, held against what they describe: links, commands, decision records, and the length of the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
RECORDS = sorted(ROOT.glob("docs/adr/[0-9]*.md"))
RECORD_PARTS = ["## Why it came up", "## Decision", "## What follows", "## Not taken"]


def prose(path: Path) -> str:
    """A document without its code blocks."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def dead_links(path: Path) -> list[str]:
    """Links to files that are not there, and to headings that are not in them."""
    dead = []
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", prose(path)):
        file, _, heading = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.exists() or (heading and heading not in anchors(there)):
            dead.append(target)
    return dead


def anchors(path: Path) -> set[str]:
    """The anchors of the headings of a document, as code hosts make them."""
    headings = re.findall(r"^#+ +(.+)$", prose(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(text: str) -> set[str]:
    """The make targets that a text tells people to run."""
    return set(re.findall(r"\bmake ([a-z]+)\b(?=[`\s,;.)]|$)", " ".join(re.findall(r"`(make [^`]+)`", text))))


class TestDocuments:
    @pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
    def test_link_only_to_what_exists(self, path: Path) -> None:
        assert dead_links(path) == []

    @pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
    def test_name_only_commands_that_exist(self, path: Path) -> None:
        targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))

        assert commands(path.read_text(encoding="utf-8")) - targets == set()

    @pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
    def test_name_only_programs_that_exist(self, path: Path) -> None:
        named = set(re.findall(r"\bmanage\.py ([a-z_]+)", path.read_text(encoding="utf-8")))

        assert named - set(get_commands()) == set()

    def test_keep_the_readme_short(self) -> None:
        assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150

    def test_name_only_source_files_that_exist(self) -> None:
        text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
        named = re.findall(r"`((?:helpdesk|routing_rules|mail_gateway|tests|benchmarks)/[\w./-]*)`", text)

        assert named
        assert [name for name in named if not (ROOT / name).exists()] == []


class TestDecisionRecords:
    def test_are_numbered_without_gaps(self) -> None:
        assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))

    def test_all_stand_in_the_list(self) -> None:
        listed = re.findall(r"\]\(([0-9]{4}-[\w-]+\.md)\)", prose(ROOT / "docs" / "adr" / "README.md"))

        assert listed == [record.name for record in RECORDS]

    @pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
    def test_have_the_four_parts(self, record: Path) -> None:
        text = record.read_text(encoding="utf-8")

        assert re.match(rf"# {record.name[:4]}\. \S", text)
        assert re.search(r"^Status: (accepted|replaced by \d{4}) +Date: \d{4}-\d\d-\d\d$", text, flags=re.MULTILINE)
        assert re.findall(r"^## .+$", text, flags=re.MULTILINE) == RECORD_PARTS


class TestTheChecksThemselves:
    def test_notice_a_dead_link_and_a_dead_heading(self, tmp_path: Path) -> None:
        page = tmp_path / "page.md"
        page.write_text(
            "# Who may what?\n[a](page.md) [b](#who-may-what) [c](gone.md) [d](page.md#gone) [e](https://x.example)\n"
        )

        assert dead_links(page) == ["gone.md", "page.md#gone"]

    def test_notice_commands(self) -> None:
        assert commands("run `make run`, or `make bench BENCH=all`; make it quick") == {"run", "bench"}
