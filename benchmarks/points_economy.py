"""The points ledger on 10^6 postings: one validity (windows only) and several (rounds over lots besides).

python -m benchmarks.points_economy
"""

import datetime as dt
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
from benchmarks.clock import peak_gigabytes, seconds

from opskit.incentives import points_economy

POSTINGS, CUSTOMERS = 1_000_000, 50_000
AS_OF = dt.date(2025, 11, 30)


def postings(valid: tuple[int, ...]) -> pd.DataFrame:
    """Random earnings, uses and reversals of two years."""
    rng = np.random.default_rng(1)
    kind = rng.choice(["earn", "redeem", "reverse"], POSTINGS, p=[0.7, 0.25, 0.05])
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700 * 86_400, POSTINGS), unit="s")
    lapse = pd.Series(at + pd.to_timedelta(rng.choice(valid, POSTINGS), unit="D"))
    columns = {"customer_id": rng.integers(0, CUSTOMERS, POSTINGS), "posted_at": at, "kind": kind}
    return pd.DataFrame(columns).assign(
        points=rng.integers(1, 50, POSTINGS).astype(float), expires_at=lapse.where(kind == "earn")
    )


def main() -> None:
    """Print wall and processor seconds by engine."""
    for valid in ((180,), (30, 90, 365)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "points.parquet"
            postings(valid).to_parquet(path)
            engines = {
                "DuckDB": lambda path=path: duckdb.read_parquet(str(path)),
                "Polars": lambda path=path: pl.scan_parquet(path),
            }
            for name, opened in engines.items():
                wall, cpu = seconds(lambda opened=opened: points_economy.ledger(opened(), as_of=AS_OF), 1)
                told = f"valid {', '.join(map(str, valid))} days, {name}: {wall:.1f} s, {cpu:.1f} CPU s"
                print(f"{told}, {peak_gigabytes():.1f} GB at most so far")


if __name__ == "__main__":
    main()
