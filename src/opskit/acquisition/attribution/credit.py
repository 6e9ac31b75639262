"""What every rule credits to every channel, with intervals over customers, and where the rules disagree."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.acquisition.attribution import markov
from opskit.acquisition.attribution.paths import Paths
from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MEASURES = ("conversions", "value")


def credit(paths: Paths, *, measure: str = "conversions", confidence: float = 0.95) -> "pd.DataFrame":
    """What each rule credits to each channel; every rule shares out the same total.

    Args:
        paths: From `count_paths`, which says what the rules are.
        measure: ``"conversions"``, or ``"value"`` where the touchpoints have one. The chain of ``markov`` knows no
            value: its shares are applied to the total.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        One row per rule and channel: credit (in the measure), low, high; share (of the total), share_low, share_high;
        n (converting paths in all).

    Raises:
        OpskitError: The measure is unknown or adds up to nothing, or the confidence is not between 0 and 1.

    Assumes customers are independent of each other. No rule compares with customers who were not touched, so none
    says what a channel causes: credit is who stood where.

    Source: intervals by the delete-a-group jackknife, as `opskit.stats.jackknife`.

    >>> import datetime as dt, pandas as pd
    >>> from opskit.acquisition.attribution import count_paths
    >>> at = pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-03"])
    >>> table = pd.DataFrame({"customer_id": 1, "channel": ["ads", "search", "search"], "touched_at": at})
    >>> table["converted"] = [False, False, True]
    >>> found = credit(count_paths(table, as_of=dt.date(2025, 1, 31), rules=["first", "shapley"]))
    >>> found[["rule", "channel", "credit"]].values.tolist()
    [['first', 'ads', 1.0], ['first', 'search', 0.0], ['shapley', 'ads', 0.5], ['shapley', 'search', 0.5]]
    """
    import numpy as np
    import pandas as pd

    def both(sums: _Sums) -> "NDArray[Any]":
        shares = sums.shares().ravel()
        return np.concatenate([shares * sums.total, shares])

    found = _jackknifed(paths, both, measure=measure, confidence=confidence)
    names = paths.channels["channel"].tolist()
    rules = np.repeat(np.array(paths.rules, dtype=object), len(names))
    table = pd.DataFrame({"rule": rules, "channel": names * len(paths.rules)})
    table[["credit", "low", "high"]] = found.iloc[: len(rules)].to_numpy()
    table[["share", "share_low", "share_high"]] = found.iloc[len(rules) :].to_numpy()
    table["low"] = table["low"].clip(lower=0)
    table[["share_low", "share_high"]] = table[["share_low", "share_high"]].clip(0, 1)
    return table.assign(n=paths.conversions)


def disagreement(paths: Paths, *, measure: str = "conversions", confidence: float = 0.95) -> "pd.DataFrame":
    """By channel: which rule credits it most, which least, and how far they are apart.

    Args:
        paths: From `count_paths`.
        measure: ``"conversions"`` or ``"value"``.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        channel, most (the rule), most_share, least, least_share, difference (of the shares), low, high, n (converting
        paths); the widest difference first.

    Raises:
        OpskitError: The measure is unknown or adds up to nothing, or the confidence is not between 0 and 1.

    Assumes as `credit`. The two rules are picked after looking, so a small difference is partly chance.
    """
    import numpy as np
    import pandas as pd

    whole = _Sums.of(paths, _numbered(paths, measure).groupby("entry")["sum"].sum().to_numpy(dtype=float)).shares()
    most, least, place = whole.argmax(axis=0), whole.argmin(axis=0), np.arange(whole.shape[1])

    def apart(sums: _Sums) -> "NDArray[Any]":
        shares = sums.shares()
        return shares[most, place] - shares[least, place]

    found = _jackknifed(paths, apart, measure=measure, confidence=confidence)
    rules = np.array(paths.rules, dtype=object)
    table = pd.DataFrame(
        {
            "channel": paths.channels["channel"],
            "most": rules[most],
            "most_share": whole[most, place],
            "least": rules[least],
            "least_share": whole[least, place],
            "difference": found["estimate"].to_numpy(),
            "low": found["low"].clip(lower=0).to_numpy(),
            "high": found["high"].to_numpy(),
            "n": paths.conversions,
        }
    )
    return table.sort_values(["difference", "channel"], ascending=[False, True], ignore_index=True)


def removal_effects(paths: Paths, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Share of all conversions lost in the chain when every path that reaches a channel ends there.

    Args:
        paths: From `count_paths`, markov among its rules.
        confidence: Coverage of the interval, between 0 and 1.

    Returns:
        channel, removal_effect, low, high (shares; together they exceed 1), n (paths counted); the largest first.

    Raises:
        OpskitError: The paths were counted without markov, or the confidence is not between 0 and 1.

    Assumes the next channel depends on the present one only, and that without the channel people would do nothing else
    instead: they would, so an effect in the chain is no effect in the world.
    """
    import pandas as pd

    counted = chain(paths)
    found = _jackknifed(
        paths, lambda sums: markov.removal_effects(sums.chain), measure="conversions", confidence=confidence
    )
    table = pd.DataFrame({"channel": paths.channels["channel"], "removal_effect": found["estimate"].to_numpy()})
    table[["low", "high"]] = found[["low", "high"]].clip(0, 1).to_numpy()
    table["n"] = int(counted.begins.sum())
    return table.sort_values(["removal_effect", "channel"], ascending=[False, True], ignore_index=True)


def chain(paths: Paths) -> markov.Chain:
    """Counts of the chain over all customers, channels in the order of ``paths.channels``.

    Raises:
        OpskitError: The paths were counted without markov.
    """
    if "markov" not in paths.rules:
        raise OpskitError(f"paths.rules == {paths.rules!r}, must hold 'markov'. Give it to count_paths.")
    sums = _numbered(paths, "conversions").groupby("entry")["sum"].sum()
    return _Sums.of(paths, sums.to_numpy(dtype=float)).chain


class _Sums:
    """Sums over customers, read back from the numbered list."""

    def __init__(self, rules: tuple[str, ...], total: float, by_rule: "NDArray[Any]", chain: markov.Chain) -> None:
        self.rules, self.total, self.by_rule, self.chain = rules, total, by_rule, chain

    @classmethod
    def of(cls, paths: Paths, sums: "NDArray[Any]") -> "_Sums":
        told = len(_path_rules(paths))
        table = sums[1:].reshape(-1, len(paths.channels))
        begins, converts, leaves = table[told : told + 3]
        steps = markov.Chain(begins=begins, moves=table[told + 3 :], converts=converts, leaves=leaves)
        return cls(paths.rules, float(sums[0]), table[:told], steps)

    def shares(self) -> "NDArray[Any]":
        """Share of the total by rule (rows) and channel."""
        import numpy as np

        credited = iter(self.by_rule / self.total if self.total > 0 else self.by_rule * np.nan)
        effects = markov.removal_effects(self.chain) if "markov" in self.rules else np.empty(0)
        return np.array([effects / effects.sum() if rule == "markov" else next(credited) for rule in self.rules])


def _jackknifed(
    paths: Paths, statistic: "Callable[[_Sums], NDArray[Any]]", *, measure: str, confidence: float
) -> "pd.DataFrame":
    """Estimate, low and high of any function of the sums, by leaving out one group of customers at a time."""
    import pandas as pd

    return stats.jackknife(
        _numbered(paths, measure),
        lambda total: pd.Series(statistic(_Sums.of(paths, total["sum"].to_numpy(dtype=float)))),
        keys=["entry"],
        confidence=confidence,
    )


def _numbered(paths: Paths, measure: str) -> "pd.DataFrame":
    """All sums as one numbered list, by group of customers: group, entry, sum. `_Sums.of` reads it back.

    Entry 0 is the total; then come, a row of channels each, the credit of every rule; beginnings, conversions and ends
    without one; and, a row for every channel, the moves to the others.
    """
    import numpy as np
    import pandas as pd

    check(measure, "measure", among=MEASURES)
    if not getattr(paths, measure) > 0:
        raise OpskitError(
            f"the conversions have no {measure}, so there is none to share out. Add the column {measure!r}."
        )
    channels, rules = pd.Index(paths.channels["channel"]), pd.Index(_path_rules(paths))
    size, credited, steps = len(channels), paths.credits, paths.steps
    at, to = (channels.get_indexer(pd.Index(steps[end])) for end in ("channel", "next"))  # -1: beginning, end
    row = np.select([at < 0, to >= 0, steps["converted"] == 1], [0, 3 + at, 1], default=2)
    of_steps = 1 + (len(rules) + row) * size + np.where(to >= 0, to, at)
    of_rules = (
        1 + rules.get_indexer(pd.Index(credited["rule"])) * size + channels.get_indexer(pd.Index(credited["channel"]))
    )
    whole = paths.totals[["group", measure]].to_numpy()
    every = np.arange(1 + (len(rules) + 3 + size) * size)  # so that no entry is missing
    groups = np.concatenate([whole[:, 0], credited["group"], steps["group"], np.full(len(every), whole[0, 0])])
    entries = np.concatenate([np.zeros(len(whole)), of_rules, of_steps, every])
    sums = np.concatenate([whole[:, 1], credited[measure], steps["n"], np.zeros(len(every))])
    return pd.DataFrame({"group": groups.astype(int), "entry": entries.astype(int), "sum": sums.astype(float)})


def _path_rules(paths: Paths) -> list[str]:
    return [rule for rule in paths.rules if rule != "markov"]
