"""Where `make test-platforms` has put the servers."""

import os
from pathlib import Path

_DEFAULT = Path(__file__).parents[2] / ".cache" / "platforms"
PLATFORMS = Path(os.environ.get("LUOTSI_PLATFORMS") or _DEFAULT)  # noqa: TID251 - the test run's own setting
