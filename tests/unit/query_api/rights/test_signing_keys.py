"""What is signed is believed for its purpose and its time, by whoever has the keys, and nothing else is."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mldash_api.rights.people.signing_keys import Purpose, SigningKeys, check_shared
from mldash_api.rights.refusals import SigningKeysUnusable
from mldash_api.settings import ApiSettings

OLD, NEW = "o" * 32, "n" * 44
FOR: Purpose = "mldash sign-in"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(keys: SigningKeys, text: str, purpose: Purpose = FOR, now: float = 50.0) -> dict[str, Any] | None:
    return keys.opened(purpose, text, now)


def test_what_was_signed_is_believed_until_it_ends_and_for_its_purpose_alone() -> None:
    keys = SigningKeys(NEW, None)
    text = keys.sign(FOR, {"id": "x"}, 60.0)
    assert opened(keys, text) == {"id": "x", "exp": 60.0}
    assert opened(keys, text, now=59.9) is not None
    assert opened(keys, text, now=60.0) is None
    assert opened(keys, text, "mldash oidc") is None


def test_the_first_key_signs_and_all_verify() -> None:
    by_old = SigningKeys(OLD, None).sign(FOR, {}, 60.0)
    rotated = SigningKeys(f"{NEW}, {OLD}", None)
    assert opened(rotated, by_old) is not None
    by_new = rotated.sign(FOR, {}, 60.0)
    assert opened(SigningKeys(NEW, None), by_new) is not None
    assert opened(SigningKeys(OLD, None), by_new) is None
    assert opened(SigningKeys(NEW, None), by_old) is None


@pytest.mark.parametrize(
    "head", [{"alg": "HS256", "crit": 1}, {"alg": []}, {"alg": {}}, {"alg": "HS256", "b64": 0}, [], "HS256", 1, None]
)
def test_a_head_of_other_types_is_believed_no_more_than_any_other(head: Any) -> None:
    text = base64.urlsafe_b64encode(json.dumps(head).encode()).rstrip(b"=").decode()
    assert opened(SigningKeys(NEW, None), f"{text}.e30.AAAA") is None


def test_two_processes_without_keys_do_not_believe_each_other() -> None:
    one, other = SigningKeys(None, None), SigningKeys(None, None)
    text = one.sign(FOR, {}, 60.0)
    assert (opened(one, text) is not None, opened(other, text)) == (True, None)
    assert (one.are_shared, SigningKeys(NEW, None).are_shared) == (False, True)


def _changed(text: str) -> Iterator[str]:
    """Every byte another one, and what forgers try."""
    for place, letter in enumerate(text):
        if letter != "." and place != len(text) - 1:  # the last letter has bits that say nothing
            yield text[:place] + ("A" if letter != "A" else "B") + text[place + 1 :]
    head, body, signature = text.split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": FOR}).encode()).decode().rstrip("=")
    yield from (f"{none}.{body}.", f"{none}.{body}.{signature}", f"{head}.{body}.", f"{head}.{body}", "", "..", "." * 9)
    yield "x" * 100_000


def test_what_was_changed_is_not_believed() -> None:
    keys = SigningKeys(NEW, None)
    for changed in _changed(keys.sign(FOR, {"id": "x"}, 60.0)):
        assert opened(keys, changed) is None, changed


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """Within a second; a file that can't be used leaves the keys that there are."""
    file, clock = tmp_path / "keys", Clock()
    file.write_text(f"{OLD}\n")
    keys = SigningKeys(None, str(file), clock)
    by_old = keys.sign(FOR, {}, 60.0)
    for content, clock.now in ((f"{NEW}\n{OLD}\n", 102.0), ("short\n", 104.0)):
        (tmp_path / "next").write_text(content)
        (tmp_path / "next").replace(file)
        assert opened(keys, by_old) is not None
        assert opened(SigningKeys(NEW, None), keys.sign(FOR, {}, 60.0)) is not None
    file.unlink()
    clock.now = 106.0
    assert opened(keys, by_old) is not None
    file.write_text(f"{NEW}\n")
    clock.now = 108.0
    assert opened(keys, by_old) is None


@pytest.mark.parametrize("content", ["", "\n , \n", "too short", b"\xff" * 40])
def test_a_file_without_a_good_key_is_refused_without_quoting_it(tmp_path: Path, content: str | bytes) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SigningKeysUnusable, match=r"keys can't be used") as told:
        SigningKeys(None, str(file))
    assert "too short" not in str(told.value) and os.fspath(file) in str(told.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SigningKeysUnusable, match="No such file"):
        SigningKeys(None, str(tmp_path / "none"))


def test_many_processes_whose_people_sign_in_need_the_same_keys(tmp_path: Path) -> None:
    def settings(**more: Any) -> ApiSettings:
        return ApiSettings(kafka="k:1", mongo="mongodb://m", **more)

    guarded: list[dict[str, Any]] = [{"auth": "tokens"}, {"private_token_file": "t"}]
    for more in guarded:
        with pytest.raises(SigningKeysUnusable, match="4 API processes need the same ones: put `openssl rand"):
            check_shared(settings(**more), 4)
        check_shared(settings(**more, signing_keys=NEW), 4)
        check_shared(settings(**more, signing_keys_file=str(tmp_path)), 4)
    open_ones: list[dict[str, Any]] = [{}, {"auth": "open"}]
    for more in open_ones:
        check_shared(settings(**more), 4)
