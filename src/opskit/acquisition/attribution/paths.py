"""One scan for the path rules, one for the chain: small sums by channel and group of customers, made inside the engine."""

import datetime as dt
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames, stats
from opskit.acquisition.attribution.touches import ORDER, by_channel, in_paths, touches
from opskit.errors import check

if TYPE_CHECKING:
    import pandas as pd

RULES = ("first", "last", "last_non_direct", "linear", "position", "time_decay", "markov", "shapley")
PATH = ("customer_id", "path")


@dataclass(frozen=True)
class Paths:
    """What the rules need to know of the touches.

    Attributes:
        rules: Rules that can be told from it, in order.
        channels: channel, touches, converted (conversions it was the last touch of), value.
        credits: group, channel, rule, conversions, value: what each rule but markov credits, by group of customers.
        steps: group, channel (``""``: the beginning), next (``""``: the end), converted, n: how often one followed the
            other, for markov.
        totals: group, conversions, value: what every rule shares out.
        conversions: Converting paths.
        value: Of all conversions.
        direct: Channels that last_non_direct passes over.
    """

    rules: tuple[str, ...]
    channels: "pd.DataFrame"
    credits: "pd.DataFrame"
    steps: "pd.DataFrame"
    totals: "pd.DataFrame"
    conversions: int
    value: float
    direct: tuple[str, ...]


def count_paths(
    touchpoints: Any,
    *,
    as_of: dt.date,
    since: dt.date | None = None,
    rules: Sequence[str] = RULES,
    half_life_days: float = 7,
    ends_share: float = 0.4,
    direct: Collection[str] = ("direct",),
    null_paths: bool = True,
    groups: int = 100,
) -> Paths:
    """Count touches and paths once, for all rules and for their intervals.

    A path is a customer's touches up to a conversion; the next touch begins another, and touches after the last
    conversion are a null path. Touches of one moment stand in this order: those that did not convert first, then by
    name of the channel, then by value.

    - ``first``, ``last``: the first or the last touch takes all. ``last_non_direct``: the last touch that is not one of
      `direct`, or the last one where there is no other; left out where no channel is direct, for it would repeat last.
    - ``linear``: every touch alike. ``position``: the ends take `ends_share` each, those between the rest.
      ``time_decay``: a touch `half_life_days` before the conversion weighs half as much.
    - ``markov``: in proportion to the removal effects of a first-order chain.
    - ``shapley``: the Shapley value of the game in which a group of channels is worth the conversions of the paths that
      hold no other channel. Its closed form is exact for any number of channels: a path's conversion is divided equally
      between its distinct channels.

    Args:
        touchpoints: Any engine's frame with customer_id, channel, touched_at, converted (true on the last touch before
            a conversion); value (of the conversion) where known.
        as_of: Last day to count, inclusive.
        since: First day to count; earlier touches are not seen. None: from the beginning.
        rules: Which rules to prepare; fewer take less time.
        half_life_days: Of ``time_decay``.
        ends_share: Of ``position``, at most one half.
        direct: Channels that people come by on their own; upper and lower case are the same.
        null_paths: Whether ``markov`` learns from paths that did not convert; without them it cannot tell a channel
            that leads on from one that leads nowhere.
        groups: Groups of customers that intervals are made from; more take longer and are steadier. 1: no intervals.

    Returns:
        Paths, small tables for `credit`, `disagreement` and `removal_effects`.

    Raises:
        OpskitError: An option is out of range, a column is missing, there are no rows, or a row names no channel.
        TooLittleDataError: Nothing converted.

    Assumes a touch that is not recorded did not happen: a path shows what was measured, not what was seen.

    Source: Shapley (1953), "A value for n-person games"; its closed form by Zhao, Mahboobi & Bagheri (2018), "Shapley
    value methods for attribution modeling in online advertising"; the chain by Anderl, Becker, von Wangenheim &
    Schumann (2016), "Mapping the customer journey".

    >>> import pandas as pd
    >>> at = pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-09"])
    >>> table = pd.DataFrame({"customer_id": 1, "channel": ["ads", "search", "ads", "mail"], "touched_at": at})
    >>> found = count_paths(table.assign(converted=[False, True, False, False]), as_of=dt.date(2025, 1, 31))
    >>> found.conversions, found.credits.query("rule == 'linear'")["conversions"].tolist()
    (1, [0.5, 0.5])
    """
    check(half_life_days, "half_life_days", gt=0)
    check(ends_share, "ends_share", ge=0, le=0.5)
    check(groups, "groups", ge=1)
    for rule in rules:
        check(rule, "rules", among=RULES)
    lf = touches(touchpoints, as_of=as_of, since=since)
    channels = by_channel(lf)
    ignored = {name.casefold() for name in direct}
    passed_over = tuple(name for name in channels["channel"] if name.casefold() in ignored)
    told = tuple(rule for rule in rules if passed_over or rule != "last_non_direct")
    shares = _Shares(half_life_days, ends_share, passed_over)
    credited = _credits(lf, [rule for rule in told if rule != "markov"], shares, groups)
    return Paths(
        rules=told,
        channels=channels,
        credits=credited,
        steps=_steps(lf, channels["channel"].tolist(), groups, told, null_paths=null_paths),
        totals=_totals(lf, credited, groups),
        conversions=int(channels["converted"].sum()),
        value=float(channels["value"].sum()),
        direct=passed_over,
    )


def _steps(
    lf: nw.LazyFrame[Any], channels: Sequence[str], groups: int, rules: Collection[str], *, null_paths: bool
) -> "pd.DataFrame":
    """How often each channel follows each other one, begins and ends a path, by group of customers.

    A touch is one small number, which the engine sorts in half the time of texts: its channel's place by name, and as
    many more if it converted. A touch that follows no other begins a path, so beginnings need no look of their own.
    """
    import pandas as pd

    if "markov" not in rules:
        return pd.DataFrame(columns=["group", "channel", "next", "converted", "n"])
    if not null_paths:
        lf = in_paths(lf).filter(nw.col("converting"))
    size = len(channels)
    numbers = frames.beside(lf, pd.DataFrame({"channel": channels, "number": range(size)}))
    numbered = lf.join(numbers, on="channel").with_columns(
        (nw.col("number") + size * nw.col("converted")).alias("kind")
    )
    following = nw.col("kind").shift(-1).over("customer_id", order_by=("touched_at", "kind"))
    counted = frames.collect(
        _grouped(numbered, groups, ids=lf)
        .select("group", "kind", following.alias("following"))
        .group_by("group", "kind", "following")
        .agg(nw.len().alias("n"))
    )
    names = pd.Series([*channels, *channels])
    converted, last = counted["kind"] >= size, counted["following"].isna()
    moved = pd.DataFrame(
        {
            "group": counted["group"],
            "channel": counted["kind"].map(names),
            "next": counted["following"].map(names).mask(converted | last, ""),
            "converted": converted.astype("int64"),
            "n": counted["n"],
        }
    )
    touched = moved.groupby(["group", "channel"])["n"].sum()
    came = moved[moved["next"] != ""].groupby(["group", "next"])["n"].sum().rename_axis(["group", "channel"])
    begun = touched.sub(came, fill_value=0).astype("int64").rename_axis(["group", "next"]).to_frame("n").reset_index()
    both = pd.concat([begun[begun["n"] > 0].assign(channel="", converted=0), moved])
    return both.groupby(["group", "channel", "next", "converted"], as_index=False)[["n"]].sum()


def _totals(lf: nw.LazyFrame[Any], credited: "pd.DataFrame", groups: int) -> "pd.DataFrame":
    """Conversions and their value by group of customers: what every rule shares out."""
    if len(credited):
        one = credited[credited["rule"] == credited["rule"].iloc[0]]
        return one.groupby("group", as_index=False)[["conversions", "value"]].sum()
    ends = _grouped(lf.filter(nw.col("converted") == 1), groups, ids=lf)
    sums = ends.group_by("group").agg(nw.col("converted").sum().alias("conversions"), nw.col("value").sum())
    return frames.collect(sums).sort_values("group", ignore_index=True)


@dataclass(frozen=True)
class _Shares:
    """Each rule's share of a path's conversion that goes to a channel; they add up to 1 over the path's channels.

    A path folded to its channels says of each its touches, its first and last place, and its weight by age.
    """

    half_life_days: float
    ends_share: float
    direct: tuple[str, ...]

    def folded(self, rules: Collection[str]) -> dict[str, nw.Expr]:
        """What a rule asks of the path as a whole."""
        whole = {
            "length": (nw.col("touches").sum(), {"linear", "position"}),
            "start": (nw.col("opens").min(), {"first", "position"}),
            "end": (nw.col("closes").max(), {"last", "last_non_direct", "position"}),
            "end_non_direct": (nw.col("closes_non_direct").max(), {"last_non_direct"}),
            "weights": (nw.col("weight").sum(), {"time_decay"}),
            "distinct": (nw.col("folded").sum(), {"shapley"}),
        }
        return {name: column.over(*PATH) for name, (column, asked_by) in whole.items() if asked_by & set(rules)}

    def of(self, rule: str) -> nw.Expr:
        """The rule's share."""
        first, last = (_one(nw.col(a) == nw.col(b)) for a, b in (("opens", "start"), ("closes", "end")))
        if rule == "position":
            short = nw.col("length") <= 2  # nothing lies between: the ends share all
            between = (nw.col("touches") - first - last) * (1 - 2 * self.ends_share) / (nw.col("length") - 2)
            ends = nw.when(short).then((first + last) / 2.0).otherwise((first + last) * self.ends_share)
            return ends + nw.when(short).then(nw.lit(0.0)).otherwise(between)
        non_direct = _one(nw.col("closes_non_direct") == nw.col("end_non_direct"))
        return {
            "first": first,
            "last": last,
            "last_non_direct": nw.when(nw.col("end_non_direct") > 0).then(non_direct).otherwise(last),
            "linear": nw.col("touches") / nw.col("length"),
            "time_decay": nw.col("weight") / nw.col("weights"),
            "shapley": 1.0 / nw.col("distinct"),
        }[rule]


def _credits(lf: nw.LazyFrame[Any], rules: list[str], shares: _Shares, groups: int) -> "pd.DataFrame":
    """What each rule credits, by group of customers: paths are folded to their channels before any rule looks at them."""
    import pandas as pd

    if not rules:
        return pd.DataFrame(columns=["group", "channel", "rule", "conversions", "value"])
    value = nw.col("value").sum().over(*PATH).alias("value")
    parts = _path_channels(lf, rules, shares).with_columns(value, **shares.folded(rules))
    grouped = _grouped(parts, groups, ids=lf).with_columns(**{rule: shares.of(rule) for rule in rules})
    worth = {f"{rule}_value": nw.col(rule) * nw.col("value") for rule in rules}
    counted = frames.collect(
        grouped.with_columns(**worth).group_by("group", "channel").agg(nw.col(*rules, *worth).sum())
    ).sort_values(["group", "channel"], ignore_index=True)
    keys = counted[["group", "channel"]]
    return pd.concat(
        [keys.assign(rule=rule, conversions=counted[rule], value=counted[f"{rule}_value"]) for rule in rules],
        ignore_index=True,
    )


def _grouped(lf: nw.LazyFrame[Any], groups: int, ids: nw.LazyFrame[Any] | None = None) -> nw.LazyFrame[Any]:
    return lf.with_columns(nw.lit(0).alias("group")) if groups == 1 else stats.assign_groups(lf, groups=groups, ids=ids)


def _path_channels(lf: nw.LazyFrame[Any], rules: Collection[str], shares: _Shares) -> nw.LazyFrame[Any]:
    """One row per converting path and channel, with what the rules ask of it."""
    lf = lf.with_columns(nw.lit(1).alias("one"))
    sums, places = [nw.col("one").sum().alias("touches"), nw.col("value").sum()], []
    if by_place := {"first", "last", "last_non_direct", "position"} & set(rules):
        lf = lf.with_columns(nw.col("one").cum_sum().over("customer_id", order_by=ORDER).alias("place"))
        places = [nw.col("place").min().alias("opens"), nw.col("place").max().alias("closes")]
    if by_age := "time_decay" in rules:
        lf = lf.with_columns(_day(lf).alias("day"))
        sums.append(nw.col("weight").sum())
    converting = in_paths(lf).filter(nw.col("converting"))
    if by_age:
        age = nw.col("day").max().over(*PATH) - nw.col("day")
        converting = converting.with_columns((age * (-math.log(2) / shares.half_life_days)).exp().alias("weight"))
    folded = converting.group_by(*PATH, "channel").agg(*sums, *places).with_columns(nw.lit(1).alias("folded"))
    if not by_place:
        return folded
    own = nw.col("channel").is_in(shares.direct) if shares.direct else nw.lit(value=False)
    non_direct = nw.when(own).then(nw.lit(0)).otherwise(nw.col("closes"))
    return folded.with_columns(non_direct.alias("closes_non_direct"))


def _day(lf: nw.LazyFrame[Any]) -> nw.Expr:
    """Time of the touch in days, to the second."""
    day = frames.epoch_day("touched_at").cast(nw.Float64)
    if lf.collect_schema()["touched_at"] == nw.Date:
        return day
    time = nw.col("touched_at").dt
    hour, minute, second = (part.cast(nw.Int64) for part in (time.hour(), time.minute(), time.second()))  # 8 bits wide
    return day + (hour * 3600 + minute * 60 + second) / 86_400


def _one(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
