import pandas as pd
import pytest

from opskit import OpskitError
from opskit.reports import compare, tables


def figures(*rows):
    records = [
        {"run": "shop", "page": "p", "status": "ok", "low": None, "high": None, "n": 1, "unit": "", **row}
        for row in rows
    ]
    return pd.DataFrame(records, columns=compare.COLUMNS).astype({"value": float, "low": float, "high": float})


NOW = figures(
    {"name": "=rate", "value": 0.30, "low": 0.28, "high": 0.32, "unit": "share"},
    {"name": "moved", "value": 5.0, "low": 4.0, "high": 6.0},
    {"name": "fresh", "value": 1.0},
    {"name": "from zero", "value": 2.0},
)
EARLIER = figures(
    {"name": "gone", "value": 9.0},
    {"name": "=rate", "value": 0.25, "low": 0.23, "high": 0.28, "unit": "share"},
    {"name": "moved", "value": 2.0, "low": 1.0, "high": 3.0},
    {"name": "from zero", "value": 0.0},
)


def test_changes_by_hand():
    changed = compare.changes(NOW, EARLIER.assign(name=EARLIER["name"].map(tables.inert))).set_index("name")
    assert list(changed.index) == ["'=rate", "moved", "fresh", "from zero", "gone"]
    assert changed["found"].tolist() == ["both", "both", "new", "both", "gone"]
    assert changed.loc["'=rate", "change"] == pytest.approx(0.05)
    assert changed.loc["'=rate", "relative_change"] == pytest.approx(0.2)
    assert changed.loc["'=rate", "intervals_overlap"], "0.28 belongs to both"
    assert not changed.loc["moved", "intervals_overlap"]
    assert pd.isna(changed.loc["fresh", "intervals_overlap"])
    assert pd.isna(changed.loc["from zero", "relative_change"]), "a share of zero is nothing"


def test_a_run_compared_with_itself_has_not_changed(tmp_path):
    tables.write_table(NOW, tmp_path / "headlines.csv")
    changed = compare.changes(NOW, compare.read_headlines(tmp_path))
    assert (changed["found"] == "both").all()
    assert (changed["change"] == 0).all()


def test_another_unit_is_another_figure():
    changed = compare.changes(NOW, NOW.assign(unit="USD"))
    assert sorted(changed["found"].unique()) == ["gone", "new"]


def test_a_folder_without_headlines_is_refused(tmp_path):
    with pytest.raises(OpskitError, match=r"there is no headlines.csv. Give the --out folder of an earlier"):
        compare.read_headlines(tmp_path)
    (tmp_path / "headlines.csv").write_text("a,b\n1,2\n")
    with pytest.raises(OpskitError, match=r"is not a headlines.csv of opskit: it lacks the column 'run'"):
        compare.read_headlines(tmp_path)
    (tmp_path / "headlines.csv").write_text(",".join(compare.COLUMNS) + "\nshop,p,ok,x,many,,,1,\n")
    with pytest.raises(OpskitError, match=r"is not a headlines.csv of opskit"):
        compare.read_headlines(tmp_path)
