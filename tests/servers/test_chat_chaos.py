"""A taste of `make chaos`: a few clients, a bad line, one kill -9 in the middle of it."""

import json
import subprocess
import sys

from tests.databases import ROOT


class TestChatsOverABadLine:
    def test_lose_nothing_double_nothing_and_end_with_one_order(self) -> None:
        size = ["--visitors", "9", "--agents", "3", "--messages", "300", "--kills", "1"]
        # How soon a gap is healed is what `make chaos` measures; here other tests run beside it.
        size += ["--healed-within", "60"]
        run = subprocess.run(
            [sys.executable, "-m", "tests.servers.chat_chaos", *size],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=2_400,
            check=False,
        )

        assert run.returncode == 0, run.stdout + run.stderr
        result = json.loads(run.stdout)
        assert (result["acknowledged"], result["kills"]) == (300, 1)
        assert min(result["cuts"], result["doubled"]) > 0
