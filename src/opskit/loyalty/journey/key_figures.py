"""The figures on top of the page, and what they ask for: computed from whichever tables there are."""

from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.loyalty.journey.figures import duration

if TYPE_CHECKING:
    import pandas as pd

    from opskit.loyalty.journey.pipeline import Pipeline
    from opskit.loyalty.journey.waiting import Waiting

GOALS = ("pay", "buy")  # the step that is the purpose of a journey; the last one where it has neither


def goal(steps: "pd.Series[Any]") -> str:
    """The step that a journey is for."""
    return next((name for name in GOALS if name in set(steps)), str(steps.iloc[-1]))


def key_figures(
    *,
    funnel: "pd.DataFrame",
    waiting: "Waiting",
    leaks: "pd.DataFrame | None" = None,
    satisfaction: "pd.DataFrame | None" = None,
    conversion: "pd.DataFrame | None" = None,
    pipeline: "Pipeline | None" = None,
    forecast: "pd.DataFrame | None" = None,
    window_days: int,
    lead_window_days: int,
    horizon_days: int,
    currency: str = "",
) -> "pd.DataFrame":
    """The headline of the page: name, value, low, high, n and unit of what there is.

    Args:
        funnel: Of the same name.
        waiting: Of the same name.
        leaks: Of the same name.
        satisfaction: Of the same name.
        conversion: Of the same name.
        pipeline: Of the same name.
        forecast: Of the same name.
        window_days: Window of the funnel.
        lead_window_days: Window of the conversion of leads.
        horizon_days: Horizon of the forecast.
        currency: Of the revenue.

    Returns:
        A row per figure.
    """
    import pandas as pd

    reached = funnel.set_index("step").loc[goal(funnel["step"])]
    worst = funnel.nlargest(1, "lost").iloc[0]
    share = ("share", "share_low", "share_high")
    started = int(funnel["n"].iloc[0])
    rows = [_row(f"Reach {reached.name} within {window_days} days", reached, share, started, "share")]
    if worst["lost"]:
        rows.append(
            _row(f"Go on to {worst['step']}, where most are lost", worst, ("rate", "low", "high"), worst["n"], "share")
        )
    rows += _worth(leaks, currency)
    waits = waiting.times.dropna(subset="median")
    if len(waits):
        longest = waits.nlargest(1, "median").iloc[0]
        rows.append(
            _row(f"Longest wait, to {longest['step']}", longest, ("median", "low", "high"), longest["went_on"], "days")
        )
    rows += _happy(satisfaction) + _leads(conversion, pipeline, forecast, lead_window_days, horizon_days)
    return pd.DataFrame(rows)


def _row(
    name: str, found: Any, columns: tuple[str, str, str], n: float, unit: str, times: float = 1.0
) -> dict[str, Any]:
    value, low, high = (float(found[column]) * times for column in columns)
    return {"name": name, "value": value, "low": low, "high": high, "n": int(n), "unit": unit}


def _worth(leaks: "pd.DataFrame | None", currency: str) -> list[dict[str, Any]]:
    known = leaks.dropna(subset="gain_revenue") if leaks is not None else None
    if known is None or known.empty:
        return []
    costly, best = known.nlargest(1, "lost_revenue").iloc[0], known.nlargest(1, "gain_revenue").iloc[0]
    lost, gain = ((f"{name}_revenue", f"{name}_revenue_low", f"{name}_revenue_high") for name in ("lost", "gain"))
    return [
        _row(f"Lost before {costly['step']}, at most", costly, lost, costly["lost"], currency),
        _row(f"One point more at {best['step']}, per 1,000 who start", best, gain, best["n"], currency),
    ]  # fmt: skip


def _happy(satisfaction: "pd.DataFrame | None") -> list[dict[str, Any]]:
    if satisfaction is None:
        return []
    told = satisfaction.dropna(subset="score")
    csat, nps = told[told["question"] == "csat"].head(1), told[told["question"] == "nps"].head(1)
    ends = ("score", "low", "high")
    rows = [
        _row(f"Satisfied with {row['touchpoint']}, the least", row, ends, row["answered"], "share")
        for _, row in csat.iterrows()
    ]
    rows += [_row(f"NPS, {row['touchpoint']}", row, ends, row["answered"], "points", 100) for _, row in nps.iterrows()]
    asked = ("response", "response_low", "response_high")
    return rows + [_row("Answered when asked", row, asked, row["invited"], "share") for _, row in csat.iterrows()]


def _leads(
    conversion: "pd.DataFrame | None",
    pipeline: "Pipeline | None",
    forecast: "pd.DataFrame | None",
    lead_window_days: int,
    horizon_days: int,
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    if conversion is not None:
        whole = conversion[conversion["channel"] == "(all)"].iloc[-1]
        rows.append(
            _row(
                f"Leads that convert within {lead_window_days} days",
                whole,
                ("rate", "low", "high"),
                whole["n"],
                "share",
            )
        )
    if forecast is not None:
        total = forecast.iloc[-1]
        name = f"Conversions of open leads in the next {horizon_days} days"
        rows.append(_row(name, total, ("expected", "low", "high"), total["open"], "leads"))
    if pipeline is not None:
        counts = {"value": int(pipeline.stages["overdue"].sum()), "low": float("nan"), "high": float("nan")}
        rows.append({"name": "Open leads overdue", **counts, "n": int(pipeline.stages["open"].sum()), "unit": "leads"})
    return rows


def decisions(
    *,
    funnel: "pd.DataFrame",
    waiting: "Waiting",
    leaks: "pd.DataFrame | None" = None,
    segments: "pd.DataFrame | None" = None,
    satisfaction: "pd.DataFrame | None" = None,
    by_wait: "pd.DataFrame | None" = None,
    pipeline: "Pipeline | None" = None,
    forecast: "pd.DataFrame | None" = None,
    currency: str = "",
) -> list[str]:
    """What the figures ask for, one sentence each; never empty.

    Args:
        funnel: Of the same name.
        waiting: Of the same name.
        leaks: Of the same name.
        segments: Of the same name.
        satisfaction: Of the same name.
        by_wait: Of the same name.
        pipeline: Of the same name.
        forecast: Of the same name.
        currency: Of the revenue.
    """
    lines = [*_mend(funnel, leaks, currency), *_who(segments), *_remind(waiting)]
    lines += [*_please(satisfaction, by_wait), *_call(pipeline, forecast)]
    return lines or ["Wait: nobody's window is over yet, so that nothing can be said of any step."]


def _mend(funnel: "pd.DataFrame", leaks: "pd.DataFrame | None", currency: str) -> list[str]:
    worst = funnel.nlargest(1, "lost").iloc[0]
    if not worst["lost"]:
        return []
    lost = f"{worst['lost']:,} of the {worst['n']:,} who came that far"
    known = leaks.dropna(subset="gain_revenue") if leaks is not None else None
    if known is None or known.empty:
        return [f"Find out why {lost} do not go on to **{worst['step']}**: it is where most are lost."]
    best = known.nlargest(1, "gain_revenue").iloc[0]
    if not best["gain_revenue_low"] > 0:
        return [
            f"Most are lost before **{worst['step']}**, {lost}; at no step is more revenue to be gained beyond chance."
        ]
    money = [plots.money(best[f"gain_revenue{end}"], currency) for end in ("", "_low", "_high")]
    worth = f"a point more is worth up to {money[0]} ({money[1]} to {money[2]}) per 1,000 who start"
    first = f"Work on **{best['step']}** first, with a control group: {worth}, if those gained behave like those who go on today."
    where = "It is also where" if best["step"] == worst["step"] else f"Leave **{worst['step']}** for later, though"
    return [
        first,
        f"{where} most are lost ({lost})" + ("." if best["step"] == worst["step"] else ": less revenue hangs on it."),
    ]


def _who(segments: "pd.DataFrame | None") -> list[str]:
    if segments is None or segments["segment"].nunique() < 2:
        return []
    strong = segments[segments["differs"]]
    if strong.empty:
        return ["Treat all segments **alike**: their differences may be chance."]
    low = strong.nsmallest(1, "difference").iloc[0]
    if low["difference"] >= 0:
        high = strong.nlargest(1, "difference").iloc[0]
        return [
            f"Learn from **{high['segment']}**: {plots.percent(high['rate'])} go on to {high['step']}, of the others {plots.percent(high['rest'])}."
        ]
    return [
        f"Ask what **{low['segment']}** customers expected: {plots.percent(low['rate'])} go on to {low['step']}, of the others {plots.percent(low['rest'])}."
    ]


def _remind(waiting: "Waiting") -> list[str]:
    waits = waiting.times.dropna(subset="median")
    undecided = waits[(waits["share"] < 0.9) & (waits["median"] > 0)]
    if undecided.empty:
        return []
    longest = undecided.nlargest(1, "median").iloc[0]
    return [
        f"Send no reminder for **{longest['step']}** before {duration(longest['q75'])}: by then three in four of those who go on by themselves have done so."
    ]


def _please(satisfaction: "pd.DataFrame | None", by_wait: "pd.DataFrame | None") -> list[str]:
    lines: list[str] = []
    if by_wait is not None and len(by_wait) and by_wait["verdict"].iloc[0] == "holds":
        row = by_wait.iloc[0]
        lines.append(
            f"Shorten the longest waits for **{row['touchpoint']}**: {plots.percent(row['slow_rate'])} of those who waited long are "
            f"satisfied, of the others {plots.percent(row['quick_rate'])}. It goes along; a test would tell whether it causes."
        )
    csat = satisfaction[satisfaction["question"] == "csat"] if satisfaction is not None else None
    if csat is not None and len(csat) and csat["warning"].iloc[0]:
        lines.append(
            f"Ask in a way that **more answer**: {plots.percent(csat['response'].iloc[0])} did, and the others may think otherwise."
        )
    return lines


def _call(pipeline: "Pipeline | None", forecast: "pd.DataFrame | None") -> list[str]:
    if pipeline is None or not pipeline.stages["open"].sum():
        return []
    late, still = int(pipeline.stages["overdue"].sum()), int(pipeline.stages["open"].sum())
    lines = [f"Call or close the **{late:,} overdue leads** of the {still:,} open ones."] if late else []
    total = forecast.iloc[-1] if forecast is not None else None
    if total is not None and total["expected"] == total["expected"]:
        lines.append(
            f"Plan for **{total['low']:.0f} to {total['high']:.0f} conversions** from the leads that are open now, not for {still:,}."
        )
    return lines
