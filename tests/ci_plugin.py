"""In CI nothing may be skipped: a test that is missing its server is a failure there, with the reason as its message.

CI=true (set by .ci/run) switches this on. Elsewhere a skip stays a skip, and `-ra` prints its reason.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest


def is_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}  # noqa: TID251 - the test run's own switch


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and is_ci() and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be skipped: {reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A whole module that skips itself while it is imported (`pytest.skip(allow_module_level=True)`)."""
    report = yield
    if report.skipped and is_ci():
        report.outcome = "failed"
        report.longrepr = f"module skipped in CI, where nothing may be skipped: {reason(report.longrepr)}"
    return report


def reason(longrepr: object) -> str:
    """The sentence of a skip: pytest keeps it as (file, line, 'Skipped: sentence')."""
    if isinstance(longrepr, tuple) and len(longrepr) == 3:
        return str(longrepr[2]).removeprefix("Skipped: ")
    return str(longrepr)
