"""What a fetch leaves out is read again, once; a gap that is the topic's own does not stop the partition."""

from aiokafka import TopicPartition

from mldash_ingest.fetch.positions import Positions

ONE, TWO = TopicPartition("t", 0), TopicPartition("t", 1)


def test_a_fetch_that_goes_on_where_the_last_one_ended_is_taken() -> None:
    positions = Positions()
    positions.begin({ONE: 5})
    assert positions.missing_from(ONE, 5) is None
    positions.advance(ONE, 9)
    assert positions.missing_from(ONE, 9) is None


def test_a_fetch_that_leaves_records_out_is_read_again_from_where_they_begin() -> None:
    positions = Positions()
    positions.begin({ONE: 5, TWO: 0})
    positions.advance(TWO, 3)
    assert positions.missing_from(ONE, 8) == 5
    assert positions.missing_from(TWO, 7) == 3


def test_a_gap_that_is_there_again_is_the_topics_own() -> None:
    positions = Positions()
    positions.begin({ONE: 5})
    assert positions.missing_from(ONE, 8) == 5
    assert positions.missing_from(ONE, 8) is None
    positions.advance(ONE, 9)
    assert positions.missing_from(ONE, 12) == 9


def test_nothing_is_missing_before_the_first_record_of_a_partition_whose_beginning_is_not_known() -> None:
    assert Positions().missing_from(ONE, 100) is None
