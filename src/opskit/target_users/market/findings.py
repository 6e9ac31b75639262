"""The page's key figures, what to do about them, and how they compare with a planted truth."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import plots
from opskit.target_users.market.classes import SO_FAR, Classes
from opskit.target_users.market.forecast_check import BASS, LEVEL
from opskit.truth import beside_truth

if TYPE_CHECKING:
    import pandas as pd

    from opskit.target_users.market.adoptions import Adoptions
    from opskit.target_users.market.bass import Bass
    from opskit.target_users.market.change import Change
    from opskit.target_users.market.size import Simulation

_SHOWN_MARKETS = 3
_NAN = float("nan")


class Findings(NamedTuple):
    """What the page has found; None and empty where a table is missing or nothing can be read from it."""

    simulation: "Simulation | None"
    fits: "pd.DataFrame | None"
    adoptions: "Adoptions"
    model: "Bass | None"
    check: "pd.DataFrame"
    growth: "pd.DataFrame"
    change: "Change | None"
    classes: Classes | None
    values: "pd.DataFrame | None"
    days: int
    confidence: float


def key_figures(found: Findings, *, currency: str = "") -> "pd.DataFrame":
    """The headline: sizes, where on the curve, changes, and value of early and late customers.

    Args:
        found: What the page has found.
        currency: Of the amounts.

    Returns:
        name, value, low, high, n, unit: what `reports.headline` takes.
    """
    import pandas as pd

    rows = [*_market_rows(found, currency), *_curve_rows(found)]
    row = found.change.found.iloc[0] if found.change else {"p": _NAN, "n": 0}
    rows.append(("Odds of as large a change by chance", round(row["p"], 3), _NAN, _NAN, row["n"], "share"))
    for name in ("early adopter", "late majority"):
        row = {"value": _NAN, "value_low": _NAN, "value_high": _NAN, "customers": 0}
        if found.values is not None:
            row = found.values.set_index("class").loc[name]
        label = f"Value in the first {found.days} days, {name}"
        rows.append((label, row["value"], row["value_low"], row["value_high"], row["customers"], currency))
    table = pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])
    return table.assign(n=table["n"].astype("int64"))


def _market_rows(found: Findings, currency: str) -> list[tuple[Any, ...]]:
    if found.simulation is None or found.fits is None:
        return []
    sizes = found.simulation.sizes.groupby("market").tail(1).set_index("market")
    rows: list[tuple[Any, ...]] = []
    for odds in found.fits.head(_SHOWN_MARKETS).to_dict("records"):
        size = sizes.loc[odds["market"]]
        name = f"{odds['market']}: {size['layer']} a year"
        rows.append((name, size["median"], size["low"], size["high"], size["n"], currency))
        rows.append((f"{odds['market']}: odds of the right size", odds["fits"], _NAN, _NAN, odds["n"], "share"))
    return rows


def _curve_rows(found: Findings) -> list[tuple[Any, ...]]:
    came = int(found.adoptions.by_month["adopters"].sum())
    growth = 100 * found.growth.iloc[0]
    rows: list[tuple[Any, ...]] = [
        ("Customers so far", came if came else _NAN, _NAN, _NAN, came, "customers"),
        (
            "Growth of the newcomers a month",
            growth["estimate"],
            growth["low"],
            growth["high"],
            found.growth["n"].iloc[0],
            "%",
        ),
    ]
    figures = dict.fromkeys(("m", "adopted", "peak"), (_NAN, _NAN, _NAN, 0))
    if found.model is not None and found.model.peak_is_past(confidence=found.confidence):
        table = found.model.summary(confidence=found.confidence).set_index("figure")
        figures = {name: tuple(table.loc[name, ["estimate", "low", "high", "n"]]) for name in figures}
    rows.append(("All who ever come", *figures["m"], "customers"))
    rows.append(("Share of them that has come", *figures["adopted"], "share"))
    rows.append(("Months from the launch to the peak", *figures["peak"], "months"))
    made = {row["method"]: row for row in found.check.to_dict("records")}
    ratio, n = (round(made[BASS]["error"] / made[LEVEL]["error"], 2), made[BASS]["n"]) if made else (_NAN, 0)
    return [*rows, ("Error of the Bass forecast over that of the last three months", ratio, _NAN, _NAN, n, "times")]


def decisions(found: Findings) -> list[str]:
    """What to do about market, curve, change and late customers.

    Args:
        found: What the page has found.

    Returns:
        One sentence a line, in Markdown.
    """
    return [*_choose(found), _plan(found), *_look_for(found), *_early_and_late(found)]


def _choose(found: Findings) -> list[str]:
    if found.simulation is None or found.fits is None:
        return [
            "Write down what a market's size is a product of, as **ranges**: `opskit template market_ranges --out market.xlsx`."
        ]
    best = found.fits.iloc[0]
    odds = plots.percent(best["fits"])
    line = f"Look at **{best['market']}** first: its odds of being neither too small nor too large are {odds}."
    if best["fits"] < 0.5:
        line = f"Choose **no** market yet: the best of them, {best['market']}, is of the right size with odds of {odds} only."
    top = found.simulation.tornado[found.simulation.tornado["market"] == best["market"]].iloc[0]
    share = plots.percent(top["variance_share"])
    ask = f"Before any other number find out **{top['factor']}** of {best['market']}: {share} of the doubt about its size is there."
    return [line, ask] if top["swing"] > 0 else [line]


def _plan(found: Findings) -> str:
    if found.model is None:
        return f"Plan with **no curve of adoption**: {found.adoptions.unreadable[:1].lower()}{found.adoptions.unreadable[1:]}"
    best = found.check.iloc[0]["method"] if len(found.check) else ""
    ahead = f" For the next months the best forecast has been: {best}." if best else ""
    if not found.model.peak_is_past(confidence=found.confidence):
        return (
            "Plan with **no final number of customers**: the peak is not past for sure, and before it curves of very different "
            f"ends fit alike.{ahead}"
        )
    row = found.model.summary(confidence=found.confidence).set_index("figure").to_dict("index")["adopted"]
    told = " to ".join(plots.percent(row[end]) for end in ("low", "high"))
    doubt = f" But: {found.adoptions.doubt}" if found.adoptions.doubt else ""
    return f"Count on **fewer newcomers**: {told} of all who ever come have come, so keep those who are there.{ahead}{doubt}"


def _look_for(found: Findings) -> list[str]:
    if found.change is None:
        return []
    row = found.change.found.iloc[0]
    if row["p"] <= 1 - found.confidence:
        when, jump = f"{row['month']:%B %Y}", f"{100 * row['level_change']:+.0f}%"
        return [
            f"Find out what happened in **{when}**: the newcomers changed course there ({jump} at once). The date tells where to "
            "look, not why."
        ]
    return [
        "Look **outside** for the large change that opens a market: your newcomers show none beyond their steady course."
    ]


def _early_and_late(found: Findings) -> list[str]:
    if found.values is None:
        return []
    known = found.values.dropna(subset=["value_low", "value_high"])
    if len(known) < 2:
        return [f"Compare early and late customers when two classes have been there for **{found.days} days**."]
    best, worst = known.sort_values("value_low").iloc[-1], known.sort_values("value_high").iloc[0]
    if best["value_low"] > worst["value_high"]:
        return [
            f"Find out what sets the **{best['class']}s** apart: they bring more in their first {found.days} days than the {worst['class']}s, "
            "interval and all. They met another shop and other channels, too."
        ]
    return [
        f"Make **no** offer by when customers came: in their first {found.days} days early and late ones bring about the same."
    ]


def recovery(found: Findings, truth: Mapping[str, Any]) -> "pd.DataFrame":
    """The page's estimates beside the truth, where one was planted.

    Args:
        found: What the page has found.
        truth: What was planted, as `Dataset.truth` has it; empty for real data.

    Returns:
        figure (its name in the truth, in words), estimate, low, high, n, truth (missing where nothing was planted), inside (whether the
        interval holds it; empty where there is none).
    """
    import pandas as pd

    columns = ["name", "estimate", "low", "high", "n"]
    parts = [found.growth.assign(name="market.sign_up_growth")]
    if found.simulation is not None:
        sizes = found.simulation.sizes.rename(columns={"median": "estimate"})
        parts.insert(0, sizes.assign(name="market." + sizes["market"] + "." + sizes["layer"]))
    if found.values is not None and found.classes is not None and found.classes.base == SO_FAR:
        values = found.values.dropna(subset="value").rename(columns={"customers": "n", "value": "estimate"})
        values = values.rename(columns={"value_low": "low", "value_high": "high"})
        parts.append(values.assign(name=f"market.value_in_{found.days}_days." + values["class"].str.replace(" ", "_")))
    table = pd.concat([part[columns] for part in parts], ignore_index=True)
    table = beside_truth(table, truth)
    words = table["name"].str.removeprefix("market.").str.replace("[._]", " ", regex=True)
    return table.drop(columns="name").assign(figure=words)[["figure", *columns[1:], "truth", "inside"]]
