"""What an account's earnings may give away: too fast, at night, with one object, in a circle, in step with others."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import customers, frames

if TYPE_CHECKING:
    import pandas as pd

NIGHT = (1, 4)  # hours, both included
LEAST = {"velocity": 6, "repeats": 4, "night": 8, "together": 4}  # below this nothing is odd, whatever others do
CHANCE = 0.01  # probability that chance makes anybody a suspect by a signal
CROWD = 40  # accounts that earn by one behaviour in one minute, above which it is a job that posts for them
USUAL = 0.95

Found = tuple["pd.DataFrame | None", float, float]
"""Accounts that are odd, with the figure; what is usual; the limit."""


def earnings(points: Any, as_of: dt.date) -> nw.LazyFrame[Any]:
    """Earnings up to a day: customer_id, at, points, behaviour, item, object, one, day, no_time (1 without a time of day)."""
    frames.day_number(as_of)
    lf = frames.lazy(points, "customer_id", "posted_at", "points", "kind", table="points")
    names = lf.collect_schema().names()
    lf = lf.filter(
        customers.on_or_before(lf, as_of, "posted_at"),
        nw.col("kind") == "earn",
        nw.col("points") > 0,
        ~nw.col("customer_id").is_null(),
    )
    at = nw.col("posted_at").cast(nw.Datetime("us"))
    named = [nw.col(name).cast(nw.String).fill_null("") for name in ("order_id", "object_id") if name in names]
    item = nw.concat_str(named, separator=" ") if len(named) > 1 else named[0] if named else nw.lit("")
    lf = lf.select(
        "customer_id",
        at.alias("at"),
        nw.col("points").cast(nw.Float64),
        (nw.col("behaviour").fill_null("") if "behaviour" in names else nw.lit("")).alias("behaviour"),
        item.alias("item"),
        (nw.col("object_id").cast(nw.String) if "object_id" in names else nw.lit("")).fill_null("").alias("object"),
    )
    lf = lf.with_columns(nw.lit(1).alias("one"), frames.start_of(lf, "at").alias("day"))
    return lf.with_columns(nw.when(nw.col("at") == nw.col("day")).then(nw.lit(1)).otherwise(nw.lit(0)).alias("no_time"))


def _odd(by_customer: nw.LazyFrame[Any], name: str, times: float, people: int) -> Found:
    """Customers far beyond what is usual, the usual and the limit; those who are not in the frame have 0."""
    import numpy as np

    counts = frames.collect(by_customer.group_by(name).agg(nw.len().alias("accounts"))).sort_values(name)
    if counts.empty:
        return None, 0.0, float(LEAST[name])
    levels = np.concatenate([[0], counts[name].to_numpy()])
    reached = np.cumsum(np.concatenate([[people - counts["accounts"].sum()], counts["accounts"].to_numpy()])) / people
    usual = float(levels[np.searchsorted(reached, USUAL - 1e-12)])
    limit = max(float(LEAST[name]), float(np.ceil(times * usual)))
    return frames.collect(by_customer.filter(nw.col(name) >= limit)), usual, limit


def velocity(rows: nw.LazyFrame[Any], times: float, people: int) -> Found:
    """Most earnings within an hour of the clock."""
    hours = rows.with_columns(frames.start_of(rows, "at", "1h").alias("hour")).group_by("customer_id", "hour")
    most = hours.agg(nw.len().alias("velocity")).group_by("customer_id").agg(nw.col("velocity").max())
    return _odd(most, "velocity", times, people)


def repeats(rows: nw.LazyFrame[Any], times: float, people: int) -> Found:
    """Most earnings by one behaviour with one object."""
    named = rows.filter(nw.col("item") != "", nw.col("item") != " ")
    each = named.group_by("customer_id", "behaviour", "item").agg(nw.len().alias("repeats"))
    return _odd(each.group_by("customer_id").agg(nw.col("repeats").max()), "repeats", times, people)


def nights(rows: nw.LazyFrame[Any]) -> "tuple[pd.DataFrame, nw.LazyFrame[Any]]":
    """How many accounts have so many earnings, so many of them at night; and each account's two numbers."""
    hour = nw.col("at").dt.hour()
    in_night = (hour >= NIGHT[0]) & (hour <= NIGHT[1]) & (nw.col("no_time") == 0)
    by_customer = (
        rows.with_columns(nw.when(in_night).then(nw.lit(1)).otherwise(nw.lit(0)).alias("night"))
        .group_by("customer_id")
        .agg(nw.col("one", "night", "no_time", "points").sum())
        .with_columns(nw.lit(1).alias("accounts"))
    )
    counted = frames.collect(by_customer.group_by("one", "night").agg(nw.col("accounts", "no_time", "points").sum()))
    return counted.sort_values(["one", "night"], ignore_index=True), by_customer.select("customer_id", "one", "night")


def night(counted: "pd.DataFrame", by_customer: nw.LazyFrame[Any]) -> Found:
    """Judged by the chance that so many of an account's earnings fall into the night hours, as others' do."""
    from scipy.stats import binom

    # By account, not by earning: a few that live at night must not make the night usual.
    share = counted["night"] / counted["one"]
    people = counted["accounts"].sum()
    base = max(float((share * counted["accounts"]).sum() / people), 1e-4)
    chance = binom.sf(counted["night"] - 1, counted["one"], base) * people
    mostly = 2 * counted["night"] > counted["one"]  # some people are up at night
    odd = counted[(counted["night"] >= LEAST["night"]) & mostly & (chance < CHANCE)]
    if odd.empty:
        return None, base, float("nan")
    which = frames.beside(by_customer, odd[["one", "night"]])
    return frames.collect(by_customer.join(which, on=["one", "night"], how="inner")), base, float("nan")


def rings(rows: nw.LazyFrame[Any]) -> "pd.DataFrame | None":
    """Accounts in a circle of invitations, and how many there are in it."""
    import numpy as np
    import pandas as pd
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ids = rows.with_columns(nw.col("customer_id").cast(nw.String).alias("object"))
    known = ids.group_by("object").agg(nw.len().alias("postings"))
    links = (rows.filter(nw.col("object") != "").group_by("customer_id", "object").agg(nw.len().alias("times"))).join(
        known, on="object", how="inner"
    )
    edges = frames.collect(links.select("customer_id", "object"))
    if edges.empty:
        return None
    codes, names = pd.factorize(np.concatenate([edges["customer_id"].astype(str), edges["object"]]))
    tail, head = codes[: len(edges)], codes[len(edges) :]
    graph = coo_matrix((np.ones(len(edges)), (tail, head)), shape=(len(names), len(names)))
    _, ring = connected_components(graph, directed=True, connection="strong")
    size = np.bincount(ring)[ring]
    himself = np.isin(np.arange(len(names)), tail[tail == head])
    own = edges["customer_id"].drop_duplicates()
    odd = pd.DataFrame({"key": names, "ring": size})[(size > 1) | himself]
    return pd.DataFrame({"customer_id": own, "key": own.astype(str)}).merge(odd, on="key")[["customer_id", "ring"]]


def together(rows: nw.LazyFrame[Any], people: int) -> "pd.DataFrame | None":
    """Accounts that share minutes with another one more often than chance would have it, and with how many they do.

    Args:
        rows: From `earnings`.
        people: How many accounts there are.
    """
    minutes = (
        rows.with_columns(frames.start_of(rows, "at", "1m").alias("minute"))
        .group_by("customer_id", "behaviour", "minute")
        .agg(nw.col("one").max())
        .with_columns(nw.col("one").sum().over("behaviour", "minute").alias("crowd"))
    )
    few = minutes.filter(nw.col("crowd") > 1, nw.col("crowd") <= CROWD).select("customer_id", "behaviour", "minute")
    pairs = frames.collect(
        few.join(few, on=["behaviour", "minute"], how="inner", suffix="_other")
        .filter(nw.col("customer_id") < nw.col("customer_id_other"))
        .group_by("customer_id", "customer_id_other", "behaviour")
        .agg(nw.len().alias("shared"))
        .filter(nw.col("shared") >= LEAST["together"])
    )
    if pairs.empty:
        return None
    odd = pairs[_by_more_than_chance(minutes, pairs, people)]
    return _others(odd)


def _by_more_than_chance(minutes: nw.LazyFrame[Any], pairs: "pd.DataFrame", people: int) -> "pd.Series[bool]":
    """Which pairs share more minutes than their numbers of earnings, in the time they were there, make likely."""
    import pandas as pd
    from scipy.stats import poisson

    meets = nw.when(nw.col("crowd") <= CROWD).then((nw.col("crowd") - 1) / 2).otherwise(nw.lit(0.0))
    by_account = minutes.with_columns(meets.alias("meetings"), frames.epoch_day("minute").alias("day")).group_by(
        "customer_id", "behaviour"
    )
    own = by_account.agg(
        nw.col("one").sum().alias("n"),
        nw.col("meetings").sum(),
        nw.col("day").min().alias("first"),
        nw.col("day").max().alias("last"),
    )
    whole = frames.collect(
        own.group_by("behaviour").agg(
            nw.col("n", "meetings").sum(), nw.col("first").min().alias("begin"), nw.col("last").max().alias("end")
        )
    ).rename(columns={"n": "actions"})
    named = pd.concat([pairs["customer_id"], pairs["customer_id_other"]]).drop_duplicates()
    which = frames.beside(own, named.to_frame("customer_id"))
    their = frames.collect(own.join(which, on="customer_id", how="semi")).drop(columns="meetings")
    met = pairs.merge(their, on=["customer_id", "behaviour"]).merge(whole, on="behaviour")
    other = their.rename(columns={"customer_id": "customer_id_other"})
    met = pairs.merge(met, how="left").merge(other, on=["customer_id_other", "behaviour"], suffixes=("", "_other"))
    # How often any two earnings meet by chance: those who meet again and again must not make it usual.
    by_chance = (met["meetings"] - met.groupby("behaviour")["shared"].transform("sum")).clip(lower=1)
    rate = 2 * by_chance / met["actions"].astype(float) ** 2
    longer = pd.concat([met["last"] - met["first"], met["last_other"] - met["first_other"]], axis=1).max(axis=1) + 1
    # Accounts that were there for a short time only meet more often than their numbers alone would have it.
    expected = met["n"] * met["n_other"] * rate * (met["end"] - met["begin"] + 1) / longer
    chance = pd.Series(poisson.sf(met["shared"] - 1, expected), index=pairs.index)
    return chance * people * (people - 1) / 2 < CHANCE


def _others(pairs: "pd.DataFrame") -> "pd.DataFrame":
    """Each account of the pairs, and with how many others it is in one."""
    import pandas as pd

    one, other = pairs["customer_id"], pairs["customer_id_other"]
    both = pd.DataFrame({"customer_id": pd.concat([one, other]), "with": pd.concat([other, one])})
    return both.groupby("customer_id")["with"].nunique().rename("together").reset_index()
