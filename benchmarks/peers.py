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
DAYS, HORIZON_DAYS = 730, 360
PLANTED = {"r": 0.55, "alpha": 75.0, "a": 1.0, "b": 3.5}
PLANTED_SPEND = {"p": 6.0, "q": 3.5, "gamma": 15.0}
Steps = dict[str, Callable[[dict[str, Any]], Any]]


def bg_nbd_orders(customers: int, seed: int = 7) -> pd.DataFrame:
    """Orders of BG/NBD customers who came on any day of two years and spend as Gamma-Gamma says: what all fits assume."""
    rng = np.random.default_rng(seed)
    rate = np.maximum(rng.gamma(PLANTED["r"], 1 / PLANTED["alpha"], customers), 1e-12)
    leaves = rng.beta(PLANTED["a"], PLANTED["b"], customers)
    now = rng.random(customers) * (DAYS - 30)
    alive = np.arange(customers)
    came, at = [alive], [now.copy()]
    while len(alive):
        now[alive] += rng.exponential(size=len(alive)) / rate[alive]
        alive = alive[now[alive] < DAYS]
        came.append(alive)
        at.append(now[alive])
        alive = alive[rng.random(len(alive)) > leaves[alive]]
    ordered_at = FIRST_DAY + pd.to_timedelta((np.concatenate(at) * 86_400).astype("int64"), unit="s")
    who = np.concatenate(came)
    scale = PLANTED_SPEND["gamma"] / rng.gamma(PLANTED_SPEND["q"], size=customers)
    spent = rng.gamma(PLANTED_SPEND["p"], size=len(who)) * scale[who]
    return pd.DataFrame({"customer_id": who, "ordered_at": ordered_at, "revenue": spent.round(2).clip(0.01)})


def lifetime_value(peer: str, rows: int, folder: Path) -> list[dict[str, Any]]:
    """From orders of so many customers to what each will be worth within a year, by opskit and by lifetimes or clvkit."""
    path = folder / f"spending-{rows}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        bg_nbd_orders(rows).to_parquet(path)
    ours = _our_steps(path)
    _timed(ours)  # imports are not what is measured
    theirs = {"lifetimes": _lifetimes_steps, "clvkit": _clvkit_steps}[peer](path)
    (mine, own), (other, their) = _timed(ours), _timed(theirs)
    equal = _same_values(mine, other)
    steps = [*((step,) for step in ours), tuple(ours)]
    return [
        {
            "case": f"{peer}: {' + '.join(which)}",
            "rows": rows,
            "whole": which == tuple(ours),
            "equal": equal if which == tuple(ours) else "as the whole",
            "ours": {kind: sum(own[step][kind] for step in which) for kind in ("cpu", "wall")},
            "theirs": {kind: sum(their[step][kind] for step in which) for kind in ("cpu", "wall")},
        }
        for which in steps
    ]


def _our_steps(path: Path) -> Steps:
    def value(done: dict[str, Any]) -> pd.DataFrame:
        models = {"purchases": done["purchases"], "spend": done["spend"]}
        options = {"horizon_days": HORIZON_DAYS, "annual_discount_rate": 0.0, "margin": 1.0}
        return ltv.lifetime_value(done["summary"], **models, **options).customers.to_pandas()

    return {
        "summary": lambda _: ltv.summary(duckdb.read_parquet(str(path)), as_of=AS_OF).to_arrow_table(),
        "purchases": lambda done: ltv.BGNBD().fit(done["summary"]),
        "spend": lambda done: ltv.GammaGamma().fit(done["summary"]),
        "value": value,
    }


def _lifetimes_steps(path: Path) -> Steps:
    from lifetimes import BetaGeoFitter, GammaGammaFitter
    from lifetimes.utils import summary_data_from_transaction_data

    def summary(_: dict[str, Any]) -> pd.DataFrame:
        table, end = pd.read_parquet(path), pd.Timestamp(AS_OF)
        columns = ("customer_id", "ordered_at", "revenue")
        return summary_data_from_transaction_data(table, *columns, observation_period_end=end)

    def columns(done: dict[str, Any]) -> list[Any]:
        return [done["summary"][name] for name in ("frequency", "recency", "T")]

    def spend(done: dict[str, Any]) -> Any:
        again = done["summary"][done["summary"]["frequency"] > 0]
        return GammaGammaFitter().fit(again["frequency"], again["monetary_value"])

    def value(done: dict[str, Any]) -> pd.Series:
        options = {"time": HORIZON_DAYS // 30, "discount_rate": 0, "freq": "D"}
        value = done["summary"]["monetary_value"]
        return done["spend"].customer_lifetime_value(done["purchases"], *columns(done), value, **options)

    return {
        "summary": summary,
        "purchases": lambda done: BetaGeoFitter().fit(*columns(done)),
        "spend": spend,
        "value": value,
    }


def _clvkit_steps(path: Path) -> Steps:
    from clvkit import BGNBD, CustomerBase, GammaGamma

    def summary(_: dict[str, Any]) -> CustomerBase:
        table, columns = pd.read_parquet(path), ("customer_id", "ordered_at", "revenue")
        return CustomerBase.from_transactions(
            table, *columns, time_unit="D", observation_period_end=pd.Timestamp(AS_OF)
        )

    def value(done: dict[str, Any]) -> pd.Series:
        purchases = done["purchases"].predict(HORIZON_DAYS, done["summary"]).to_pandas()["expected_purchases"]
        return purchases * done["spend"].predict(done["summary"]).to_pandas()["expected_spend"]

    return {
        "summary": summary,
        "purchases": lambda done: BGNBD().fit(done["summary"]),
        "spend": lambda done: GammaGamma().fit(done["summary"]),
        "value": value,
    }


def _timed(steps: Steps) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """Results, and wall and processor seconds, of one run."""
    done, times = {}, {}
    for name, run in steps.items():
        started, used = time.perf_counter(), time.process_time()
        done[name] = run(done)
        times[name] = {"wall": time.perf_counter() - started, "cpu": time.process_time() - used}
    return done, times


def _same_values(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    summary = ours["summary"].to_pandas().set_index("customer_id").sort_index()
    other = theirs["summary"] if isinstance(theirs["summary"], pd.DataFrame) else theirs["summary"].to_pandas()
    for name in ("frequency", "recency", "T"):
        assert (summary[name] == other[name].sort_index()).all(), name
    again = summary["frequency"] > 0
    np.testing.assert_allclose(summary["mean_value"][again], other["monetary_value"].sort_index()[again], rtol=1e-9)
    for model, planted in (("purchases", PLANTED), ("spend", PLANTED_SPEND)):
        found = ours[model].params_.set_index("parameter")["estimate"][list(planted)]
        names = ["p", "q", "v"] if model == "spend" and "v" in theirs[model].params_ else list(planted)
        np.testing.assert_allclose(found, theirs[model].params_[names], rtol=1e-3)
    likelihood = bg_nbd_likelihood.LogLikelihood(histories.distinct(ours["summary"], 1))
    at_theirs = likelihood(np.log(theirs["purchases"].params_[list(PLANTED)].to_numpy()))[0]
    assert ours["purchases"].log_likelihood_ / len(summary) >= at_theirs - 1e-6
    value, expected = (
        ours["value"].set_index("customer_id")["lifetime_value"].sort_index(),
        theirs["value"].sort_index(),
    )
    known = np.isfinite(expected)
    np.testing.assert_allclose(value[known], expected[known], rtol=5e-3)
    return f"counts, parameters to 1e-3, {known.mean():.1%} of the values to 5e-3"


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
    "lifetimes": (partial(lifetime_value, "lifetimes"), 10**6),
    "clvkit": (partial(lifetime_value, "clvkit"), 10**6),
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
