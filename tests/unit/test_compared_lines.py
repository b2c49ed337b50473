"""Two texts side by side: what differs is shown, with a little around it, whatever the texts are."""

import time

from helpdesk.intake.compared_lines import MAX_LINES, Row, compared, lines_of

GAP = Row(None, None)


class TestCompared:
    def test_says_nothing_of_equal_texts(self) -> None:
        assert list(compared("a\nb", "a\nb")) == []

    def test_puts_what_was_beside_what_is(self) -> None:
        assert list(compared("one\ntwo\nthree", "one\nTWO\nthree")) == [
            Row("one", "one"),
            Row("two", "TWO"),
            Row("three", "three"),
        ]

    def test_leaves_a_side_empty_where_the_other_has_a_line_more(self) -> None:
        assert list(compared("one", "one\ntwo")) == [Row("one", "one"), Row(None, "two")]
        assert list(compared("one", "")) == [Row("one", None)]

    def test_shows_only_the_neighbourhood_of_a_change_and_marks_what_is_left_out(self) -> None:
        before = [str(number) for number in range(40)]
        after = [*before[:10], "ten", *before[11:30], "thirty", *before[31:]]

        rows = list(compared("\n".join(before), "\n".join(after)))

        assert [row for row in rows if row.is_changed] == [Row("10", "ten"), Row("30", "thirty")]
        assert rows.count(GAP) == 3
        assert rows[0] == rows[-1] == GAP
        assert len(rows) == 2 * (1 + 2 + 2) + 3

    def test_finds_a_change_behind_a_long_text_that_is_the_same(self) -> None:
        long = "\n".join(str(number) for number in range(100_000))

        assert [row for row in compared(f"{long}\nold", f"{long}\nnew") if row.is_changed] == [Row("old", "new")]

    def test_is_done_in_bounded_time_with_texts_that_have_nothing_in_common(self) -> None:
        begun = time.process_time()
        rows = list(compared("a\nb\n" * 250_000, "b\nc\n" * 250_000))

        assert time.process_time() - begun < 10
        assert len(rows) <= 2 * MAX_LINES + 1

    def test_breaks_html_between_its_tags_and_long_lines_into_pieces(self) -> None:
        assert lines_of("<p>one</p><p>two</p>") == ["<p>one</p>", "<p>two</p>"]
        assert [len(line) for line in lines_of("x" * 900)] == [400, 400, 100]
        assert lines_of("") == []
        assert lines_of("a\n\nb") == ["a", "", "b"]
