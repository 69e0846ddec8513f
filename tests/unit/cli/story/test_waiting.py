"""Patience asks again until an answer is good, and gives up with the last one."""

from __future__ import annotations

from tests.fakes.told_stage import FakeTime


def test_a_good_first_answer_costs_no_time() -> None:
    time = FakeTime()
    assert time.patience().ask(lambda: 5, until=lambda answer: answer == 5) == 5
    assert time.seconds == 0


def test_the_first_good_answer_is_returned() -> None:
    time = FakeTime()
    answers = iter([1, 2, 3, 4])
    assert time.patience().ask(lambda: next(answers), until=lambda answer: answer > 2) == 3
    assert time.seconds == 2


def test_after_the_limit_the_last_answer_is_returned_as_it_is() -> None:
    time = FakeTime()
    asked: list[float] = []

    def ask() -> float:
        asked.append(time.seconds)
        return time.seconds

    assert time.patience(3.0).ask(ask, until=lambda _: False) == 3.0
    assert asked == [0, 1, 2, 3]


def test_even_without_time_one_question_is_asked() -> None:
    assert FakeTime().patience(0.0).ask(lambda: "once", until=lambda _: False) == "once"
