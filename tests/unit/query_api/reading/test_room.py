"""Room for the views of one answer."""

import pytest

from mldash_api.charts.room import Room
from mldash_api.errors import AnswerTooLarge


def test_a_view_counts_as_often_as_the_answer_shows_it() -> None:
    room = Room(10, [b"one", b"two", b"one"])
    room.take(b"one", 4)
    room.take(b"two", 2)
    with pytest.raises(AnswerTooLarge) as caught:
        room.take(b"two", 3)
    assert caught.value.count == 11


def test_a_view_that_is_begun_anew_counts_once() -> None:
    room = Room(10)
    for _ in range(3):
        room.take(b"one", 10)
    with pytest.raises(AnswerTooLarge):
        room.take(b"two", 1)
