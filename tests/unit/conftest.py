"""Property tests are quick by default; `--hypothesis-profile=long` looks for an hour."""

from hypothesis import settings

settings.register_profile("long", max_examples=20_000)
