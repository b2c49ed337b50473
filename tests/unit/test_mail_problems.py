"""What is said of a damaged mail: a closed set, and each stored sentence is found again."""

from __future__ import annotations

import re

import pytest

from mail_gateway.problems import Problem, Recognised, recognise


class TestRecognise:
    @pytest.mark.parametrize("problem", Problem)
    def test_finds_the_problem_and_its_figures(self, problem: Problem) -> None:
        figures = {name: f"{number} (x.)" for number, name in enumerate(re.findall(r"\{(\w+)\}", problem))}

        assert recognise(problem.filled(**figures)) == Recognised(problem, figures)

    def test_knows_no_other_sentence(self) -> None:
        assert recognise("machine mail: list-id") is None
