from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from opskit import sample

COMMITTED = Path(__file__).parents[2] / "data" / "shop"


class Shop(NamedTuple):
    folder: Path
    customers: pd.DataFrame
    orders: pd.DataFrame
    events: pd.DataFrame
    touchpoints: pd.DataFrame
    spend: pd.DataFrame

    @property
    def paid(self) -> pd.DataFrame:
        return self.orders[self.orders["status"].isin(["completed", "shipped"])]


def read(folder: Path) -> Shop:
    """The tables of a folder; one that was not written is empty."""
    files = [folder / f"{name}.parquet" for name in Shop._fields if name != "folder"]
    return Shop(folder, *(pd.read_parquet(file) if file.exists() else pd.DataFrame() for file in files))


@pytest.fixture(scope="session")
def shop() -> Shop:
    """The committed shop."""
    return read(COMMITTED)


@pytest.fixture(scope="session")
def two_chunks(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop of more than one chunk, of another seed, so that laws are not a matter of one draw."""
    return read(sample.write(tmp_path_factory.mktemp("two_chunks"), customers=11_500, months=14, seed=20))


@pytest.fixture(params=["shop", "two_chunks"])
def any_shop(request: pytest.FixtureRequest) -> Shop:
    return request.getfixturevalue(request.param)


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small shop into a new folder."""
    count = 0

    def write(**options: object) -> Path:
        nonlocal count
        count += 1
        return sample.write(tmp_path / str(count), **{"customers": 300, "months": 6, **options})  # type: ignore[arg-type]

    return write
