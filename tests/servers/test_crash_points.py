"""The desk is killed at places that have a name, one life after another on the same data, with real servers around.

Nearly all the time goes into starting the desk, so the suite visits the telling ones of each stage; `make crash` visits
all, and CI does. `helpdesk/crash_points.py` is the list: a new point is visited, or fails for want of a case that comes
to it.
"""

import re
from collections.abc import Iterator
from itertools import chain, zip_longest
from pathlib import Path

import pytest

from helpdesk.crash_points import POINTS
from tests.servers.crash_matrix import IN_DOUBT, OUT, USER, Case, Matrix
from tests.servers.desk_process import desk, until
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.smtp_server import serve

_OUTGOING = tuple(name for name in POINTS if name.startswith(("outbox.", "send.")))
_FOLDER = tuple(name for name in POINTS if name.startswith("folder."))
#: Only where imported mail is moved or deleted: tests/servers/test_desk_imap.py.
_CLEARING = ("imap.cleared",)
#: Where a target is missed, and where a rule has waited: tests/flows/test_escalation.py and test_rule_timers.py.
_SERVICE = ("service.announced", "rules.waited")
_WORK = {"imap": "imap", "reply": "reply", "timers": ""}
#: Each point by the work that comes to it; what leaves does so as an acknowledgement and as a person's answer.
INCOMING = [
    Case(name, _WORK.get(name.partition(".")[0], "smtp"))
    for name in POINTS
    if name not in (*_OUTGOING, *_FOLDER, *_CLEARING, *_SERVICE)
]
OUTGOING = [Case(name, work) for name in _OUTGOING for work in ("smtp", "reply")]
# Alternating, so that no mail comes to its third crash, after which it would rest in quarantine.
ALL = [case for case in chain.from_iterable(zip_longest(INCOMING, OUTGOING)) if case]
TELLING = {
    "smtp.stored", "imap.taken", "imap.cleared", "blob.unnamed", "accept.uncommitted", "intake.claimed", "reader.begun",
    "process.uncommitted", "live.publishing", "reply.committed", "outbox.begun", "outbox.handed-over", "send.after-dot",
    "timers.swept",
}  # fmt: skip


def cases_of(config: pytest.Config) -> list[Case]:
    """What is visited in this run."""
    return [case for case in ALL if config.getoption("every_crash_point") or case.point in TELLING]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", cases_of(metafunc.config), ids=lambda case: f"{case.point}-{case.work}")


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory, dovecot: Dovecot, pytestconfig: pytest.Config) -> Iterator[Matrix]:
    """All points but the folder's, visited; the desk runs on."""
    folder = tmp_path_factory.mktemp("matrix")
    account = f"imap+plain://{USER}:{PASSWORD}@127.0.0.1:{dovecot.port}"
    with (
        serve() as sink,
        desk(
            folder,
            LUOTSI_IMAP_URL=account,
            LUOTSI_SMTP_URL=f"smtp+plain://127.0.0.1:{sink.port}",
            LUOTSI_UNDO_SECONDS="0",
        ) as running,
    ):
        made = Matrix(running, dovecot, sink)
        made.begin()
        for case in cases_of(pytestconfig):
            made.visit(case)
        made.end()
        yield made


class TestADeskThatIsKilledAtEveryPoint:
    def test_comes_to_it(self, matrix: Matrix, case: Case) -> None:
        assert case in matrix.reached

    def test_makes_one_message_of_every_mail(self, matrix: Matrix) -> None:
        subjects = matrix.desk.rows("SELECT subject FROM helpdesk_message WHERE kind = 'customer' ORDER BY id")

        assert sorted(subjects) == sorted((f"Enquiry {number}",) for number in range(1, matrix.customers + 1))
        assert matrix.desk.count("ticket") == matrix.customers
        assert matrix.desk.count("inboundevent") == matrix.customers

    def test_clears_the_mailbox_of_what_it_has(self, matrix: Matrix, dovecot: Dovecot) -> None:
        until(lambda: dovecot.mails(USER) == 0)

    def test_sends_no_acknowledgement_twice_and_leaves_out_only_what_was_in_doubt(self, matrix: Matrix) -> None:
        sent = [matrix.sent_to(number) for number in range(1, matrix.customers + 1)]
        in_doubt = [case for case in matrix.reached if case.point in IN_DOUBT and case.work == "smtp"]
        out = [case for case in in_doubt if case.point in OUT]

        assert set(sent) <= {0, 1}
        assert sent.count(0) == len(in_doubt) - len(out)
        assert matrix.desk.count("delivery", "state = 'unknown' AND is_automatic") == len(in_doubt)

    def test_sends_every_answer_and_those_in_doubt_once_more_under_the_same_name(self, matrix: Matrix) -> None:
        copies = [matrix.copies_of(number) for number in matrix.answers]
        out = [case for case in matrix.reached if case.point in OUT and case.work == "reply"]

        assert {len(each) for each in copies} == {1, 2}
        assert sum(len(each) == 2 for each in copies) == len(out)
        assert all(len(set(each)) == 1 for each in copies)
        assert matrix.desk.count("delivery", "state <> 'sent' AND NOT is_automatic") == 0
        assert matrix.desk.count("message", "kind = 'reply'") == len(matrix.answers)

    def test_leaves_nothing_unexplained(self, matrix: Matrix) -> None:
        done = matrix.desk.manage("check_invariants", "--blobs")

        assert done.stdout.strip().splitlines()[-1] == "0 unexplained", done.stdout
        assert done.returncode == 0

    def test_leaves_no_unfinished_file(self, matrix: Matrix) -> None:
        names = [path.name for path in (matrix.desk.data / "blobs").rglob("*") if path.is_file()]

        assert [name for name in names if not re.fullmatch("[0-9a-f]{64}", name)] == []


class TestADeskThatIsKilledOverItsFolder:
    @pytest.mark.parametrize("point", _FOLDER)
    def test_leaves_one_whole_file_a_mail(self, tmp_path: Path, point: str) -> None:
        case = Case(point, "smtp")
        with desk(tmp_path) as running:
            matrix = Matrix(running, None, None)
            matrix.visit(case)
            matrix.end()
            names = sorted(path.name for path in (tmp_path / "outgoing").iterdir())

        assert matrix.reached == [case]
        assert [re.sub(r"^\w+-", "", name) for name in names] == ["00000001.eml"]
