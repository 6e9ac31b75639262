"""Markov and Shapley credit of channels. Both sides count by a hundred groups of customers, which intervals need."""

import datetime as dt
from collections.abc import Mapping
from functools import partial
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from benchmarks.case import Case

from opskit.acquisition import attribution
from opskit.acquisition.attribution import markov

ROWS = "touchpoints"
TABLES = {"touchpoints": "customer_id, channel, touched_at, converted, value"}
AS_OF = dt.date(2025, 12, 31)
_ORDER = "partition by customer_id order by touched_at, converted, channel, value"
_MARKOV = f"""select hash(customer_id) % 100 as part, coalesce(before, true) as begins, channel,
    case when converted then '' else coalesce(following, '') end as next, converted, count(*) as n, sum(value) as value
    from (select customer_id, channel, converted, value, lag(converted) over w as before, lead(channel) over w as following
    from touchpoints window w as ({_ORDER})) group by all"""
_SHAPLEY = f"""select part, channel, sum(1 / size) as conversions, sum(value / size) as value from (
    select part, unnest(held) as channel, len(held) as size, value from (
    select hash(customer_id) % 100 as part, list(distinct channel) as held, bool_or(converted) as converts,
    sum(value) filter (converted) as value from (
    select *, coalesce(sum(converted::int) over ({_ORDER} rows between unbounded preceding and 1 preceding), 0) as path
    from touchpoints) group by customer_id, path having converts)) group by all"""


def credit(touchpoints: Any, rule: str, *, groups: int = 100) -> pd.Series:
    """Credit by channel, with its intervals unless there is one group only."""
    found = attribution.credit(attribution.count_paths(touchpoints, as_of=AS_OF, rules=[rule], groups=groups))
    return found.set_index("channel")["credit"]


def _by_hand(con: duckdb.DuckDBPyConnection, rule: str) -> pd.Series:
    """The chain is solved by the same few lines of numpy."""
    table = con.sql(_MARKOV if rule == "markov" else _SHAPLEY).df()
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


def cases(con: duckdb.DuckDBPyConnection) -> Mapping[str, Case]:
    touchpoints = con.table("touchpoints")
    return {
        rule: Case(partial(credit, touchpoints, rule), partial(_by_hand, con, rule), _same)
        for rule in ("markov", "shapley")
    }


def _same(ours: pd.Series, by_hand: pd.Series) -> None:
    np.testing.assert_allclose(ours, by_hand[ours.index], rtol=1e-9)
