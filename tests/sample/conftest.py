from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from opskit import sample
from opskit.sample.world import builders

COMMITTED = Path(__file__).parents[2] / "data" / "shop"


class Shop:
    """A written shop; its tables are attributes, read when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name not in builders():
            raise AttributeError(name)
        frame = pd.read_parquet(self.folder / f"{name}.parquet")
        setattr(self, name, frame)
        return frame

    @property
    def paid(self) -> pd.DataFrame:
        return self.orders[self.orders["status"].isin(["completed", "shipped"])]


@pytest.fixture(scope="session")
def shop() -> Shop:
    """The committed shop."""
    return Shop(COMMITTED)


@pytest.fixture(scope="session")
def two_chunks(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop of more than one chunk, of another seed, so that laws are not a matter of one draw."""
    return Shop(sample.write(tmp_path_factory.mktemp("two_chunks"), customers=11_500, months=14, seed=20))


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
