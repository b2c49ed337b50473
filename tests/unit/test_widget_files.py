"""The widget's files: small enough, whole in every language, and readable in every colour."""

import gzip
import json
import re
import shutil
import subprocess
from itertools import product
from pathlib import Path

import pytest
from django.conf import settings

from helpdesk.models import CHAT_LANGUAGES
from helpdesk.widget import assets, words
from helpdesk.widget.palette import DARK_PAPER, ENOUGH, LIGHT_PAPER, contrast, palette_of

LOADER_BYTES, SCRIPT_BYTES, STYLE_BYTES = 5_000, 40_000, 8_000
#: Keys of which the code puts the name together, or takes it from an event of the desk.
NAMED_ELSEWHERE = {"joined", "handed_over", "returned", "by_mail", *(f"rate_{score}" for score in range(1, 6))}


def packed_size(*names: str) -> int:
    return sum(len(assets.asset_of(name).packed) for name in names)


class TestSizes:
    def test_of_the_loader_stay_within_5_kb(self) -> None:
        assert packed_size(assets.LOADER) <= LOADER_BYTES

    def test_of_the_panel_stay_within_40_kb_of_script_and_8_kb_of_style(self) -> None:
        assert packed_size(*assets.MODULES) <= SCRIPT_BYTES
        assert packed_size(assets.STYLE) <= STYLE_BYTES

    def test_are_those_of_all_files_that_a_module_imports(self) -> None:
        imported = {
            name
            for module in assets.MODULES
            for name in re.findall(r'from "\./(\w+\.js)"', (assets.FOLDER / module).read_text())
        }

        assert imported <= set(assets.MODULES)


class TestLeanFiles:
    @pytest.mark.parametrize("name", [assets.LOADER, *assets.MODULES])
    def test_run_as_the_written_ones_do(self, name: str) -> None:
        node = shutil.which("node")
        if node is None:
            pytest.skip("needs node (Debian: apt-get install nodejs)")
        kind = "commonjs" if name == assets.LOADER else "module"
        plain = assets.asset_of(name).plain
        checked = subprocess.run(
            [node, "--check", f"--input-type={kind}"], input=plain, capture_output=True, check=False
        )

        assert checked.returncode == 0, checked.stderr.decode()
        assert b"/**" not in plain
        assert gzip.decompress(assets.asset_of(name).packed) == plain

    def test_never_make_html_of_what_people_wrote(self) -> None:
        sources = "".join((assets.FOLDER / name).read_text() for name in (assets.LOADER, *assets.MODULES))

        assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|srcdoc", sources)


class TestWords:
    @pytest.mark.parametrize("language", CHAT_LANGUAGES)
    def test_are_all_there_with_the_same_holes(self, language: str) -> None:
        def holes(text: object) -> set[str]:
            return set(re.findall(r"\{(\w+)\}", json.dumps(text)))

        english, other = words.catalogue("en"), words.catalogue(language)

        assert list(other) == list(english)
        assert [key for key in english if holes(english[key]) != holes(other[key])] == []
        assert not [key for key, text in other.items() if not text]

    def test_are_those_that_the_code_asks_for(self) -> None:
        code = "".join((assets.FOLDER / name).read_text() for name in assets.MODULES)
        templates = Path(settings.BASE_DIR, "templates")
        pages = "".join(
            path.read_text() for path in [*templates.glob("widget/*.html"), *templates.glob("portal/writ*.html")]
        )
        python = "".join(path.read_text() for path in Path(settings.BASE_DIR, "helpdesk").glob("widget/*.py"))
        python += "".join(path.read_text() for path in Path(settings.BASE_DIR, "helpdesk").glob("portal/*.py"))
        named = set(re.findall(r'"(\w+)"', code + python)) | set(re.findall(r"words\.(\w+)", pages)) | NAMED_ELSEWHERE
        asked = set(re.findall(r'\bt\("(\w+)"', code) + re.findall(r"words\.(\w+)", pages))

        assert [key for key in words.catalogue("en") if key not in named] == []
        assert asked <= set(words.catalogue("en"))

    def test_fall_back_to_the_first_language_of_the_channel(self) -> None:
        assert words.chosen("sv", languages=["fi", "sv"]) == "sv"
        assert words.chosen("fr,en,sv", languages=["fi", "sv"]) == "sv"
        assert words.chosen("fr", languages=["fi", "sv"]) == "fi"
        assert words.chosen("en", languages=[]) == "en"


class TestPalette:
    def test_is_readable_whatever_the_brand_colour(self) -> None:
        for channels in product(range(0, 256, 51), repeat=3):
            palette = palette_of("#{:02x}{:02x}{:02x}".format(*channels))

            assert contrast(palette.ink, palette.fill) >= ENOUGH, palette
            assert min(contrast(palette.light, paper) for paper in LIGHT_PAPER) >= ENOUGH, palette
            assert min(contrast(palette.dark, paper) for paper in DARK_PAPER) >= ENOUGH, palette

    def test_leaves_a_readable_colour_alone(self) -> None:
        assert palette_of("#0B5CAD").fill == "#0b5cad"
        assert not palette_of("#0B5CAD").is_corrected

    def test_corrects_an_unreadable_one(self) -> None:
        palette = palette_of("#787878")

        assert palette.is_corrected
        assert palette.fill != "#787878"
