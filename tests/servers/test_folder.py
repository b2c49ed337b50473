"""Mail into a folder of a real disk."""

import stat
from pathlib import Path

import pytest

from mail_gateway.errors import Permanent, Temporary
from mail_gateway.folder import Folder

RAW = b"From: b@luotsi.example\r\nTo: ann@customer.example\r\nSubject: Hello\r\n\r\nHello\r\n"


def put(folder: Folder, name: str = "1.eml", *, recipient: str = "ann@customer.example", raw: bytes = RAW) -> None:
    folder.put(name=name, mail_from="b@luotsi.example", recipients=[recipient], raw=raw)


class TestAMailInTheFolder:
    def test_has_the_envelope_above_it(self, tmp_path: Path) -> None:
        with Folder(tmp_path / "outgoing") as folder:
            put(folder)
            folder.flush()

        expected = b"Return-Path: <b@luotsi.example>\r\nDelivered-To: ann@customer.example\r\n" + RAW
        assert (tmp_path / "outgoing" / "1.eml").read_bytes() == expected

    def test_is_for_the_owner_alone(self, tmp_path: Path) -> None:
        with Folder(tmp_path / "outgoing") as folder:
            put(folder)
            folder.flush()

        assert stat.S_IMODE((tmp_path / "outgoing" / "1.eml").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "outgoing").stat().st_mode) == 0o700

    def test_is_one_file_however_often_it_is_put(self, tmp_path: Path) -> None:
        with Folder(tmp_path) as folder:
            put(folder, raw=b"first")
            put(folder, raw=b"second")
            folder.flush()
            put(folder, raw=b"third")
            folder.flush()

        [file] = tmp_path.iterdir()
        assert file.read_bytes().endswith(b"third")

    def test_is_out_of_sight_until_it_is_flushed(self, tmp_path: Path) -> None:
        with Folder(tmp_path) as folder:
            put(folder)
            assert list(tmp_path.glob("*.eml")) == []

        assert list(tmp_path.iterdir()) == []


class TestManyMails:
    def test_become_visible_together(self, tmp_path: Path) -> None:
        names = [f"{number:02}.eml" for number in range(50)]
        with Folder(tmp_path) as folder:
            for name in names:
                put(folder, name)
            folder.flush()

        assert sorted(path.name for path in tmp_path.iterdir()) == names

    def test_of_which_one_is_refused_leave_the_others(self, tmp_path: Path) -> None:
        with Folder(tmp_path) as folder:
            put(folder, "1.eml")
            with pytest.raises(Permanent):
                put(folder, "2.eml", recipient="a@b>\r\nBcc: x")
            folder.flush()

        assert [path.name for path in tmp_path.iterdir()] == ["1.eml"]


class TestADiskThatRefuses:
    def test_is_temporary(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")

        with pytest.raises(Temporary, match="could not be written"), Folder(tmp_path / "file" / "outgoing"):
            pytest.fail("there is no such folder")

    def test_in_the_middle_counts_for_that_mail(self, tmp_path: Path) -> None:
        with Folder(tmp_path) as folder:
            put(folder, "1.eml")
            with pytest.raises(Temporary, match="could not be written"):
                put(folder, "too-long-a-name-" * 20)
            folder.flush()

        assert [path.name for path in tmp_path.iterdir()] == ["1.eml"]

    def test_at_the_end_counts_for_all(self, tmp_path: Path) -> None:
        with Folder(tmp_path) as folder:
            put(folder, "1.eml")
            put(folder, "2.eml")
            (tmp_path / "1.eml").mkdir()  # a folder can't be replaced by a file
            with pytest.raises(Temporary, match="could not be written"):
                folder.flush()

        assert [path.name for path in tmp_path.iterdir()] == ["1.eml"]
