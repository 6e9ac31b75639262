"""The packages one would pick for the same work: lifetimes, clvkit, retentioneering, ChannelAttribution. One JSON object each.

python -m benchmarks.peers lifetimes --rows 1000000

A peer that cannot be imported is not compared. Both read the same Parquet file and end with the same answer.
"""

import argparse
import datetime as dt
import importlib.util
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from benchmarks import made
from benchmarks.cases import attribution, events
from benchmarks.clock import seconds

from opskit.loyalty import journey
from opskit.monetization import lifetime_value as ltv
from opskit.monetization.lifetime_value import bg_nbd_likelihood, histories

FIRST_DAY, AS_OF = pd.Timestamp("2024-01-01"), dt.date(2025, 12, 31)
DAYS, HORIZON_DAYS = 730, 90
PLANTED = {"r": 0.55, "alpha": 75.0, "a": 1.0, "b": 3.5}
PARAMETERS = ["r", "alpha", "a", "b"]
Steps = dict[str, Callable[[dict[str, Any]], Any]]


def bg_nbd_orders(customers: int, seed: int = 7) -> pd.DataFrame:
    """Orders of BG/NBD customers who came on any day of two years: what both fits assume."""
    rng = np.random.default_rng(seed)
    rate = np.maximum(rng.gamma(PLANTED["r"], 1 / PLANTED["alpha"], customers), 1e-12)
    leaves = rng.beta(PLANTED["a"], PLANTED["b"], customers)
    now = rng.random(customers) * (DAYS - 30)
    alive = np.arange(customers)
    who, at = [alive], [now.copy()]
    while len(alive):
        now[alive] += rng.exponential(size=len(alive)) / rate[alive]
        alive = alive[now[alive] < DAYS]
        who.append(alive)
        at.append(now[alive])
        alive = alive[rng.random(len(alive)) > leaves[alive]]
    ordered_at = FIRST_DAY + pd.to_timedelta((np.concatenate(at) * 86_400).astype("int64"), unit="s")
    return pd.DataFrame({"customer_id": np.concatenate(who), "ordered_at": ordered_at, "revenue": 50.0})


def bg_nbd(peer: str, rows: int, folder: Path) -> list[dict[str, Any]]:
    """Summary, BG/NBD fit and forecast of so many customers, by opskit and by lifetimes or clvkit."""
    path = folder / f"bg_nbd-{rows}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        bg_nbd_orders(rows).to_parquet(path)

    def forecast(done: dict[str, Any]) -> pd.DataFrame:
        return done["fit"].expected_purchases(done["summary"], horizon_days=HORIZON_DAYS).to_pandas()

    ours: Steps = {
        "summary": lambda _: ltv.summary(duckdb.read_parquet(str(path)), as_of=AS_OF).to_arrow_table(),
        "fit": lambda done: ltv.BGNBD().fit(done["summary"]),
        "forecast": forecast,
    }
    _timed(ours)  # imports are not what is measured
    theirs = {"lifetimes": _lifetimes_steps, "clvkit": _clvkit_steps}[peer](path)
    (mine, own), (other, their) = _timed(ours), _timed(theirs)
    equal = _same_fit(mine, other)
    steps = [("summary",), ("fit",), ("forecast",), tuple(ours)]
    return [
        {
            "case": f"{peer}: {' + '.join(which)}",
            "rows": rows,
            "whole": which == tuple(ours),
            "equal": equal,
            "ours": {kind: sum(own[step][kind] for step in which) for kind in ("cpu", "wall")},
            "theirs": {kind: sum(their[step][kind] for step in which) for kind in ("cpu", "wall")},
        }
        for which in steps
    ]


def _lifetimes_steps(path: Path) -> Steps:
    from lifetimes import BetaGeoFitter
    from lifetimes.utils import summary_data_from_transaction_data

    def summary(_: dict[str, Any]) -> pd.DataFrame:
        end = pd.Timestamp(AS_OF)
        table = pd.read_parquet(path)
        return summary_data_from_transaction_data(table, "customer_id", "ordered_at", observation_period_end=end)

    def columns(done: dict[str, Any]) -> list[Any]:
        return [done["summary"][name] for name in ("frequency", "recency", "T")]

    def forecast(done: dict[str, Any]) -> pd.Series:
        return done["fit"].conditional_expected_number_of_purchases_up_to_time(HORIZON_DAYS, *columns(done))

    return {"summary": summary, "fit": lambda done: BetaGeoFitter().fit(*columns(done)), "forecast": forecast}


def _clvkit_steps(path: Path) -> Steps:
    from clvkit import BGNBD, CustomerBase

    class Base(CustomerBase):
        """Its summary by column, as the comparison reads it."""

        def __getitem__(self, name: str) -> pd.Series:
            return self.to_pandas()[name]

    def summary(_: dict[str, Any]) -> CustomerBase:
        table, columns = pd.read_parquet(path), ("customer_id", "ordered_at", None)
        return Base.from_transactions(table, *columns, time_unit="D", observation_period_end=pd.Timestamp(AS_OF))

    def forecast(done: dict[str, Any]) -> pd.Series:
        return done["fit"].predict(HORIZON_DAYS, done["summary"]).to_pandas()["expected_purchases"]

    return {"summary": summary, "fit": lambda done: BGNBD().fit(done["summary"]), "forecast": forecast}


def _timed(steps: Steps) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """Results, and wall and processor seconds, of one run."""
    done, times = {}, {}
    for name, run in steps.items():
        started, used = time.perf_counter(), time.process_time()
        done[name] = run(done)
        times[name] = {"wall": time.perf_counter() - started, "cpu": time.process_time() - used}
    return done, times


def _same_fit(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    summary = ours["summary"].to_pandas().set_index("customer_id").sort_index()
    for name in ("frequency", "recency", "T"):
        assert (summary[name] == theirs["summary"][name].sort_index()).all(), name
    parameters = ours["fit"].params_.set_index("parameter")["estimate"][PARAMETERS]
    np.testing.assert_allclose(parameters, theirs["fit"].params_[PARAMETERS], rtol=1e-3)
    likelihood = bg_nbd_likelihood.LogLikelihood(histories.distinct(ours["summary"], 1))
    at_theirs = likelihood(np.log(theirs["fit"].params_[PARAMETERS].to_numpy()))[0]
    assert ours["fit"].log_likelihood_ / len(summary) >= at_theirs - 1e-6
    forecast = ours["forecast"].set_index("customer_id")["expected_purchases"].sort_index()
    known = np.isfinite(theirs["forecast"].sort_index())
    np.testing.assert_allclose(forecast[known], theirs["forecast"].sort_index()[known], rtol=5e-3, atol=1e-4)
    return "every summary, parameters to 1e-3, the likelihood no lower"


def retentioneering(rows: int, folder: Path) -> list[dict[str, Any]]:
    """The ordered funnel of so many events, without a window: it has none."""
    os.environ["RETENTIONEERING_NO_TRACK"] = "1"
    from retentioneering.eventstream import Eventstream

    path = made.tables(folder, ["events"], counted="events", rows=rows) / "events.parquet"
    schema = {"path_cols": ["customer_id"], "event_col": "event", "timestamp_col": "occurred_at"}

    def theirs() -> list[int]:
        table = pd.read_parquet(path, columns=["customer_id", "event", "occurred_at"])
        found = Eventstream(table, schema=schema).funnel_data(steps=list(events.STEPS))
        return [int(step["unique_paths"]) for step in found["steps"]]

    def ours() -> list[int]:
        walked = journey.walk(duckdb.read_parquet(str(path)), steps=events.STEPS, as_of=AS_OF, window_days=10_000)
        table = journey.funnel(walked)
        return (table["reached"] + table["immature"]).tolist()

    mine, other = ours(), theirs()
    assert mine == other, (mine, other)
    return [_compared("retentioneering: ordered funnel", rows, ours, theirs, "the count of every step")]


def channel_attribution(rows: int, folder: Path) -> list[dict[str, Any]]:
    """Markov credit of every channel from so many touches."""
    import ChannelAttribution

    path = made.tables(folder, ["touchpoints"], counted="touchpoints", rows=rows) / "touchpoints.parquet"

    def theirs() -> pd.Series:
        """It takes path strings, which pandas makes."""
        touches = pd.read_parquet(path).sort_values(["customer_id", "touched_at", "converted", "channel", "value"])
        number = touches.groupby("customer_id")["converted"].cumsum() - touches["converted"]
        by_path = touches.groupby([touches["customer_id"], number.rename("path")])
        table = by_path.agg(path=("channel", " > ".join), converts=("converted", "max")).reset_index(drop=True)
        counted = table.groupby("path")["converts"].agg(["sum", "size"]).reset_index()
        counted["nulls"] = counted["size"] - counted["sum"]
        options = {"var_null": "nulls", "flg_pro": False, "verbose": False}
        found = ChannelAttribution.markov_model(counted, "path", "sum", **options)
        return found.set_index("channel_name")["total_conversions"]

    def ours() -> pd.Series:
        return attribution.credit(duckdb.read_parquet(str(path)), "markov", groups=1)  # the peer gives no intervals

    mine = ours()
    apart = ((theirs()[mine.index] - mine) / mine).abs().max()
    assert apart < 0.05, apart
    return [_compared("ChannelAttribution: Markov", rows, ours, theirs, f"credits to {apart:.1%}: it simulates")]


def _compared(case: str, rows: int, ours: Callable[[], Any], theirs: Callable[[], Any], equal: str) -> dict[str, Any]:
    own, other = seconds(ours, 3), seconds(theirs, 1)
    times = {name: {"wall": wall, "cpu": cpu} for name, (wall, cpu) in (("ours", own), ("theirs", other))}
    return {"case": case, "rows": rows, "whole": True, "equal": equal, **times}


PEERS = {
    "lifetimes": (partial(bg_nbd, "lifetimes"), 10**6),
    "clvkit": (partial(bg_nbd, "clvkit"), 10**6),
    "retentioneering": (retentioneering, 10**7),
    "ChannelAttribution": (channel_attribution, 10**7),
}
"""What compares, and the rows of its input unless they are given: customers, events, touches."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--data", type=Path, default=Path(__file__).parent / "data", help="where the shops are kept")
    parser.add_argument("names", nargs="*", choices=[[], *PEERS], help="all of them if none is given")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in given.names or PEERS:
        if importlib.util.find_spec(name) is None:
            print(f"{name} cannot be imported and is not compared.", file=sys.stderr)
            continue
        compare, rows = PEERS[name]
        for found in compare(given.rows or rows, given.data):
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
