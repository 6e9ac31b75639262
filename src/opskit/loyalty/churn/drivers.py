"""What goes with leaving: columns that the model leans on, near-copies together, and in which direction."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.errors import check
from opskit.features.judge import placements
from opskit.loyalty.churn.costs import quantile
from opskit.loyalty.churn.models import Comparison, probability
from opskit.loyalty.churn.panel import Panel

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_LEVELS = 6  # values of a text shown one by one; of numbers, at most four quarters


def drivers(
    found: Panel,
    compared: Comparison,
    *,
    alike: float = 0.7,
    repeats: int = 5,
    confidence: float = 0.95,
    seed: int = 7,
) -> "pd.DataFrame":
    """How much worse the chosen model orders the test period's customers once a group of columns is shuffled.

    Args:
        found: From `panel`.
        compared: From `compare`.
        alike: Columns whose rank correlation is at least this, on average, are shuffled together: shuffling one of two
            copies alone would show nothing.
        repeats: How often each group is shuffled.
        confidence: Coverage of the intervals, between 0 and 1.
        seed: Of the shuffling.

    Returns:
        group (named after its column that goes most closely with leaving), columns (how many), members, estimate (loss
        of area under the curve), low, high, n; the largest loss first.

    Raises:
        OpskitError: An option is out of range.

    Assumes nothing about causes: a column may stand for what makes a customer leave, or follow from it.

    Source: Breiman (2001), "Random forests", for the shuffling; the interval is DeLong's (`features.accuracy`) for the
    loss, averaged over repeats.
    """
    import numpy as np
    import pandas as pd

    check(alike, "alike", gt=0, lt=1)
    check(repeats, "repeats", ge=1)
    rows, model = compared.tested, compared.fitted[compared.chosen]
    truth = rows["left"].to_numpy(dtype=bool)
    whole = placements(compared.tested[compared.chosen].to_numpy(dtype=float), truth)
    rng = np.random.default_rng(seed)
    table: list[dict[str, Any]] = []
    for members in _groups(rows, [*found.behaviour, *found.attributes], truth, alike):
        left = [np.zeros(truth.sum()), np.zeros((~truth).sum())]
        for _ in range(repeats):
            order = rng.permutation(len(rows))
            shuffled = rows.assign(**{name: rows[name].array[order] for name in members})
            for part, one in zip(left, placements(probability(model, shuffled), truth), strict=True):
                part += one / repeats
        yes, no = whole[0] - left[0], whole[1] - left[1]
        half = quantile(confidence) * np.sqrt(yes.var(ddof=1) / len(yes) + no.var(ddof=1) / len(no))
        loss = float(yes.mean())
        row = {"group": members[0], "columns": len(members), "members": ", ".join(members), "estimate": loss}
        table.append({**row, "low": loss - half, "high": loss + half, "n": len(rows)})
    return pd.DataFrame(table).sort_values("estimate", ascending=False, kind="stable").reset_index(drop=True)


def directions(
    rows: "pd.DataFrame", columns: list[str], *, quarters: int = 4, confidence: float = 0.95
) -> "pd.DataFrame":
    """Share that left by the value of a column, on the test period.

    Args:
        rows: ``tested`` of a Comparison.
        columns: Columns to look at.
        quarters: Groups of equal size to cut a number into; equal values stay together.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        column, value (range of numbers, or the text; "none" where missing), customers, left (share), low, high, ordered (whether
        the values have an order).

    Raises:
        OpskitError: quarters is below 2, or the confidence is not between 0 and 1.
    """
    import pandas as pd

    check(quarters, "quarters", ge=2)
    parts: list[pd.DataFrame] = []
    for name in columns:
        values = _binned(rows[name], quarters)
        counts = rows["left"].astype(int).groupby(values, observed=True, sort=False).agg(["size", "sum"])
        order = [level for level in values.cat.categories if level in counts.index]
        counts = counts.loc[order]
        low, high = stats.wilson(counts["sum"], counts["size"], confidence=confidence)
        parts.append(
            pd.DataFrame(
                {
                    "column": name,
                    "value": [str(value) for value in counts.index],
                    "customers": counts["size"].to_numpy(),
                    "left": (counts["sum"] / counts["size"]).to_numpy(),
                    "low": low,
                    "high": high,
                    "ordered": rows[name].dtype != "category",
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def left_shares(rows: "pd.DataFrame", *, confidence: float = 0.95) -> "pd.DataFrame":
    """Share that left among all, by channel (where there is such an attribute) and by orders so far.

    Args:
        rows: ``tested`` of a Comparison.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        group ("all", the channel's name, "after_1" … "after_5_or_more"), customers, left (share), low, high.

    Raises:
        OpskitError: The confidence is not between 0 and 1.
    """
    import pandas as pd

    left, orders = rows["left"].astype(int), rows["orders"].astype(int)
    groups = {"all": left}
    if "channel" in rows:
        channel = rows["channel"].astype(object)
        groups |= {str(name): left[channel == name] for name in sorted(channel.dropna().unique(), key=str)}
    groups |= {f"after_{k}": left[orders == k] for k in (1, 2, 3, 4)} | {"after_5_or_more": left[orders >= 5]}
    table = pd.DataFrame({name: part.agg(["size", "sum"]) for name, part in groups.items()}).T
    low, high = stats.wilson(table["sum"], table["size"], confidence=confidence)
    share = table["sum"] / table["size"].where(table["size"] > 0)
    found = pd.DataFrame({"customers": table["size"].astype("int64"), "left": share, "low": low, "high": high})
    return found.rename_axis("group").reset_index()


def _binned(column: "pd.Series[Any]", quarters: int) -> "pd.Series[Any]":
    import pandas as pd

    if column.dtype == "category":
        common = column.value_counts().index[:_LEVELS]
        text = column.astype(object).where(column.isin(common), "others").where(column.notna(), "none")
        levels = [*[str(level) for level in common], "others", "none"]
        return text.astype(str).astype(pd.CategoricalDtype(list(dict.fromkeys(levels))))
    distinct = sorted(column.dropna().unique())
    if len(distinct) <= quarters:
        names = {value: f"{value:.4g}" for value in distinct}
        text = column.map(names).astype(object)
        levels = list(names.values())
    else:
        cut = pd.qcut(column, quarters, duplicates="drop")
        spans = column.groupby(cut, observed=True).agg(["min", "max"])
        names = {
            level: f"{span['min']:.4g}" if span["min"] == span["max"] else f"{span['min']:.4g} to {span['max']:.4g}"
            for level, span in spans.iterrows()
        }
        text, levels = cut.astype(object).map(names), list(names.values())
    return text.where(column.notna(), "none").astype(pd.CategoricalDtype(list(dict.fromkeys([*levels, "none"]))))


def _groups(rows: "pd.DataFrame", columns: list[str], truth: "np.ndarray[Any, Any]", alike: float) -> list[list[str]]:
    """Columns that are near-copies of each other, the one closest to the outcome first."""
    import numpy as np
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    varied = [name for name in columns if rows[name].nunique(dropna=False) > 1]
    texts = [name for name in varied if rows[name].dtype == "category"]
    numbers = [name for name in varied if name not in texts]
    found = [[name] for name in texts]
    if len(numbers) < 2:
        return [*found, *([name] for name in numbers)]
    values = rows[numbers].apply(lambda column: column.fillna(column.min() - 1).rank())
    correlation = np.abs(np.nan_to_num(np.corrcoef(values.to_numpy(), rowvar=False)))
    distance = np.clip(1 - (correlation + correlation.T) / 2, 0, 1)
    np.fill_diagonal(distance, 0)
    label = fcluster(linkage(squareform(distance, checks=False), "average"), 1 - alike, "distance")
    close = {name: abs(float(placements(values[name].to_numpy(), truth)[0].mean()) - 0.5) for name in numbers}
    for group in sorted(set(label)):
        members = [name for name, at in zip(numbers, label, strict=True) if at == group]
        found.append(sorted(members, key=lambda name: -close[name]))
    return found
