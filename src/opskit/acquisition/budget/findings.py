"""The page's key figures and its decision, in words that follow from the numbers."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.acquisition.budget.allocation import Allocation
from opskit.acquisition.budget.curves import IDENTIFIED, Curves
from opskit.acquisition.budget.evidence import Incremental
from opskit.acquisition.budget.series import Series

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


def sheet(table: "pd.DataFrame", names: "Mapping[str, str]") -> "pd.DataFrame":
    """A table for the reader: each estimate with its interval in one cell, a row per channel.

    Args:
        table: Of `curves`, `costs` or `incremental`.
        names: Columns to show and what to call them; those that have name_low and name_high get their interval.

    Returns:
        Texts and counts by channel. A bound that the data leave open is called so; what is missing is a dash.

    >>> import pandas as pd
    >>> row = {"channel": ["ads"], "cost": [5.0], "cost_low": [4.0], "cost_high": [float("inf")]}
    >>> sheet(pd.DataFrame(row), {"cost": "next one"}).loc["ads"].to_list()
    ['5 (4 to open)']
    """
    import pandas as pd

    columns: dict[str, list[Any]] = {}
    for name, spoken in names.items():
        values: list[Any] = list(table[name])
        if f"{name}_low" in table:
            columns[spoken] = [
                f"{_open(one)} ({_open(low)} to {_open(high)})" if one == one else "–"
                for one, low, high in zip(values, table[f"{name}_low"], table[f"{name}_high"], strict=True)
            ]
        else:
            columns[spoken] = [plots.number(one) if isinstance(one, float) else one for one in values]
    return pd.DataFrame(columns, index=pd.Index(table["channel"], name="channel"))


def _open(value: float) -> str:
    return "open" if value == float("inf") else plots.number(value)


def key_figures(
    found: Series,
    curves: Curves,
    extra: Incremental,
    costs: "pd.DataFrame",
    allocation: Allocation,
    *,
    currency: str = "",
) -> "pd.DataFrame":
    """The figures for the top of the report.

    Args:
        found: Of `series`.
        curves: Of `curves`.
        extra: Of `incremental`.
        costs: Of `costs`.
        allocation: Of `allocate`.
        currency: Of the spend.

    Returns:
        name, value, low, high, n, unit, as `reports.headline` takes them.
    """
    import numpy as np
    import pandas as pd

    nothing, n, one = (np.nan, np.nan), int(found.total.sum()), found.outcome.rstrip("s")
    rows: list[tuple[Any, ...]] = [
        ("Channels whose response is identified", len(curves.channels), *nothing, len(curves.table), "channels"),
        (f"{found.outcome.capitalize()} in the period", n, *nothing, n, ""),
    ]
    for _, row in costs.iterrows():
        for key, name in (("average", f"Cost per credited {one}"), ("marginal", f"Cost of the next credited {one}")):
            rows.append((f"{name}, {row['channel']}", *_ends(row, key), int(row["n"]), currency))
    if "share" in extra.table:
        for _, row in extra.table.iterrows():
            rows.append(
                (
                    f"Extra {found.outcome} per credited one, {row['channel']}",
                    row["share"],
                    row["share_low"],
                    row["share_high"],
                    int(row["credited"]),
                    "",
                )
            )
    if len(curves.channels) > 1:
        gain = [30 * value for value in allocation.gain]
        rows.append((f"Extra {found.outcome} in 30 days by the best split of the same total", *gain, n, ""))
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])


def _ends(row: "pd.Series[Any]", key: str) -> list[float]:
    """Value and interval; no interval where it is open."""
    import numpy as np

    value, low, high = (float(row[name]) for name in (key, f"{key}_low", f"{key}_high"))
    return [value, low, high] if np.isfinite(high) else [value, np.nan, np.nan]


def decisions(
    found: Series,
    curves: Curves,
    extra: Incremental,
    costs: "pd.DataFrame",
    allocation: Allocation,
    *,
    currency: str = "",
) -> list[str]:
    """What to do, one sentence a line.

    Args:
        found: Of `series`.
        curves: Of `curves`.
        extra: Of `incremental`.
        costs: Of `costs`.
        allocation: Of `allocate`.
        currency: Of the spend.

    Returns:
        Sentences in Markdown.
    """
    lines = [_move(found, curves, allocation)]
    if len(curves.channels):
        lines.append(_test(curves, extra, found.outcome))
        lines.append(_next(found, costs, currency))
    unknown = curves.table[curves.table["verdict"] != IDENTIFIED]
    for verdict in dict.fromkeys(map(str, unknown["verdict"])):
        names = unknown.loc[unknown["verdict"] == verdict, "channel"]
        reason = verdict.partition(": ")[2]
        lines.append(f"Leave **{', '.join(names)}** out of any split by this page: {reason}.{_remedy(verdict)}")
    return lines


def _move(found: Series, curves: Curves, allocation: Allocation) -> str:
    if len(curves.channels) < 2:
        return "Do **not** move money by this page: fewer than two channels have a response that the data identify."
    value, low, high = (plots.percent(one) for one in allocation.relative)
    gain = f"{value} ({low} to {high}) more extra {found.outcome} for the same total"
    if allocation.gain[1] <= 0:
        return (
            f"**Do not move the money; test first.** The best split promises {gain}, which may be nothing: it is the better one in "
            f"{plots.percent(allocation.chance)} of the curves that the data leave possible."
        )
    moves = [
        f"{row['channel']} {100 * row['change']:+.0f}%".replace("-", "−")
        for _, row in allocation.table.iterrows()
        if abs(row["change"]) > 0.02
    ]
    return f"Move the money in steps: **{', '.join(moves)}** promises {gain}. Keep part of the audience as it is, and look again."


def _test(curves: Curves, extra: Incremental, outcome: str) -> str:
    """The channel whose share, unknown as it is, most hangs on."""
    import numpy as np

    unsure = (extra.draws * curves.response_draws).std(axis=0)
    place = int(np.argmax(unsure))
    name = curves.channels[place]
    if "share" not in extra.table:
        return (
            f"Test **{name}** next, by leaving it out for half of its audience by lot: what it causes is known least."
        )
    row: Any = extra.table.set_index("channel").loc[name]
    return (
        f"Test **{name}** next, by leaving it out for half of its audience by lot: of its {int(row['credited']):,} credited {outcome} "
        f"between {plots.percent(max(row['share_low'], 0.0))} and {plots.percent(row['share_high'])} may be extra, and no other "
        "channel's doubt weighs more."
    )


def _next(found: Series, costs: "pd.DataFrame", currency: str) -> str:
    one = found.outcome.rstrip("s")
    known = costs["extra_marginal"].replace(float("inf"), float("nan")).fillna(-1.0)
    dearest: Any = costs.iloc[int(known.to_numpy().argmax())]
    if not 0 < dearest["extra_marginal"] < float("inf"):
        return f"What the next extra {one} costs cannot be told in any channel: no share that is extra is known to be above 0."
    return (
        f"Judge the next {currency or 'money'} by what the **next** {one} costs, not by the average: for {dearest['channel']} that is "
        f"{plots.money(dearest['extra_marginal'], currency)} against {plots.money(dearest['extra_average'], currency)} per extra {one}."
    )


def _remedy(verdict: str) -> str:
    if "varied" in verdict or "move with" in verdict or "chance" in verdict:
        return " Vary its weekly budget by lot for two months, and this page can tell."
    return ""
