"""A skip in CI is a failure: tried on a test suite of its own, in a process of its own."""

from __future__ import annotations

import inspect

import pytest

from tests import ci_plugin

pytest_plugins = ["pytester"]

SUITE = """
import pytest

def test_passes(): ...

def test_misses_its_server(): pytest.skip("no Dovecot here")

@pytest.mark.xfail(strict=True, reason="known")
def test_is_expected_to_fail(): assert False
"""

SKIPPED_MODULE = "import pytest\npytest.skip('no Chromium here', allow_module_level=True)\n"


def run(pytester: pytest.Pytester, suite: str) -> pytest.RunResult:
    pytester.makepyfile(suite)
    pytester.makeconftest(inspect.getsource(ci_plugin))
    return pytester.runpytest_subprocess("-p", "no:django", "-p", "no:cacheprovider", "-ra")


class TestSkips:
    def test_fail_in_ci_with_their_reason(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CI", "true")

        result = run(pytester, SUITE)

        result.assert_outcomes(passed=1, failed=1, xfailed=1)
        result.stdout.fnmatch_lines(["*FAILED*skipped in CI*no Dovecot here*"])

    def test_stay_skips_elsewhere(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CI", raising=False)

        result = run(pytester, SUITE)

        result.assert_outcomes(passed=1, skipped=1, xfailed=1)

    def test_of_a_whole_module_fail_in_ci(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CI", "true")

        result = run(pytester, SKIPPED_MODULE)

        assert result.ret != pytest.ExitCode.OK
        result.stdout.fnmatch_lines(["*module skipped in CI*no Chromium here*"])
