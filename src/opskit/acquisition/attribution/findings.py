"""The page's key figures and its decision, in words that follow from the numbers."""

from typing import TYPE_CHECKING

from opskit import plots
from opskit.acquisition.attribution.lift_tests import OVER, UNDER
from opskit.acquisition.attribution.paths import Paths

if TYPE_CHECKING:
    import pandas as pd

SHOWN = {"first": "the first touch", "last": "the last touch", "markov": "the Markov chain", "shapley": "Shapley"}


def key_figures(
    paths: Paths, credit: "pd.DataFrame", apart: "pd.DataFrame", tests: "pd.DataFrame | None" = None
) -> "pd.DataFrame":
    """The figures for the top of the report: the channel that the last touch likes best, and what else is said of it.

    Args:
        paths: From `count_paths`.
        credit: From `credit`.
        apart: From `disagreement`.
        tests: From `lift`.

    Returns:
        name, value, low, high, n, unit, as `reports.headline` takes them.
    """
    import numpy as np
    import pandas as pd

    nothing = (np.nan, np.nan)
    channel = best(credit)
    own = credit[credit["channel"] == channel].set_index("rule")
    widest = apart.iloc[0]
    rows = [
        ("Conversions after a touch", paths.conversions, *nothing, int(paths.channels["touches"].sum()), "conversions"),
        *(
            (f"Credit of {channel} by {name}", *own.loc[rule, ["share", "share_low", "share_high"]], paths.conversions, "share")
            for rule, name in SHOWN.items()
            if rule in own.index
        ),
        (
            f"Rules apart at most, {widest['channel']}",
            *(100 * widest[["difference", "low", "high"]].astype(float)),
            paths.conversions,
            "points",
        ),
    ]  # fmt: skip
    if tests is not None:
        several = tests["channel"].duplicated(keep=False)
        days = tests["started_at"].dt.strftime(" from %Y-%m-%d").where(several, "")
        names = "Conversions caused by " + tests["channel"] + " in its test" + days
        found = tests[["incremental", "low", "high"]].to_numpy(dtype=float).tolist()
        rows += [(name, *numbers, int(n), "") for name, numbers, n in zip(names, found, tests["n"], strict=True)]
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])


def best(credit: "pd.DataFrame", rule: str = "last") -> str:
    """The channel that a rule credits most; of the first rule there is where this one is not."""
    rule = rule if (credit["rule"] == rule).any() else str(credit["rule"].iloc[0])
    own = credit[credit["rule"] == rule]
    return str(own["channel"].iloc[own["share"].to_numpy().argmax()])


def decisions(credit: "pd.DataFrame", apart: "pd.DataFrame", compared: "pd.DataFrame | None" = None) -> list[str]:
    """What to do, one sentence a line: where a test speaks it decides; where none does, what to test next.

    Args:
        credit: From `credit`.
        apart: From `disagreement`.
        compared: From `against_tests`.

    Returns:
        Sentences in Markdown.
    """
    lines: list[str] = []
    tested: set[str] = set()
    if compared is not None:
        tested = set(compared["channel"])
        lines += [_of_test(part) for _, part in compared.groupby(["channel", "started_at"], sort=False)]
    lines.append(_next_test(credit, apart, tested))
    lines.append(
        "Do not move money by the choice of a **rule**: every rule shares out the same conversions by who stood where, and "
        "none compares with people who were not reached."
    )
    return lines


def _of_test(part: "pd.DataFrame") -> str:
    """What a test says of the rules."""
    channel, n = part["channel"].iloc[0], len(part)
    lowest, highest = plots.number(part["credit"].min()), plots.number(part["credit"].max())
    credited = lowest if lowest == highest else f"{lowest} to {highest}"
    columns = ["incremental", "incremental_low", "incremental_high"]
    estimate, low, high = part[columns].to_numpy(dtype=float)[0].tolist()
    found = f"{plots.number(estimate)} ({plots.number(low)} to {plots.number(high)})"
    said = f"the rules credit it with {credited} conversions in the days of its test, which found {found}"
    over, under = (int((part["verdict"] == verdict).sum()) for verdict in (OVER, UNDER))
    if over > n / 2 and low <= 0:
        return f"Cut **{channel}**, or prove it in a larger test: {said}, no more than chance; {over} of {n} rules credit too much."
    if over > n / 2:
        return (
            f"Set the budget of **{channel}** by its test, not by a rule: {said}; {over} of {n} rules credit too much."
        )
    if under > n / 2:
        return f"Do not cut **{channel}** on a rule's word: {said}; {under} of {n} rules credit too little."
    return f"Keep **{channel}** as it is until a larger test: {said}, and most rules cannot be told from it."


def _next_test(credit: "pd.DataFrame", apart: "pd.DataFrame", tested: set[str]) -> str:
    """The untested channel that most hangs on: whatever rule one takes, this much is claimed for it."""
    open_ones = credit[~credit["channel"].isin(tested)]
    if open_ones.empty:
        return "Every channel has a test. Repeat the **oldest** one first: what a channel causes changes with its audience."
    channel = str(open_ones["channel"].iloc[open_ones["share"].to_numpy().argmax()])
    shares = open_ones.loc[open_ones["channel"] == channel, "share"]
    low, high = plots.percent(shares.min()), plots.percent(shares.max())
    between = low if low == high else f"between {low} and {high}"
    widest = " It is also where the rules disagree most." if channel == apart["channel"].iloc[0] else ""
    return (
        f"Test **{channel}** next, by leaving out half of those it would reach by lot: rules credit it with {between} of "
        f"the conversions, and no test says what would be lost without it.{widest}"
    )
