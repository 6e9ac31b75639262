"""Whether the arms of a test were alike before it: where they were not, the lot is not believed."""

from typing import TYPE_CHECKING, Any

from opskit.acquisition.reach.trial import WEEK, Trial

if TYPE_CHECKING:
    import pandas as pd

REFUTES = 0.01
"""A smaller p-value, after Holm's correction, refutes the lot: a true lot is refuted once in a hundred tests."""


def balance(found: Trial) -> "pd.DataFrame":
    """What was known of each arm before the test, and how rare such differences are when arms are drawn by lot.

    Args:
        found: From `trial`.

    Returns:
        known_before (messages_before, responses_before, orders_before: per customer in the days before; entry: mean day
        of entry, days after the first arm), one column per arm with its mean, p_value (Holm; missing for entry),
        alike (entry: arms began within a week of each other).

    Source: Welch (1951), "On the comparison of several mean values", for unlike variances; Holm (1979).
    """
    import numpy as np
    import pandas as pd
    from statsmodels.stats.multitest import multipletests

    if not found.there:
        return pd.DataFrame(columns=["known_before", "p_value", "alike"])
    order = found.arms["arm"].tolist()
    rows: list[dict[str, Any]] = []
    for name, part in found.before.groupby("known_before", sort=False):
        part = part.set_index("arm").loc[order]
        means = part["mean"] - (part["mean"].min() if name == "entry" else 0)
        rows.append({"known_before": name, **means.to_dict(), "p_value": np.nan if name == "entry" else _welch(part)})
    table = pd.DataFrame(rows)
    tested = table["p_value"].notna()
    if tested.any():
        table.loc[tested, "p_value"] = multipletests(table.loc[tested, "p_value"], method="holm")[1]
    late = table[order].max(axis=1) - table[order].min(axis=1)
    table["alike"] = np.where(table["known_before"] == "entry", late <= WEEK, ~(table["p_value"] < REFUTES))
    return table.sort_values("known_before", key=lambda names: names == "entry", kind="stable", ignore_index=True)


def believed(table: "pd.DataFrame") -> bool:
    """Whether nothing known before refutes that the arms were drawn by lot.

    Args:
        table: From `balance`.
    """
    return bool(len(table)) and bool(table["alike"].all())


def _welch(part: "pd.DataFrame") -> float:
    """p-value of equal means from n, mean and variance of each arm; missing where an arm has one customer."""
    import numpy as np
    from scipy.special import fdtrc

    n, mean, variance = (part[name].to_numpy(dtype=float) for name in ("n", "mean", "variance"))
    if (n < 2).any():
        return np.nan
    if (variance <= 1e-12).any():  # all alike within an arm: no spread to judge by, unless the arms are all alike too
        variance = np.maximum(variance, float(np.average(variance, weights=n)))
        if (variance <= 1e-12).any():
            return 1.0 if np.ptp(mean) < 1e-12 else 0.0
    weight = n / variance
    centre = float(np.average(mean, weights=weight))
    arms = len(n)
    lost = float(((1 - weight / weight.sum()) ** 2 / (n - 1)).sum())
    between = float((weight * (mean - centre) ** 2).sum()) / (arms - 1)
    f = between / (1 + 2 * (arms - 2) / (arms**2 - 1) * lost)
    return float(fdtrc(arms - 1, (arms**2 - 1) / (3 * lost), f))
