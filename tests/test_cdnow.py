"""The committed CDNOW orders equal the files of the lifetimes package, value for value."""

import importlib.util
import tomllib
from pathlib import Path

import pandas as pd
import pytest

DATA = Path(__file__).parents[1] / "data"
COLUMNS = {
    "cdnow": ("CDNOW_sample.txt", 0, ["customer_id", "sample_id", "ordered_at", "cds", "revenue"]),
    "cdnow_full": ("CDNOW_master.txt", 1, ["customer_id", "ordered_at", "cds", "revenue"]),
}


def published(name: str) -> pd.DataFrame:
    """The package's text file; the package itself is not imported (its data module needs pkg_resources)."""
    spec = importlib.util.find_spec("lifetimes")
    assert spec is not None
    assert spec.origin is not None
    file, header_lines, columns = COLUMNS[name]
    path = Path(spec.origin).parent / "datasets" / file
    frame = pd.read_csv(path, sep=r"\s+", header=None, names=columns, skiprows=header_lines, dtype=str)
    return frame.assign(
        ordered_at=pd.to_datetime(frame["ordered_at"], format="%Y%m%d"),
        cds=frame["cds"].astype("int16"),
        revenue=frame["revenue"].astype("float64"),
    )


def committed(name: str) -> pd.DataFrame:
    return pd.read_parquet(DATA / name / "orders.parquet")


@pytest.mark.parametrize("name", COLUMNS)
def test_every_value_equals_the_published_file(name: str) -> None:
    pd.testing.assert_frame_equal(committed(name), published(name), check_dtype=False, check_exact=True)


@pytest.mark.parametrize(
    ("name", "orders", "customers", "revenue", "repeated_rows"),
    [("cdnow", 6919, 2357, 244_091.94, 21), ("cdnow_full", 69_659, 23_570, 2_500_315.63, 255)],
)
def test_figures_that_its_readme_states(
    name: str, orders: int, customers: int, revenue: float, repeated_rows: int
) -> None:
    frame = committed(name)
    assert len(frame) == orders
    assert frame["customer_id"].nunique() == customers
    assert frame["revenue"].sum() == pytest.approx(revenue, abs=0.005)
    assert frame.duplicated().sum() == repeated_rows
    readme = (DATA / name / "README.md").read_text(encoding="utf-8")
    for figure in (f"{orders:,} orders of {customers:,} customers", f"{revenue:,.2f} US dollars"):
        assert figure in readme


def test_january_cohort_of_the_full_file() -> None:
    """Of 7,846 first-time buyers in January 1997, 1,157 came back in February (widely published cohort table)."""
    orders = committed("cdnow_full")
    month = orders["ordered_at"].dt.to_period("M")
    first = month.groupby(orders["customer_id"]).transform("min")
    january = orders[first == "1997-01"]
    assert january["customer_id"].nunique() == 7846
    assert january[month.loc[january.index] == "1997-02"]["customer_id"].nunique() == 1157


def test_the_sample_is_part_of_the_full_file() -> None:
    sample, full = committed("cdnow"), committed("cdnow_full")
    columns = ["customer_id", "ordered_at", "cds", "revenue"]
    of_sample = full[full["customer_id"].isin(sample["customer_id"])]
    pd.testing.assert_frame_equal(
        *(frame[columns].sort_values(columns).reset_index(drop=True) for frame in (of_sample, sample))
    )


@pytest.mark.parametrize("name", COLUMNS)
def test_ids_keep_their_leading_zeros(name: str) -> None:
    assert committed(name)["customer_id"].str.fullmatch(r"\d{5}").all()


@pytest.mark.parametrize("name", COLUMNS)
def test_the_declaration_names_the_dataset_its_table_and_its_currency(name: str) -> None:
    declared = tomllib.loads((DATA / name / "opskit.toml").read_text(encoding="utf-8"))
    assert (declared["name"], declared["currency"]) == (name, "USD")
    assert (DATA / name / declared["tables"]["orders"]["source"]).is_file()
