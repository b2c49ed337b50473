"""The list of crash points, held against the code."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpdesk.crash_points import POINTS, Target, UnknownPoint, read_target

ROOT = Path(__file__).resolve().parents[2]
_CALL = re.compile(r'\bcrash_point\("([^"]+)"\)')


class TestTheList:
    def test_names_every_place_in_the_code_once(self) -> None:
        sources = [path for room in ("helpdesk", "mail_gateway") for path in (ROOT / room).rglob("*.py")]
        found = [name for path in sources for name in _CALL.findall(path.read_text(encoding="utf-8"))]

        assert sorted(found) == sorted(POINTS)


class TestATarget:
    def test_is_the_first_visit_unless_it_says_otherwise(self) -> None:
        assert read_target("outbox.claimed") == Target("outbox.claimed", 1)
        assert read_target("outbox.claimed:3") == Target("outbox.claimed", 3)
        assert read_target("outbox.claimed:pause") == Target("outbox.claimed", is_pause=True)
        assert read_target("") is None

    @pytest.mark.parametrize("text", ["nowhere", "outbox.claimed:x", "outbox.claimed:0", "outbox.claimed:-1"])
    def test_that_is_none_is_refused_with_the_list(self, text: str) -> None:
        with pytest.raises(UnknownPoint, match=r"There are: smtp\.received, "):
            read_target(text)


class TestAPoint:
    @pytest.mark.parametrize(("visit", "said"), [(1, ["0"]), (2, ["0", "1"])])
    def test_ends_the_process_at_that_visit(self, visit: int, said: list[str]) -> None:
        code = (
            "from mail_gateway.crash_points import arm, crash_point\n"
            f"arm('here', visit={visit})\n"
            "for number in range(5):\n"
            "    print(number, flush=True)\n"
            "    crash_point('elsewhere')\n"
            "    crash_point('here')\n"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

        assert (done.returncode, done.stdout.split()) == (-9, said)
        assert done.stderr == "crash point here\n"
