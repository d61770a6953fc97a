"""Answers as JSON, JSON lines and CSV."""

import csv
import io
import json
import math

from mldash.answers.rows import csv_text, json_bytes, jsonl_bytes


def test_json_says_null_for_what_it_has_no_number_for_or_a_string_where_asked() -> None:
    value = {"a": [math.nan, math.inf, -math.inf, 1.0], "b": {"c": math.nan}}
    assert json.loads(json_bytes(value)) == {"a": [None, None, None, 1.0], "b": {"c": None}}
    assert json.loads(json_bytes(value, "string")) == {"a": ["NaN", "Infinity", "-Infinity", 1.0], "b": {"c": "NaN"}}


def test_json_lines_end_with_a_newline_each() -> None:
    assert jsonl_bytes([{"a": 1}, {"b": math.nan}]) == b'{"a":1}\n{"b":null}\n'
    assert jsonl_bytes([{"a": math.inf}], "string") == b'{"a":"Infinity"}\n'
    assert jsonl_bytes([]) == b""


def test_csv_has_every_column_that_any_row_has() -> None:
    rows = [
        {"t": 1.0, "text": 'comma, "quote"\nline', "flag": True},
        {"t": math.nan, "list": [1, math.inf], "none": None, "raw": b"\x00"},
    ]
    parsed = list(csv.DictReader(io.StringIO(csv_text(rows, ("t",)))))
    assert list(parsed[0]) == ["t", "text", "flag", "list", "none", "raw"]
    assert parsed[0]["text"] == 'comma, "quote"\nline'
    assert parsed[0]["flag"] == "true"
    assert parsed[1]["t"] == "NaN"
    assert json.loads(parsed[1]["list"]) == [1, "Infinity"]
    assert parsed[1]["none"] == ""
    assert csv_text([], ("a", "b")) == "a,b\n"


def test_a_text_that_spreadsheets_would_run_as_a_formula_is_no_formula() -> None:
    """Also behind a semicolon, a tab or a line's end, and in a column's name; numbers are numbers."""
    texts = ["=1+1", "+1", "-1", "@a", "  =a", "a;=b", "a\n-b", "plain", "a=b", "\t=a"]
    rows = [{"=name": text, "number": -1.5, "whole": -2, "none": -math.inf, "list": ["=a", -1]} for text in texts]
    parsed = list(csv.DictReader(io.StringIO(csv_text(rows))))
    safe = ["'=1+1", "'+1", "'-1", "'@a", "'  =a", "a;'=b", "a\n'-b", "plain", "a=b", "'\t=a"]
    assert [one["'=name"] for one in parsed] == safe
    assert {(one["number"], one["whole"], one["none"], one["list"]) for one in parsed} == {
        ("-1.5", "-2", "-Infinity", '["=a",-1]')
    }
