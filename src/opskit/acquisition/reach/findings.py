"""The page's key figures and decision, in words that follow from the numbers."""

from typing import TYPE_CHECKING, Any

from opskit import plots, stats
from opskit.acquisition.reach.audiences import Audiences
from opskit.acquisition.reach.cap import NARROWED, TOLD, UNTOLD, Cap
from opskit.acquisition.reach.claims import row_of
from opskit.acquisition.reach.frequency import Frequency

if TYPE_CHECKING:
    import pandas as pd


def key_figures(
    audiences: Audiences,
    together: "pd.DataFrame",
    curve: "pd.DataFrame",
    observed: "pd.DataFrame",
    factors: "pd.DataFrame",
    cap: Cap,
    *,
    believed: bool = False,
    confidence: float = 0.95,
) -> "pd.DataFrame":
    """The figures for the top of the report.

    Args:
        audiences: From `audiences`.
        together: From `together`.
        curve: From `incremental`.
        observed: From `observed_rates`.
        factors: From `factors`.
        cap: From `cap`.
        believed: Whether the arms of the test are believed to be drawn by lot.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        name, value, low, high, n, unit, as `reports.headline` takes them.
    """
    import numpy as np
    import pandas as pd

    nothing = (np.nan, np.nan)
    parts, reached = (row_of(together, measure)[0] for measure in ("parts", "together"))
    rows: list[tuple[Any, ...]] = [
        ("Audiences added up", parts, *nothing, audiences.together, "customers"),
        ("Customers reached", reached, *nothing, audiences.together, "customers"),
        ("Part of the sum counted before", *row_of(together, "counted_again"), "share"),
        ("The same by chance", *row_of(together, "by_chance"), "share"),
        _first(curve.iloc[0], audiences, confidence),
        _last(curve.iloc[-1]),
    ]
    if len(observed):
        part = observed[observed["measure"] == "responses_per_message"]
        for row, name in ((part.iloc[0], "fewest"), (part.iloc[-1], "most")):
            numbers = [float(row[column]) for column in ("estimate", "low", "high")]
            rows.append((f"Answers per message at {name} messages, as it happened", *numbers, int(row["n"]), "share"))
    rows += _of_test(factors, cap, believed=believed)
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])


def _first(row: "pd.Series[Any]", audiences: Audiences, confidence: float) -> tuple[Any, ...]:
    low, high = stats.wilson(row["customers"], audiences.together, confidence=confidence)
    share = row["customers"] / audiences.together
    name = f"Of those reached, through {row['channel']} first"
    return name, float(share), float(low), float(high), audiences.together, "share"


def _last(row: "pd.Series[Any]") -> tuple[Any, ...]:
    numbers = [float(row[column]) for column in ("new_share", "low", "high")]
    return f"New to the others in the last audience, {row['channel']}", *numbers, int(row["customers"]), "share"


def _of_test(factors: "pd.DataFrame", cap: Cap, *, believed: bool) -> list[tuple[Any, ...]]:
    """Only a lot that is believed may say what a further message does."""
    rows: list[tuple[Any, ...]] = []
    answers = factors[(factors["measure"] == "responses_per_message") & factors["factor"].notna()].set_index("how")
    for how, name in (("observed", "as it happened"), ("tested", "by lot")):
        if how in answers.index and (believed or how == "observed"):
            factor, low, high, n = answers[["factor", "low", "high", "n"]].to_numpy(dtype=float)[
                list(answers.index).index(how)
            ]
            rows.append((f"Answers per message with one more a week, {name}", factor, low, high, int(n), "times"))
    if believed and cap.best == cap.best:
        n = int(cap.arms["n"].sum())
        rows.append(("Best tested frequency a week", cap.best, cap.low, cap.high, n, "messages"))
    return rows


def decisions(
    audiences: Audiences,
    together: "pd.DataFrame",
    curve: "pd.DataFrame",
    messages: Frequency,
    cap: Cap,
    needed: "pd.DataFrame",
    *,
    believed: bool = False,
    currency: str = "",
) -> list[str]:
    """What to do, one sentence a line.

    Args:
        audiences: From `audiences`.
        together: From `together`.
        curve: From `incremental`.
        messages: From `frequency`.
        cap: From `cap`.
        needed: From `customers_needed`.
        believed: Whether the arms of its test are believed to be drawn by lot.
        currency: Of the money.

    Returns:
        Sentences in Markdown.
    """
    lines = [_plan(audiences, together), *_next_channel(curve, currency)]
    if not messages.medium:
        return [
            *lines,
            "Set **no cap** on messages yet: nothing is known of them. Add contacts with responded and opted_out.",
        ]
    if not messages.trial.there:
        lines.append(
            f"Set **no cap** from what happened to customers of {messages.medium}: the active are written to more and answer more, and "
            "who opts out gets no more, so more messages look harmless. Draw the frequency by lot."
        )
        return [*lines, _size(needed)]
    if not believed:
        lines.append(
            "Do **not** read the arms as a test: they were not alike before it began, so they were hardly drawn by lot. "
            "Repeat it, with customers drawn at random."
        )
        return [*lines, _size(needed)]
    return [*lines, _limit(cap, messages.medium, currency), *([_size(needed)] if cap.verdict != TOLD else [])]


def _plan(audiences: Audiences, together: "pd.DataFrame") -> str:
    parts, reached = (row_of(together, measure)[0] for measure in ("parts", "together"))
    days = "in these days" if audiences.since else "so far"
    if parts == reached:
        return f"Plan with **{reached:,.0f} customers** reached {days}: no two audiences share anybody."
    again = plots.percent(1 - reached / parts)
    return (
        f"Plan with **{reached:,.0f} customers** reached {days}, not with the {parts:,.0f} that the channels add up to: "
        f"{again} of that sum was counted before."
    )


def _next_channel(curve: "pd.DataFrame", currency: str) -> list[str]:
    """The channel that adds least, and what one more person costs where it is dearest."""
    if len(curve) < 2:
        return []
    last = curve.iloc[-1]
    line = (
        f"Do not buy **{last['channel']}** for reach: after the others it adds {last['added']:,} of its "
        f"{last['customers']:,} customers. Whether it does anything else is a question for a lift test."
    )
    dear = curve[curve["cost_per_added"].notna()]
    if dear.empty:
        return [line]
    top = dear.iloc[int(dear["cost_per_added"].to_numpy().argmax())]
    each, all_of = (
        plots.money(float(value), currency) for value in (top["cost_per_added"], top["spend"] / top["customers"])
    )
    return [
        line,
        f"Dearest reach: **{top['channel']}**, {each} for a person nobody before it reached, against {all_of} by its own count.",
    ]


def _limit(cap: Cap, medium: str, currency: str) -> str:
    if cap.arms.empty:
        return (
            f"Set **no cap** on {medium} yet: nothing tells who opted out, so the price of writing too much is not known. "
            "Add opted_out to contacts, or suppressions with since."
        )
    best, most = plots.number(cap.best), plots.number(float(cap.arms["messages_per_week"].max()))
    row = cap.arms.iloc[int(cap.arms["net"].to_numpy().argmax())]
    net = plots.money(float(row["net"]), currency)
    if row["net"] <= 0:
        return f"Write less on **{medium}**: at no tested frequency do answers pay for messages and opt-outs."
    if cap.verdict == UNTOLD:
        return f"The cap on {medium} **cannot be told yet**: {best} a week did best, but any tested frequency may be the best."
    if cap.high == cap.arms["messages_per_week"].max() and cap.verdict == NARROWED:
        return (
            f"Write on **{medium}** at least {plots.number(cap.low)} times a week: {best} did best ({net} per customer and week), "
            f"and where it becomes too much was **not reached** at {most}."
        )
    range_ = "" if cap.low == cap.high else f"; {plots.number(cap.low)} to {plots.number(cap.high)} are possible"
    return f"Cap **{medium}** at **{best} messages a week**: best of those tested, {net} per customer and week{range_}."


def _size(needed: "pd.DataFrame") -> str:
    known = needed.set_index("measure")["customers_per_arm"]
    words = {
        "responses_per_message": "to see answers per message fall by a fifth",
        "opt_outs_per_message": "to see opt-outs per message double",
    }
    told = [
        f"**{known[name]:,.0f}** customers an arm {text}" for name, text in words.items() if known[name] == known[name]
    ]
    if not told:
        return "How large a test must be cannot be told: nobody has answered or opted out so far."
    return f"Next test, once against four times a week for four weeks: {', '.join(told)}."
