import json

import numpy as np
import pandas as pd
import pytest

from opskit import OpskitError, reports
from opskit.reports import display, numbers

ROW = {"name": "Repeat rate", "value": 0.25, "low": 0.2, "high": 0.31, "n": 400, "unit": "share"}


@pytest.fixture
def shown():
    """What a notebook would store for a frame."""

    def show(*rows):
        checked = display._rows(pd.DataFrame([ROW | row for row in rows]))
        return display._Headline(checked)._repr_mimebundle_() | display._stored(checked)

    return show


def test_the_table_is_an_output_of_its_own_so_that_jupyterlab_shows_it():
    rows = display._rows(pd.DataFrame([ROW]))
    assert set(display._Headline(rows)._repr_mimebundle_()) == {"text/html", "text/plain"}
    assert set(display._stored(rows)) == {"application/json"}


def test_html_text_and_json_say_the_same(shown):
    data = shown({})
    assert data["application/json"] == {"headline": [ROW]}
    assert "25%" in data["text/html"]
    assert "25%" in data["text/plain"]


def test_stored_numbers_have_six_digits_and_whole_numbers_stay_whole(shown):
    stored = shown(
        {"value": 0.123456789, "low": 0.1, "high": 0.2},
        {"name": "Customers", "value": 1234567.0, "low": np.nan, "high": np.nan, "n": 1234567, "unit": ""},
        {"name": "Revenue", "value": 1234567.89, "low": np.nan, "high": np.nan, "unit": "CNY"},
    )["application/json"]["headline"]
    assert [row["value"] for row in stored] == [0.123457, 1234567, 1234570]
    assert stored[1]["n"] == 1234567


@pytest.mark.parametrize("noise", [1e-12, -1e-12, 3e-11])
def test_the_last_bits_of_a_parallel_sum_do_not_change_what_is_stored(shown, noise):
    exact = {"value": 9876543.21, "low": 9.7e6, "high": 1.01e7}
    assert shown(exact) == shown(exact | {"value": 9876543.21 * (1 + noise)})


def test_what_is_not_observable_is_null_and_a_dash(shown):
    data = shown({"value": np.nan, "low": np.nan, "high": np.nan, "n": 0})
    stored = data["application/json"]["headline"][0]
    assert (stored["value"], stored["low"], stored["high"]) == (None, None, None)
    assert "NaN" not in json.dumps(stored)
    assert f"<strong>{numbers.NOT_YET}</strong>" in data["text/html"]


def test_a_name_from_the_data_cannot_open_a_tag(shown):
    html = shown({"name": "<script>alert(1)</script>"})["text/html"]
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": -1}, "n of headline 'Repeat rate' == -1.0, must be a whole number >= 0."),
        ({"n": np.nan}, "n of headline 'Repeat rate' == nan, must be a whole number >= 0."),
        ({"low": 0.3, "high": 0.4}, "headline 'Repeat rate': value 0.25 must lie within low 0.3 and high 0.4."),
        ({"low": 0.4, "high": 0.1}, "headline 'Repeat rate': value 0.25 must lie within low 0.4 and high 0.1."),
        ({"value": "many"}, "value of headline 'Repeat rate' == 'many', must be a number, or nan"),
        ({"name": " "}, "headline name == ' ', must be a text that names the figure."),
        ({"unit": None}, "unit of headline 'Repeat rate' == None, must be a text"),
    ],
)
def test_a_bad_row_is_refused(change, message):
    with pytest.raises(OpskitError) as caught:
        reports.headline(pd.DataFrame([ROW | change]))
    assert message in str(caught.value)


def test_bad_columns_are_refused():
    with pytest.raises(OpskitError, match=r"headline lacks 'value'; it has .*'values'.* Did you mean 'values'"):
        reports.headline(pd.DataFrame([ROW]).rename(columns={"value": "values"}))
    with pytest.raises(OpskitError, match="headline has 'note'; its columns are name, value"):
        reports.headline(pd.DataFrame([ROW | {"note": "x"}]))
    with pytest.raises(OpskitError, match="names 'Repeat rate' more than once"):
        reports.headline(pd.DataFrame([ROW, ROW]))
    with pytest.raises(OpskitError, match="headline has 0 rows"):
        reports.headline(pd.DataFrame([ROW]).iloc[:0])


def test_a_decision_keeps_emphasis_and_defuses_the_rest():
    text = display._Decision(["**Call** `now` <img src=x onerror=alert(1)> [go](javascript:alert(1)) $5", "- a\n\n# b"])
    markdown = text._repr_markdown_()
    assert "**Call** `now`" in markdown
    assert not set("<>[]$") & set(markdown)
    assert markdown.count("\n") == 1
    assert repr(text).startswith("- **Call** `now` <img")


@pytest.mark.parametrize("lines", [[], [""], ["  "]])
def test_an_empty_decision_is_refused(lines):
    with pytest.raises(OpskitError, match="must be one or more sentences"):
        reports.decision(lines)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((0.234567, 0.230111, 0.239222, "share"), ("23.46%", "23.01%", "23.92%")),
        ((52.0, 48.0, 61.0, "days"), ("52 days", "48 days", "61 days")),
        ((1234567.8, 1.1e6, 1.4e6, "CNY"), ("1,234,570 CNY", "1,100,000 CNY", "1,400,000 CNY")),
        ((3.14159265, None, None, ""), ("3.14159", "–", "–")),
        ((2.5e-7, None, None, ""), ("2.5e-07", "–", "–")),
        ((0.0, None, None, ""), ("0", "–", "–")),
        ((-1234.5, -1300.0, -1200.0, "CNY"), ("-1,234 CNY", "-1,300 CNY", "-1,200 CNY")),
        ((None, None, None, "share"), ("–", "–", "–")),
    ],
)
def test_numbers_show_the_digits_that_their_interval_supports(arguments, expected):
    assert numbers.estimate(*arguments) == expected
