"""Turns at a database file are given in the order in which they were asked for."""

import threading

from helpdesk.sqlite.turns import Turns
from tests.servers.desk_process import until

PATIENCE_S = 60.0


class TestTurns:
    def test_come_in_the_order_of_asking(self) -> None:
        turns, order = Turns(), list[int]()
        threads = [threading.Thread(target=_work, args=(turns, order, number)) for number in range(5)]
        assert turns.take(timeout_s=0)

        for thread in threads:
            before = turns.waiting
            thread.start()
            until(lambda: turns.waiting > before)  # noqa: B023  # asked before the next round
        turns.pass_on()
        for thread in threads:
            thread.join(PATIENCE_S)

        assert order == [0, 1, 2, 3, 4]
        assert turns.take(timeout_s=0)

    def test_who_gives_up_is_passed_over(self) -> None:
        turns = Turns()
        assert turns.take(timeout_s=0)

        assert not turns.take(timeout_s=0.001)

        turns.pass_on()
        assert turns.waiting == 0
        assert turns.take(timeout_s=0)


def _work(turns: Turns, order: list[int], number: int) -> None:
    assert turns.take(timeout_s=PATIENCE_S)
    order.append(number)
    turns.pass_on()
