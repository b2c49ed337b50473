"""Files named by their content."""

from pathlib import Path

import pytest
from django.conf import settings

from helpdesk import blobs


class TestPut:
    def test_gives_back_what_was_put_under_the_hash_of_it(self) -> None:
        key = blobs.put(b"hello")

        assert key == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        assert blobs.get(key) == b"hello"

    def test_stores_the_same_bytes_once(self) -> None:
        first, second = blobs.put(b"same"), blobs.put(b"same")

        assert first == second
        assert len(list(blobs.path_of(first).parent.iterdir())) == 1

    def test_leaves_nothing_unfinished(self) -> None:
        blobs.put(b"done")

        assert list((Path(settings.BLOB_DIR) / blobs.UNFINISHED).iterdir()) == []


class TestPathOf:
    @pytest.mark.parametrize("key", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 63 + "/"])
    def test_takes_nothing_but_a_key(self, key: str) -> None:
        with pytest.raises(ValueError, match="not a blob key"):
            blobs.path_of(key)


class TestGet:
    def test_says_when_there_is_none(self) -> None:
        with pytest.raises(FileNotFoundError):
            blobs.get("0" * 64)
