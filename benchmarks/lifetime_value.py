"""BG/NBD summary, fit and forecast against the lifetimes package on simulated orders; results are compared before times.

python -m benchmarks.lifetime_value --customers 1000000
"""

import argparse
import datetime as dt
import time
import warnings
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from benchmarks.clock import peak_gigabytes

from opskit.monetization import lifetime_value as ltv
from opskit.monetization.lifetime_value import bg_nbd_likelihood, histories

FIRST_DAY, AS_OF = pd.Timestamp("2024-01-01"), dt.date(2025, 12, 31)
DAYS, HORIZON_DAYS = 730, 90
PLANTED = {"r": 0.55, "alpha": 75.0, "a": 1.0, "b": 3.5}


def orders(customers: int, seed: int = 7) -> pd.DataFrame:
    """Orders of BG/NBD customers who came on any day of two years."""
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
    customer, times = np.concatenate(who), np.concatenate(at)
    ordered_at = FIRST_DAY + pd.to_timedelta((times * 86_400).astype("int64"), unit="s")
    return pd.DataFrame(
        {"customer_id": customer, "ordered_at": ordered_at, "revenue": 10 + 90 * rng.random(len(customer))}
    )


def opskit_on(frame: Any) -> dict[str, Callable[[dict[str, Any]], Any]]:
    def summary(_: dict[str, Any]) -> Any:
        found = ltv.summary(frame, as_of=AS_OF)
        return found.to_arrow_table() if isinstance(frame, duckdb.DuckDBPyRelation) else found

    def forecast(done: dict[str, Any]) -> Any:
        found = done["fit"].expected_purchases(done["summary"], horizon_days=HORIZON_DAYS)
        return found if isinstance(found, pd.DataFrame) else found.to_pandas()

    return {"summary": summary, "fit": lambda done: ltv.BGNBD().fit(done["summary"]), "forecast": forecast}


def lifetimes_on(frame: pd.DataFrame) -> dict[str, Callable[[dict[str, Any]], Any]]:
    from lifetimes import BetaGeoFitter
    from lifetimes.utils import summary_data_from_transaction_data

    def summary(_: dict[str, Any]) -> pd.DataFrame:
        end = pd.Timestamp(AS_OF)
        return summary_data_from_transaction_data(frame, "customer_id", "ordered_at", observation_period_end=end)

    def columns(done: dict[str, Any]) -> list[Any]:
        return [done["summary"][name] for name in ("frequency", "recency", "T")]

    def forecast(done: dict[str, Any]) -> pd.Series:
        fitted = done["fit"]
        return fitted.conditional_expected_number_of_purchases_up_to_time(HORIZON_DAYS, *columns(done))

    return {"summary": summary, "fit": lambda done: BetaGeoFitter().fit(*columns(done)), "forecast": forecast}


def measure(steps: dict[str, Callable[[dict[str, Any]], Any]]) -> tuple[dict[str, Any], dict[str, tuple[float, float]]]:
    """Results, and processor and wall seconds, of one run."""
    done, seconds = {}, {}
    for name, run in steps.items():
        started, used = time.perf_counter(), time.process_time()
        done[name] = run(done)
        seconds[name] = (time.process_time() - used, time.perf_counter() - started)
    return done, seconds


def check_equal(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Refuse to compare the times of different answers."""
    summary = ours["summary"] if isinstance(ours["summary"], pd.DataFrame) else ours["summary"].to_pandas()
    summary = summary.set_index("customer_id").sort_index()
    for name in ("frequency", "recency", "T"):
        assert (summary[name] == theirs["summary"][name].sort_index()).all(), name
    parameters = ours["fit"].params_.set_index("parameter")["estimate"]
    np.testing.assert_allclose(parameters, theirs["fit"].params_[["r", "alpha", "a", "b"]], rtol=1e-3)
    likelihood = bg_nbd_likelihood.LogLikelihood(histories.distinct(ours["summary"], 1))
    at_theirs = likelihood(np.log(theirs["fit"].params_[["r", "alpha", "a", "b"]].to_numpy()))[0]
    assert ours["fit"].log_likelihood_ / len(summary) >= at_theirs - 1e-6
    forecast = ours["forecast"].set_index("customer_id")["expected_purchases"].sort_index()
    known = np.isfinite(theirs["forecast"].sort_index())
    np.testing.assert_allclose(forecast[known], theirs["forecast"].sort_index()[known], rtol=5e-3, atol=1e-4)
    print(f"equal: {parameters.round(4).to_dict()}, {forecast.sum():,.0f} purchases expected in {HORIZON_DAYS} days;")
    print(
        f"       {int((~known).sum())} customers without a number from lifetimes, {int(forecast.isna().sum())} from opskit"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("duckdb", "pandas"), help="opskit on one engine alone, for its peak memory")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    frame = orders(options.customers)
    print(f"{len(frame):,} orders of {options.customers:,} customers; before: {peak_gigabytes():.2f} GB")
    frames = {"duckdb": duckdb.from_df(frame), "pandas": frame}
    if options.only:
        print(measure(opskit_on(frames[options.only]))[1], f"peak memory {peak_gigabytes():.2f} GB")
        return
    measure(opskit_on(orders(1000)))  # imports are not what is measured
    found = {name: measure(opskit_on(given)) for name, given in frames.items()}
    print(f"opskit done, peak memory {peak_gigabytes():.2f} GB", flush=True)
    theirs, base = measure(lifetimes_on(frame))
    for done, _ in found.values():
        check_equal(done, theirs)
    print("processor seconds, how many times lifetimes takes as long, and (wall seconds)")
    for name, seconds in {"lifetimes": base, **{name: seconds for name, (_, seconds) in found.items()}}.items():
        print(f"{name:10}" + "".join(cell(step, seconds, base) for step in (*base, "all")))
    print(f"peak memory with lifetimes {peak_gigabytes():.2f} GB")


def cell(step: str, seconds: dict[str, tuple[float, float]], base: dict[str, tuple[float, float]]) -> str:
    """One step's figures, or those of all steps together."""
    steps = base if step == "all" else [step]
    (cpu, wall), (theirs, _) = (
        [sum(times[name][kind] for name in steps) for kind in (0, 1)] for times in (seconds, base)
    )
    return f"  {step} {cpu:.2f} {theirs / cpu:.1f}x ({wall:.1f})"


if __name__ == "__main__":
    main()
