"""The page's key figures, the truth beside them, and what to do about them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opskit import plots
from opskit.customers import Concentration
from opskit.errors import TooLittleDataError
from opskit.target_users.segments import rules
from opskit.target_users.segments.clusters import Clusters
from opskit.target_users.segments.figures import plain
from opskit.target_users.segments.outlook import Outlook
from opskit.target_users.segments.sizes import change
from opskit.target_users.segments.tastes import Tastes

if TYPE_CHECKING:
    import pandas as pd

_NOTHING = (float("nan"), float("nan"), float("nan"), 0)
_SLIPPING = ("need_attention", "cannot_lose", "at_risk")
_PARETO = 0.75  # share of revenue from which the rule of 80/20 is near enough
_BEST, _LAST = "champions", "hibernating"


def where_enough[T](make: Callable[..., T], *given: Any, **options: Any) -> tuple[T | None, str]:
    """A part of the page, or the sentence that says why the data are too few for it.

    Args:
        make: What makes the part.
        given: Its arguments.
        options: Its options.

    Returns:
        The part and an empty text, or None and the sentence.

    >>> def fails():
    ...     raise TooLittleDataError("Three customers, must be at least 20.")
    >>> where_enough(fails)
    (None, 'Three customers, must be at least 20.')
    """
    try:
        return make(*given, **options), ""
    except TooLittleDataError as error:
        return None, str(error)


def key_figures(
    table: "pd.DataFrame",
    spread: Concentration,
    moved: "pd.DataFrame | None",
    seen: Outlook | None,
    found: Clusters | None,
    tastes: Tastes | None,
) -> "pd.DataFrame":
    """The page's headline: name, value, low, high, n, unit.

    Args:
        table: From `sizes`.
        spread: From `customers.concentration`, with the top 20%.
        moved: From `movement`.
        seen: From `outlook`.
        found: A fitted `Clusters`.
        tastes: A fitted `Tastes`.
    """
    import pandas as pd

    by, n = table.set_index("segment"), int(table["n"].sum())
    best = by.loc[_BEST]
    measures = spread.measures.set_index("measure")
    rows: list[tuple[Any, ...]] = [
        ("Customers who are champions", *best[["share", "low", "high"]], n, "share"),
        ("Revenue of the champions", *best[["revenue_share", "revenue_low", "revenue_high"]], n, "share"),
        ("Revenue of the top 20% of customers", *measures.loc["top 20%", ["estimate", "low", "high", "n"]], "share"),
        ("Gini coefficient of revenue", *measures.loc["gini", ["estimate", "low", "high", "n"]], ""),
    ]
    stayed = _NOTHING
    if moved is not None:
        kept = moved[(moved["before"] == _BEST) & (moved["now"] == _BEST)].iloc[0]
        stayed = (kept["share"], kept["low"], kept["high"], kept["n"])
    rows.append(("Champions who were champions a period ago, of those then", *stayed, "share"))
    rates = seen.segments.set_index("segment") if seen is not None else None
    for name, words in ((_BEST, "Champions who come back within the horizon"), (_LAST, "Hibernating customers who do")):
        rate = _NOTHING if rates is None else tuple(rates.loc[name, ["rate", "low", "high", "n"]])
        rows.append((words, *rate, "share"))
    lead = _NOTHING
    if seen is not None:
        order = seen.order.set_index("claim")
        lead = tuple(order.loc["recency tells more than frequency", ["estimate", "low", "high", "n"]])
    rows.append(("Recency tells more than frequency by (area under the curve)", *lead, ""))
    groups = _NOTHING if found is None else (found.k_, *_NOTHING[:2], len(found.sample_))
    rows.append(("Groups by behaviour", *groups, ""))
    people = 0 if tastes is None else tastes.certainty_["n"]
    rows.append(("Groups by taste", *((tastes.k_, *_NOTHING[:2]) if tastes else _NOTHING[:3]), people, ""))
    sure = tuple(tastes.certainty_.values()) if tastes is not None and tastes.k_ > 1 else _NOTHING
    rows.append(("Probability that a customer belongs to their group by taste", *sure, "share"))
    figures = pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])
    return figures.assign(n=figures["n"].astype("int64"))


def decisions(
    table: "pd.DataFrame",
    spread: Concentration,
    moved: "pd.DataFrame | None",
    seen: Outlook | None,
    found: Clusters | None,
    tastes: Tastes | None,
) -> list[str]:
    """What to do, computed from the figures; arguments as `key_figures`."""
    lines = [_said_of_slipping(table, moved)]
    best = _row(table, _BEST)
    if best["n"]:
        lines.append(
            f"Look after the **{best['n']:,} champions**: {plots.percent(best['share'])} of customers, "
            f"{plots.percent(best['revenue_share'])} of revenue; {rules.SEGMENTS[_BEST].action}."
        )
    lines.append(_said_of_names(seen))
    lines.append(_said_of_the_few(spread))
    lines.append(_said_of_groups(found))
    lines.append(_said_of_tastes(tastes))
    return lines


def _row(table: "pd.DataFrame", segment: str) -> dict[Any, Any]:
    return table[table["segment"] == segment].iloc[0].to_dict()


def _said_of_slipping(table: "pd.DataFrame", moved: "pd.DataFrame | None") -> str:
    by = table.set_index("segment").loc[list(_SLIPPING)]
    n, share = int(by["n"].sum()), float(by["revenue_share"].sum())
    if not n:
        return "Nobody who came regularly is late: **win nobody back** for now."
    line = (
        f"Speak first to the **{n:,} customers** who came regularly and are late or gone "
        f"({', '.join(plain(name) for name in by.index[by['n'] > 0])}): they brought {plots.percent(share)} of revenue so far"
    )
    if moved is not None:
        grown = change(moved).set_index("segment").loc[list(_SLIPPING), "change"].sum()
        line += f", and are {abs(grown):,.0f} {'more' if grown >= 0 else 'fewer'} than a period ago"
    return f"{line}."


def _said_of_the_few(spread: Concentration) -> str:
    top = spread.measures[spread.measures["measure"] == "top 20%"].iloc[0].to_dict()
    text = f"the best 20% of customers bring {plots.percent(top['estimate'])} of revenue"
    if top["high"] < _PARETO:
        rest = plots.percent(1 - top["estimate"])
        return f"Do not plan by **80/20**: {text}, and a programme for them alone leaves {rest} of it out."
    if top["low"] > _PARETO:
        return f"Bind the **few** first: {text}."
    return f"Whether **80/20** holds here cannot be told closely: {text}."


def _said_of_names(seen: Outlook | None) -> str:
    if seen is None:
        return "Whether the segments tell who comes back **cannot be tested yet**: the data are too short."
    known = seen.segments[seen.segments["n"] > 0]
    best, worst = (known.sort_values("rate", kind="stable").iloc[at].to_dict() for at in (-1, 0))
    least = _row(seen.segments, _BEST)["low"]
    apart = [plain(name) for name in ("loyal", "promising", "new") if _row(seen.segments, name)["high"] < least]
    text = (
        f"Trust the segments as far as they were tested: of {plain(best['segment'])} {plots.percent(best['rate'])} came "
        f"back within {seen.horizon_days} days, of {plain(worst['segment'])} {plots.percent(worst['rate'])}"
    )
    if apart:
        return (
            f"{text}; **{', '.join(apart)}** came back clearly less often than champions, whatever their names promise."
        )
    return f"{text}."


def _said_of_groups(found: Clusters | None) -> str:
    if found is None:
        return "Look for no groups by behaviour: **too few** customers have bought often enough."
    if found.k_ == 1:
        return (
            "Do not run clusters as if they were kinds of people: how customers buy is **one cloud**. Cut it where it serves "
            "a decision, as the named segments do."
        )
    if "as asked" in found.verdict_:
        return (
            f"The {found.k_} groups were cut **as asked**; the criteria find no such groups. Use them as a convenience."
        )
    return f"Plan for **{found.k_} kinds of customers** by how they buy; assign newcomers again each quarter."


def _said_of_tastes(tastes: Tastes | None) -> str:
    if tastes is None:
        return "What customers like **cannot be told** from these orders: see the section on taste for what is missing."
    if tastes.k_ == 1:
        return f"Show everybody the same {tastes.attribute}: **no groups of taste** can be told apart."
    sure = tastes.certainty_["estimate"]
    return (
        f"Choose what to show by taste: **{tastes.k_} groups** by {tastes.attribute}. A customer belongs where they were put "
        f"with a probability of {plots.percent(sure)}: lead with their kind, and keep the others in sight."
    )


def recovery(tastes: Tastes | None) -> "pd.DataFrame":
    """Figures that are planted in the sample shop, estimated from the data.

    Args:
        tastes: A fitted `Tastes`.

    Returns:
        name (as in truth.json), estimate, low, high, n; empty without groups of taste.
    """
    import pandas as pd

    columns = ["name", "estimate", "low", "high", "n"]
    if tastes is None or tastes.k_ == 1:
        return pd.DataFrame(columns=columns)
    rows: list[tuple[Any, ...]] = [
        (f"segments.taste_share.{row.taste}", row.share, row.low, row.high, row.n)
        for row in tastes.groups_.itertuples()
    ]
    own = tastes.profile_[tastes.profile_["taste"] == tastes.profile_["kind"]]
    for row in own.to_dict("records"):
        bounds = (row["low"] * row["base"], row["high"] * row["base"])
        rows.append((f"segments.taste_own.{row['kind']}", row["share"], *bounds, row["n"]))
    rows.append(("segments.taste_certainty", *tastes.certainty_.values()))
    return pd.DataFrame(rows, columns=columns)
