"""What the SDK asks for in one request the API answers, in time."""

from mldash.answers.limits import MOST_ENTRIES, PAGE_POINTS
from mldash.remote import own_writes, reader, transport
from mldash_api import limits
from mldash_api.settings import ApiSettings

SETTINGS = ApiSettings(kafka="127.0.0.1:1", mongo="mongodb://127.0.0.1:1")


def test_the_sdk_never_asks_for_more_than_the_api_allows() -> None:
    assert reader.MOST_TIMES <= limits.MOST_TIMES
    assert own_writes.MOST_STREAMS <= limits.MOST_WRITTEN_STREAMS
    assert SETTINGS.read_limit >= PAGE_POINTS
    assert reader.PAGE_ENTRIES <= SETTINGS.entries_limit == MOST_ENTRIES


def test_the_api_says_why_kafka_or_a_store_is_away_before_the_sdk_gives_up() -> None:
    assert max(limits.KAFKA_TIMEOUT_S, limits.READY_TIMEOUT_S) < transport.ANSWER_TIMEOUT_S
