import pandas as pd
import pytest

from opskit import OpskitError
from opskit.reports import parameters
from opskit.reports.pages import Page

OWN = """confidence: float = 0.95
window_days: int = 30
by: Literal["month", "week"] = "month"
steps: list[str] = ["view", "buy"]
limit: int | None = None
net: bool = True
loose = 3
"""


@pytest.fixture
def page(tmp_path, write_page):
    return Page("own", write_page(tmp_path / "own.ipynb", parameters=OWN))


def test_parameters_come_with_type_and_default(page):
    declared = parameters.declared(page)
    assert [(p.name, p.annotation, p.default) for p in declared.values()][1] == ("window_days", "int", 30)
    assert declared["loose"].annotation == "int"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("confidence", "0.9", 0.9),
        ("confidence", "1", 1.0),
        ("window_days", "28", 28),
        ("by", "week", "week"),
        ("steps", "['a', 'b']", ["a", "b"]),
        ("limit", "None", None),
        ("limit", "5", 5),
        ("net", "false", False),
        ("loose", "4", 4),
    ],
)
def test_texts_are_read_as_the_declared_type(page, name, text, value):
    read = parameters.check(page, {name: text})[name]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("confidence", "high", "float"),
        ("confidence", "nan", "float"),
        ("window_days", "28.5", "int"),
        ("window_days", "True", "int"),
        ("by", "year", "Literal['month', 'week']"),
        ("steps", "[1, 2]", "list[str]"),
        ("net", "maybe", "bool"),
        ("window_days", "__import__('os').getcwd()", "int"),
    ],
)
def test_an_ill_typed_value_is_refused_with_the_type_expected(page, name, text, kind):
    with pytest.raises(OpskitError) as caught:
        parameters.check(page, {name: text}, source="row 3 of runs.csv")
    assert str(caught.value).startswith(f"row 3 of runs.csv: {name} == {text!r}, must be {kind} for own (default ")


def test_an_unknown_parameter_is_refused_with_a_suggestion(page):
    with pytest.raises(OpskitError, match=r"no chosen page has a parameter 'window_day'. Did you mean 'window_days'\?"):
        parameters.refuse_unknown(["window_day"], [page])


def test_a_shared_parameter_is_never_dropped_in_silence(page):
    assert parameters.check(page, {"elsewhere": "1"}) == {}
    with pytest.raises(OpskitError, match="own has no parameter 'where'; it has confidence, window_days"):
        parameters.check(page, {"where": "region=North"})


@pytest.mark.parametrize("cell", ["data = get()", "import os", "for x in y: pass", "data: str", "a = b = 1", "x ="])
def test_a_parameters_cell_of_more_than_literals_is_refused(tmp_path, write_page, cell):
    page = Page("p", write_page(tmp_path / "p.ipynb", parameters=cell))
    with pytest.raises(OpskitError, match=r"The parameters cell of .*p.ipynb must only assign literals"):
        parameters.declared(page)


def test_a_notebook_without_a_parameters_cell_is_refused(tmp_path, write_page):
    page = Page("p", write_page(tmp_path / "p.ipynb", parameters=None))
    with pytest.raises(OpskitError, match=r"p.ipynb has no code cell tagged 'parameters': tag the cell"):
        parameters.declared(page)


def test_an_annotation_that_is_no_type_is_refused(tmp_path, write_page):
    page = Page("p", write_page(tmp_path / "p.ipynb", parameters="x: pd.Timestamp = 3"))
    with pytest.raises(OpskitError, match=r"Parameter 'x' has the type 'pd.Timestamp', must be made of str, int"):
        parameters.check(page, {"x": "3"})


def test_options_are_name_and_value():
    assert parameters.from_options(["where=region=North", " seed =7"]) == {"where": "region=North", "seed": "7"}
    with pytest.raises(OpskitError, match="-p 'seed', must be name=value"):
        parameters.from_options(["seed"])
    with pytest.raises(OpskitError, match="-p seed is given twice, with different values"):
        parameters.from_options(["seed=1", "seed=2"])


@pytest.mark.parametrize("name", ["runs.csv", "runs.xlsx"])
def test_a_batch_table_is_read_as_typed(tmp_path, name):
    table = pd.DataFrame({"data": ["shop", "店铺"], "seed": [7, 8], "as_of": pd.to_datetime(["2025-06-30", None])})
    path = tmp_path / name
    table.to_csv(path, index=False, encoding="gb18030") if path.suffix == ".csv" else table.to_excel(path, index=False)
    expected = [{"data": "shop", "seed": "7", "as_of": "2025-06-30"}, {"data": "店铺", "seed": "8"}]
    assert parameters.from_batch(path) == expected


def test_an_empty_or_unreadable_batch_is_refused(tmp_path):
    (tmp_path / "empty.csv").write_text("data,seed\n")
    with pytest.raises(OpskitError, match=r"empty.csv holds no row: the first row names the parameters"):
        parameters.from_batch(tmp_path / "empty.csv")
    (tmp_path / "bad.xlsx").write_text("no workbook")
    for name in ("missing.csv", "bad.xlsx"):
        with pytest.raises(OpskitError, match=f"{name} cannot be read as a table of parameters"):
            parameters.from_batch(tmp_path / name)
