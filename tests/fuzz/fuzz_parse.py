"""Looks for bytes that the reader of mail cannot take: coverage-guided, without end. `make fuzz` runs it.

Starts from the mails of tests/mail. A finding is written to a file `crash-…` or `timeout-…`, whose path is printed:
copy it to tests/mail, named after its quirk, and mend what it shows.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

SEEDS = Path(__file__).parents[1] / "mail"
HOW_TO_INSTALL = "atheris is not installed: python3.11 -m venv fuzzing && fuzzing/bin/pip install atheris chardet"


def main(arguments: list[str]) -> int:
    """Fuzz until something is found; `arguments` are libFuzzer's, such as `-max_total_time=600`."""
    if find_spec("atheris") is None:
        sys.stderr.write(f"{HOW_TO_INSTALL}\nThen: make fuzz FUZZ_PYTHON=fuzzing/bin/python\n")
        return 2
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["mail_gateway"]):
        parse = import_module("mail_gateway.parse").parse
    complaints = import_module("tests.mail_properties").complaints

    def look_at(data: bytes) -> None:
        if found := complaints(data, parse(data)):
            raise AssertionError(found)

    found_here = mkdtemp(prefix="luotsi-fuzz-")
    limits = ["-max_len=20000", "-timeout=5", f"-artifact_prefix={found_here}/"]
    atheris.Setup([sys.argv[0], *limits, *arguments, found_here, str(SEEDS)], look_at)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
