"""Times as people have them: in a zone of their own, without one, and on the days when the clock is set."""

import math
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from mldash.events.moments import checked_moment, checked_time, seconds_of, seconds_of_all
from mldash.handles.bulk_columns import entry_times, pack_times
from mldash.handles.timestamps import Timestamps
from mldash.handles.values import plain
from tests.unit.producer.direct import DirectExperiment

NAIVE = datetime(2026, 7, 1, 12, 30, 0, 250_000)
NEW_YORK = timezone(timedelta(hours=-4))
MOMENT = NAIVE.replace(tzinfo=NEW_YORK).timestamp()


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process in another time zone than UTC."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("new_york")
def test_a_datetime_without_a_zone_is_local_time_as_a_value_and_as_a_time() -> None:
    assert plain(NAIVE, "x") == "2026-07-01T12:30:00.250000-04:00"
    assert plain([{"at": NAIVE}], "x") == [{"at": "2026-07-01T12:30:00.250000-04:00"}]
    assert seconds_of(NAIVE) == MOMENT
    assert Timestamps().given(NAIVE, 0.0) == MOMENT
    assert Timestamps().given_of_entry(NAIVE) == MOMENT
    assert checked_moment(NAIVE, "start") == MOMENT
    assert plain(NAIVE.replace(tzinfo=UTC), "x") == "2026-07-01T12:30:00.250000+00:00"
    assert checked_moment("2026-07-01T12:30:00.250", "start") == MOMENT
    assert checked_moment("2026-07-01T16:30:00.250Z", "start") == MOMENT


@pytest.mark.usefixtures("new_york")
def test_a_date_is_its_first_moment_in_local_time_and_as_a_value_a_date() -> None:
    assert plain(date(2026, 7, 1), "x") == "2026-07-01"
    assert checked_moment(date(2026, 7, 1), "start") == datetime(2026, 7, 1, 4, tzinfo=UTC).timestamp()
    assert checked_moment("2026-07-01", "start") == datetime(2026, 7, 1, 4, tzinfo=UTC).timestamp()


@pytest.mark.usefixtures("berlin")
def test_fold_tells_the_two_hours_apart_when_the_clock_is_set_back_and_a_gap_is_passed() -> None:
    """Berlin, 25 October 2026: 02:30 comes twice; 29 March 2026: 02:30 does not come."""
    first, second = datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 2, 30, fold=1)
    assert plain(first, "x") == "2026-10-25T02:30:00+02:00"
    assert plain(second, "x") == "2026-10-25T02:30:00+01:00"
    assert Timestamps().given(second, 0.0) - Timestamps().given(first, 0.0) == 3600.0
    skipped = datetime(2026, 3, 29, 2, 30)
    assert datetime.fromisoformat(plain(skipped, "x")).timestamp() == seconds_of(skipped) == skipped.timestamp()


@pytest.mark.usefixtures("new_york")
def test_what_numpy_holds_without_a_zone_is_utc() -> None:
    utc = datetime(2026, 7, 1, 12, 30, tzinfo=UTC).timestamp()
    for unit in ("m", "s", "ms", "us", "ns"):
        found = np.datetime64("2026-07-01T12:30", unit)
        assert plain(found, "x").endswith("+00:00")
        assert datetime.fromisoformat(plain(found, "x").replace("000000000+", "000000+")).timestamp() == utc
        assert seconds_of(found) == checked_moment(found, "start") == Timestamps().given(found, 0.0) == utc
    assert plain(np.datetime64("2026-07-01"), "x") == "2026-07-01"
    assert plain(np.datetime64("NaT", "s"), "x") is None
    assert plain(np.array([["2026-07-01T12:30", "NaT"]], dtype="M8[s]"), "x") == [["2026-07-01T12:30:00+00:00", None]]
    assert plain(np.array([1, "NaT"], dtype="m8[s]"), "x") == [1.0, None]


@pytest.mark.usefixtures("new_york")
def test_a_column_of_times_becomes_the_seconds_that_each_of_them_is() -> None:
    stamps = [NAIVE + timedelta(microseconds=one) for one in range(0, 1_000_000, 37_003)]
    wanted = np.array([one.timestamp() for one in stamps])
    assert np.frombuffer(entry_times(pack_times(stamps))).tolist() == wanted.tolist()
    utc = [datetime(2026, 7, 1, 12, 30, tzinfo=UTC) + (one - NAIVE) for one in stamps]
    for unit in ("us", "ns"):
        column = np.array([one.replace(tzinfo=None) for one in utc], dtype=f"M8[{unit}]")
        assert np.frombuffer(entry_times(pack_times(column))).tolist() == [one.timestamp() for one in utc]
    with pytest.raises(ValueError, match="_ts must be numeric"):
        entry_times(pack_times(np.array(["NaT"], dtype="M8[s]")))
    assert math.isnan(seconds_of_all(np.array(["NaT"], dtype="M8[D]"))[0])


@pytest.mark.usefixtures("new_york")
def test_pandas_times_without_a_zone_are_utc_alone_and_in_columns() -> None:
    pandas = pytest.importorskip("pandas")
    naive = pandas.Timestamp("2026-07-01T12:30")
    utc = datetime(2026, 7, 1, 12, 30, tzinfo=UTC).timestamp()
    assert plain(naive, "x") == "2026-07-01T12:30:00+00:00"
    assert seconds_of(naive) == checked_moment(naive, "start") == Timestamps().given(naive, 0.0) == utc
    for column in (pandas.Series([naive]), pandas.Series([naive]).dt.tz_localize("UTC"), pandas.DatetimeIndex([naive])):
        assert np.frombuffer(entry_times(pack_times(column))).tolist() == [utc]
    for absent in (pandas.NaT, pandas.NA):
        assert plain(absent, "x") is None
        with pytest.raises(ValueError, match="_ts must be numeric"):
            Timestamps().given(absent, 0.0)


@pytest.mark.parametrize("wrong", [math.nan, "yesterday", b"1", True, [1.0], object(), np.datetime64("NaT", "s"), 1j])
def test_what_is_no_time_is_refused_by_the_name_of_the_argument(wrong: Any) -> None:
    with pytest.raises(ValueError, match="start must be seconds"):
        checked_moment(wrong, "start")


def test_a_bound_may_be_infinite_and_a_time_may_not() -> None:
    assert checked_moment(math.inf, "start") == checked_moment(10**400, "start") == math.inf
    assert checked_moment(-(10**400), "start") == -math.inf
    assert checked_moment(None, "start") is None
    assert checked_time(np.float32(0.5), "at") == 0.5
    for wrong in (math.inf, None, 10**400):
        with pytest.raises(ValueError, match="at must be a finite time"):
            checked_time(wrong, "at")


@pytest.mark.parametrize("sentinel", [datetime.min, datetime.max])
def test_a_datetime_that_has_no_local_time_is_stored_as_it_stands(sentinel: datetime) -> None:
    assert plain(sentinel, "x").startswith(sentinel.isoformat())


@pytest.mark.usefixtures("new_york")
def test_every_call_that_takes_a_time_takes_a_datetime_without_a_zone_as_local(direct: DirectExperiment) -> None:
    later = NAIVE + timedelta(hours=1)
    direct.tracks("t").append(_ts=NAIVE, x=1).append_many(_ts=[later], x=[2])
    direct.metrics("m").log(_ts=NAIVE, x=1).log_many(_ts=later, x=[2]).log_many(_ts=[later], x=[3])
    direct.metrics.log(_ts=NAIVE, x=1)
    entries = [{"timestamp": MOMENT, "x": 1}, {"timestamp": MOMENT + 3600, "x": 2}]
    track = direct.tracks("t")
    assert track.list_entries() == entries
    assert track.read(end_timestamp=NAIVE)["entries"] == list(track.slice(None, NAIVE)) == entries[:1]
    assert track.read(start_timestamp=later.isoformat())["entries"] == entries[1:]
    assert track.at(NAIVE) == track.at([NAIVE])[0] == track.at(NAIVE.isoformat()) == entries[0]
    assert track.slice().find_by_time(later) == track.slice().find_by_time([later])[0] == entries[1]
    assert [one["timestamp"] for one in track.resampled(1 / 3600, NAIVE, later)] == [MOMENT, MOMENT + 3600]
    stamps = [point["data"]["_ts"] for point in direct.metrics("m").read()["data"]]
    assert stamps == [MOMENT, MOMENT + 3600, MOMENT + 3600]
    assert direct.metrics(None).read()["data"][0]["data"]["_ts"] == MOMENT
    assert direct.metrics("m").view(x="time", end=NAIVE)["totalPoints"] == 1
    direct.logs.info("now")
    now = datetime.now()
    assert direct.logs.read(start=now - timedelta(minutes=1), end=now + timedelta(minutes=1))
    assert direct.logs.read(start=now + timedelta(minutes=1)) == []
