"""`mldash view` over a folder in which one run can't be read: all others are shown as ever."""

from pathlib import Path

import httpx

from mldash import Experiment
from tests.viewing import viewing

WITHIN_S = 60.0
BAD, GOOD = "o/p/bad", "o/p/good"
BOTH = [BAD, GOOD]


def test_one_run_that_is_damaged_takes_no_list_down_and_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    for prefix in BOTH:
        with Experiment(prefix, root=str(tmp_path), echo=False).run as run:
            run.params.set(seed=1)
            run.metrics("train").log_many(loss=[1.0, 2.0])
    (tmp_path / BAD / ".state" / "acknowledged").write_bytes(b"")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "experiment.json").write_text('{"prefix": 5}')
    with viewing(tmp_path) as served:
        headers = {"Authorization": f"Bearer {served.token}"}
        with httpx.Client(base_url=served.address, headers=headers, trust_env=False, timeout=WITHIN_S) as client:
            for path, query, shown in (
                ("experiments", {}, lambda answer: [one["prefix"] for one in answer["experiments"]]),
                (
                    "experiments",
                    {"fields": ["status"]},
                    lambda answer: [one["prefix"] for one in answer["experiments"]],
                ),
                ("experiments", {"group": ["status"]}, lambda answer: [GOOD] * answer["count"]),
                ("fields", {}, lambda answer: [GOOD] * max(one["runs"] for one in answer["fields"])),
                ("compare", {"prefixes": BOTH}, lambda answer: [BOTH[1 - at] for at in answer["absent"]]),
                (
                    "metrics/views",
                    {"prefixes": BOTH, "name": "train"},
                    lambda answer: [one["prefix"] for one in answer["views"] if one["view"]["fields"]],
                ),
                ("metrics/grid", {"prefixes": BOTH, "name": "train"}, lambda _: [GOOD]),
            ):
                for _ in range(2):
                    answer = client.get(f"/v1/{path}", params=query)
                    assert answer.status_code == 200, answer.text
                    assert shown(answer.json()) == [GOOD], path
            for path, asked in (
                ("experiment", {"prefix": [BAD]}),
                ("metrics", {"prefix": [BAD]}),
                ("metrics/grid", {"prefixes": [BAD], "name": ["train"]}),
            ):
                refused = client.get(f"/v1/{path}", params=asked)
                problem = refused.json()
                assert (refused.status_code, problem["type"]) == (500, "run-damaged")
                assert BAD in problem["detail"] and "acknowledged" in problem["detail"]
        code, said = served.end()
    assert (code, said.count(f"{BAD} can't be read"), said.count("odd is left out")) == (0, 1, 1)
    assert "Traceback" not in said
