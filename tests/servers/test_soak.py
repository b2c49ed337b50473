"""A taste of `make soak`: a few seconds of random kills."""

from pathlib import Path

from tests.servers.soak import soak


class TestADeskThatIsKilledAtRandom:
    def test_keeps_every_confirmed_mail_once(self, tmp_path: Path) -> None:
        result = soak(tmp_path, seconds=5, seed=20261122)

        assert result.kills >= 1
        assert result.confirmed >= 1
        assert result.is_good(), result
