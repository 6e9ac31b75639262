"""Markov and Shapley attribution against hand-written DuckDB SQL and ChannelAttribution; results are compared before times.

python -m benchmarks.attribution --touchpoints 1000000

Both sides count by a hundred groups of customers, which intervals need. ChannelAttribution is optional: it is compared where it can
be imported, end to end, from the file of touches to the Markov credit of every channel.
"""

import argparse
import datetime as dt
import importlib
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from benchmarks.clock import seconds

from opskit.acquisition import attribution
from opskit.acquisition.attribution import markov

AS_OF = dt.date(2025, 12, 31)
ORDER = "partition by customer_id order by touched_at, converted, channel, value"
MARKOV = f"""select hash(customer_id) % 100 as part, coalesce(before, true) as begins, channel,
    case when converted then '' else coalesce(following, '') end as next, converted, count(*) as n, sum(value) as value
    from (select customer_id, channel, converted, value, lag(converted) over w as before, lead(channel) over w as following
    from touchpoints window w as ({ORDER})) group by all"""
SHAPLEY = f"""select part, channel, sum(1 / size) as conversions, sum(value / size) as value from (
    select part, unnest(held) as channel, len(held) as size, value from (
    select hash(customer_id) % 100 as part, list(distinct channel) as held, bool_or(converted) as converts,
    sum(value) filter (converted) as value from (
    select *, coalesce(sum(converted::int) over ({ORDER} rows between unbounded preceding and 1 preceding), 0) as path
    from touchpoints) group by customer_id, path having converts)) group by all"""


def ours(touchpoints: Any, rule: str, groups: int = 100) -> pd.Series:
    """Credit by channel, with its intervals unless there is one group only."""
    found = attribution.credit(attribution.count_paths(touchpoints, as_of=AS_OF, rules=[rule], groups=groups))
    return found.set_index("channel")["credit"]


def by_sql(con: duckdb.DuckDBPyConnection, rule: str) -> pd.Series:
    """The same from hand-written SQL; the chain is solved by the same few lines of numpy."""
    table = con.sql(MARKOV if rule == "markov" else SHAPLEY).df()
    if rule == "shapley":
        return table.groupby("channel")["conversions"].sum()
    names = pd.Index(sorted(table["channel"].unique()))
    at, to = names.get_indexer(table["channel"]), names.get_indexer(table["next"])
    size, n = len(names), table["n"].to_numpy(dtype=float)

    def summed(rows: Any) -> np.ndarray:
        return np.bincount(at[rows], n[rows], minlength=size)

    inner, ends = to >= 0, table["converted"].to_numpy()
    moves = np.bincount(at[inner] * size + to[inner], n[inner], minlength=size * size).reshape(size, size)
    chain = markov.Chain(summed(table["begins"].to_numpy()), moves, summed(ends), summed(~inner & ~ends))
    effects = markov.removal_effects(chain)
    return pd.Series(effects / effects.sum() * chain.converts.sum(), index=names)


def peer(path: Path, package: Any) -> pd.Series:
    """ChannelAttribution's Markov credit from the same touches; it takes path strings, which pandas makes."""
    touches = pd.read_parquet(path).sort_values(["customer_id", "touched_at", "converted", "channel", "value"])
    number = touches.groupby("customer_id")["converted"].cumsum() - touches["converted"]
    by_path = touches.groupby([touches["customer_id"], number.rename("path")])
    table = by_path.agg(path=("channel", " > ".join), converts=("converted", "max")).reset_index(drop=True)
    counted = table.groupby("path")["converts"].agg(["sum", "size"])
    counted = (
        counted.assign(nulls=counted["size"] - counted["sum"]).reset_index().rename(columns={"sum": "conversions"})
    )
    found = package.markov_model(counted, "path", "conversions", var_null="nulls", flg_pro=False, verbose=False)
    return found.set_index("channel_name")["total_conversions"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--touchpoints", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "touchpoints.parquet"
        con = duckdb.connect()
        con.sql("select setseed(0.5)")
        con.sql(
            f"""copy (select floor({options.touchpoints // 6} * pow(random(), 1.3))::bigint as customer_id,
            'channel_' || lpad(floor(12 * pow(random(), 1.5))::int::varchar, 2, '0') as channel,
            timestamp '2024-01-01' + to_seconds((random() * 730 * 86400)::bigint) as touched_at,
            random() < 0.15 as converted, round(exp(3 + random() * 2), 2) as value from range({options.touchpoints}))
            to '{path}'"""
        )
        con.sql(f"create view touchpoints as from '{path}'")
        touchpoints = con.table("touchpoints")
        print(f"{'':20} {'opskit s':>9} {'other s':>9} {'ratio':>7}   (processor time; wall in brackets)")
        for rule in ("markov", "shapley"):
            mine, theirs = ours(touchpoints, rule), by_sql(con, rule)
            np.testing.assert_allclose(mine, theirs[mine.index], rtol=1e-9)
            wall, cpu = seconds(lambda rule=rule: ours(touchpoints, rule), options.repeats)
            sql_wall, sql_cpu = seconds(lambda rule=rule: by_sql(con, rule), options.repeats)
            print(
                f"{rule + ' / SQL':20} {cpu:9.2f} {sql_cpu:9.2f} {cpu / sql_cpu:6.2f}x   ({wall:.2f} / {sql_wall:.2f})",
                flush=True,
            )
        if not options.peer:
            return
        try:
            package = importlib.import_module("ChannelAttribution")
        except ImportError:
            print("ChannelAttribution cannot be imported and is not compared.")
            return
        theirs: list[pd.Series] = []
        their_wall, their_cpu = seconds(lambda: theirs.append(peer(path, package)), 1)
        mine = ours(touchpoints, "markov", groups=1)  # the peer gives no intervals
        apart = ((theirs[0][mine.index] - mine) / mine).abs().max()
        assert apart < 0.05, apart  # it simulates
        wall, cpu = seconds(lambda: ours(touchpoints, "markov", groups=1), options.repeats)
        print(
            f"{'markov / peer':20} {cpu:9.2f} {their_cpu:9.2f} {their_cpu / cpu:6.2f}x   ({wall:.2f} / {their_wall:.2f})"
            f"   credits differ by up to {apart:.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
