"""The page's estimates beside what was planted in a sample shop."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opskit.truth import beside_truth

if TYPE_CHECKING:
    import pandas as pd

TRUTH_WINDOW_DAYS = 90  # the shares in truth.json count touches of so many days
_PLANTED = {"responses_per_message": "message.response_kept", "opt_outs_per_message": "message.opt_out_growth"}


def recovery(
    truth: Mapping[str, Any],
    alone: "pd.DataFrame",
    together: "pd.DataFrame",
    rates: "pd.DataFrame",
    factors: "pd.DataFrame",
    *,
    window_days: int = TRUTH_WINDOW_DAYS,
) -> "pd.DataFrame":
    """Each estimate that has a truth, beside it.

    Args:
        truth: Of the dataset; empty where nothing was planted.
        alone: From `by_channel`.
        together: From `together`.
        rates: From `rates_by_arm`.
        factors: From `factors`.
        window_days: Of the audiences; shares are compared only where it is that of the truth.

    Returns:
        name (in truth.json; the naive factor as that of the lot), how, truth, estimate, low, high, inside.
    """
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    if window_days == TRUTH_WINDOW_DAYS:
        rows += [
            (f"reach.share.{r['channel']}", "counted", r["share"], r["low"], r["high"]) for _, r in alone.iterrows()
        ]
        again = together[together["measure"] == "counted_again"]
        rows += [("reach.counted_again", "counted", r["estimate"], r["low"], r["high"]) for _, r in again.iterrows()]
    rows += [
        (f"frequency.{r['measure']}.{r['arm']}", "tested", r["estimate"], r["low"], r["high"])
        for _, r in rates.iterrows()
        if r["measure"] != "opt_outs_per_message"
    ]
    rows += [(_PLANTED[r["measure"]], r["how"], r["factor"], r["low"], r["high"]) for _, r in factors.iterrows()]
    table = pd.DataFrame(rows, columns=["name", "how", "estimate", "low", "high"])
    table = beside_truth(table, truth)
    known = table["truth"].notna() & table["low"].notna()
    return table.loc[known, ["name", "how", "truth", "estimate", "low", "high", "inside"]].reset_index(drop=True)
