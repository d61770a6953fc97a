"""Every error is a problem with a type of its own, and survives pickling."""

import pickle

import pytest

from mldash_api import errors
from mldash_api.errors import ApiError

EVERY = [
    errors.PortTaken("127.0.0.1", 8700, "Address already in use"),
    errors.TokenFileUnusable("/f/token", "it holds no token"),
    errors.CertificateUnusable("a.crt with a.key", "KEY_VALUES_MISMATCH"),
    errors.RequestRefused("a page of https://evil.example sent it"),
    errors.NotSignedIn("no token was sent", False),
    errors.NotAllowed("alice", "write", "o/p/r"),
    errors.WrongParameter("limit", "-1 is not between 0 and 5"),
    errors.TooManyRequests(100.0, 0.5),
    errors.SearchTooLong(1_000_000, 20.0),
    errors.NotFound("metric", None),
    errors.NotAcceptable("text/html", ["application/json"]),
    errors.AnswerTooLarge(11, 10, "ask for less"),
    errors.NotYetStored([("metrics", None, 3), ("logs", "", 1)], 1.5),
    errors.ExperimentDeleted("o/p/r", "ab" * 16),
    errors.ServerAway("S3", "S3 does not answer"),
    errors.TopicsMissing(["mldash.metrics"]),
    errors.ReadOvertaken("metrics 'a' of o/p/r", 9),
    errors.ChainHasGap("metrics 'a' of o/p/r", 7),
    errors.DamagedRange("metrics 'a' of o/p/r", 0, 10_000, "key", "it is gone"),
]


# No request is answered by these.
AT_THE_START = (errors.PortTaken, errors.TokenFileUnusable, errors.CertificateUnusable)


@pytest.mark.parametrize("error", EVERY, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_and_says_what_it_knows(error: ApiError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.members()) == (str(error), error.members())
    assert str(error)


def test_every_error_is_here_and_each_problem_has_one_type() -> None:
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, ApiError)]
    assert {type(error) for error in EVERY} == {*classes} - {ApiError}
    types = [one.type for one in classes if one.type != "about:blank"]
    assert len(set(types)) == len(types) == len(EVERY) - len(AT_THE_START)


def test_what_is_missing_is_named_but_not_without_end() -> None:
    assert str(errors.NotYetStored([("metrics", "loss", 3), ("logs", "", 1)], 10)) == (
        "after 10 s not stored yet: 3 of metrics loss, 1 of logs"
    )
    assert str(errors.NotYetStored([("metrics", f"m{n}", 1) for n in range(30)], 1)).endswith("and 20 streams more")
