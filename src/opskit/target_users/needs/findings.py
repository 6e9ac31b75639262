"""The page's key figures, what to do about them, and how they compare with a planted truth."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import plots
from opskit.target_users.needs.kano import ATTRACTIVE, INDIFFERENT, MUST_BE, QUESTIONABLE, REVERSE
from opskit.target_users.needs.order import together
from opskit.truth import beside_truth

if TYPE_CHECKING:
    import pandas as pd

    from opskit.target_users.needs.kano import Kano
    from opskit.target_users.needs.non_customers import NonCustomers
    from opskit.target_users.needs.scenarios import Scenarios
    from opskit.target_users.needs.worth import Worths

_SHOWN = 3
_NAN = float("nan")
_TOO_MANY_QUESTIONABLE = 0.1
_TIERS = {"nearly customers": "nearly", "refusing": "refusing", "never explored": "unexplored"}


class Findings(NamedTuple):
    """What the page has found; None where a part is missing."""

    worths: "Worths | None"
    ratings: "pd.DataFrame | None"
    segments: "pd.DataFrame"  # the test of `by_segment`; empty where there are none
    kano: "Kano | None"
    non_customers: "NonCustomers | None"
    scenarios: "Scenarios | None"
    confidence: float


def key_figures(found: Findings) -> "pd.DataFrame":
    """The headline: worths, features, non-customers and the first way to try.

    Args:
        found: What the page has found.

    Returns:
        name, value, low, high, n, unit: what `reports.headline` takes; no rows for missing parts.
    """
    import pandas as pd

    rows = [*_worth_rows(found), *_kano_rows(found), *_other_rows(found)]
    if not rows:  # rankings that all agree give an order and no worths
        rows = [("Needs with a worth", 0, _NAN, _NAN, 0, "")]
    table = pd.DataFrame(rows, columns=["name", "value", "low", "high", "n", "unit"])
    return table.assign(n=table["n"].astype("int64"))


def _worth_rows(found: Findings) -> list[tuple[Any, ...]]:
    if found.worths is None:
        return []
    table = found.worths.table
    rows = [
        (f"Worth of {row['need']}", row["worth"], row["low"], row["high"], row["n"], "share")
        for row in table.head(_SHOWN).to_dict("records")
    ]
    first = table.iloc[0]
    rows.append(
        (f"Redrawn estimates with {first['need']} first", round(first["first"], 3), _NAN, _NAN, first["n"], "share")
    )
    alike = len(together(found.worths)[0]) - 1
    return [*rows, ("Needs that cannot be told from the first", alike, _NAN, _NAN, first["n"], "")]


def _kano_rows(found: Findings) -> list[tuple[Any, ...]]:
    if found.kano is None:
        return []
    table = found.kano.classes
    n = int(table["n"].max())
    rows: list[tuple[Any, ...]] = [
        ("Must-be features", int((table["class"] == MUST_BE).sum()), _NAN, _NAN, n, ""),
        ("Features whose class is not clear", int((~table["clear"]).sum()), _NAN, _NAN, n, ""),
    ]
    known = table.dropna(subset=["better", "worse"])
    for name, word, best in (("worse", "Dissatisfied without", "idxmin"), ("better", "Satisfied with", "idxmax")):
        if len(known):
            row = known.loc[getattr(known[name], best)()]
            ends = sorted(abs(row[f"{name}_{end}"]) for end in ("low", "high"))
            rows.append((f"{word} {row['feature']}", abs(row[name]), *ends, row[f"{name}_n"], "share"))
    return rows


def _other_rows(found: Findings) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    if found.non_customers is not None:
        rows += [
            (f"Non-customers: {row['tier']}", row["share"], row["low"], row["high"], row["n"], "share")
            for row in found.non_customers.tiers.to_dict("records")
        ]
    if found.scenarios is not None:
        top = found.scenarios.table.iloc[0]
        way, n = f"{top['channel']}, {top['place']}", int(top["n"])
        rows.append((f"Score of {way}", top["score"], _NAN, _NAN, n, "of 1"))
        rows.append((f"Weights near yours with {way} first", round(top["first"], 3), _NAN, _NAN, n, "share"))
    return rows


def decisions(found: Findings) -> list[str]:
    """What to do about needs, features, non-customers and scenes.

    Args:
        found: What the page has found.

    Returns:
        One sentence a line, in Markdown.
    """
    return [*_on_needs(found), *_on_features(found), *_on_people(found), *_on_scenes(found)]


def _on_needs(found: Findings) -> list[str]:
    if found.worths is None:
        return [
            "Ask people to put needs **in order**: `opskit template need_ranks --out ranks.xlsx` writes a sheet for it."
        ]
    table, groups = found.worths.table, together(found.worths)
    lines = [
        f"Set **{row['need']}** apart: it was {row['why']}, so its worth has no limit and it stands outside the shares."
        for row in found.worths.unbounded.to_dict("records")
    ]
    if len(groups) == 1:
        return [*lines, f"Ask **more people** before choosing: of {len(table)} needs none can be told from the first."]
    best, share = groups[0], plots.percent(table["worth"].iloc[0])
    lead = f"Serve **{best[0]}** before anything else: {share} of all worth, and ahead of every other need, interval and all."
    if len(best) > 1:
        lead = f"Serve **{best[0]}** ({share} of all worth) first; {', '.join(best[1:])} cannot be told from it, so let cost decide among them."
    lines.append(lead)
    if found.ratings is not None and len(found.ratings):
        rated = found.ratings.iloc[0]["need"]
        place = table.loc[table["need"] == rated, "place"]
        if len(place) and int(place.iloc[0]) > len(best):
            lines.append(
                f"Do **not** go by ratings: rated one by one, {rated} comes first; forced to choose, it comes {_ordinal(int(place.iloc[0]))}."
            )
    if len(found.segments) and float(found.segments["p"].iloc[0]) <= 1 - found.confidence:
        lines.append(
            "Make **different offers** to the segments compared: they order the needs differently beyond chance."
        )
    return lines


def _on_features(found: Findings) -> list[str]:
    if found.kano is None:
        return [
            "Ask both of Kano's questions before building features: `opskit template kano_answers --out kano.xlsx`."
        ]
    table = found.kano.classes
    named = {kind: table.loc[(table["class"] == kind) & table["clear"], "feature"].tolist() for kind in table["class"]}
    words = {
        MUST_BE: "Get **{}** right, and spend nothing on making it grand: it is missed when it is not there, and not noticed when it is.",
        ATTRACTIVE: "Use **{}** to be talked about: hardly anybody misses it, and those who get it like it.",
        INDIFFERENT: "Stop working on **{}**: it makes no difference to people.",
        REVERSE: "Take **{}** away, or let people switch it off: they would rather do without.",
    }
    lines = [text.format(", ".join(named[kind])) for kind, text in words.items() if named.get(kind)]
    unclear = table.loc[~table["clear"]]
    if len(unclear):
        told = "; ".join(f"{row['feature']} ({row['mode']} or {row['second']})" for row in unclear.to_dict("records"))
        lines.append(
            f"Ask **more people** about what has no clear class: {told}. Until then treat each as the one that asks more of you."
        )
    shares = found.kano.shares
    odd = shares[(shares["class"] == QUESTIONABLE) & (shares["low"] > _TOO_MANY_QUESTIONABLE)]["feature"].tolist()
    return (
        [*lines, f"Reword the questions about **{', '.join(odd)}**: too many contradict themselves."] if odd else lines
    )


def _on_people(found: Findings) -> list[str]:
    if found.non_customers is None:
        return []
    rows = found.non_customers.tiers.sort_values("respondents", ascending=False, kind="stable")
    nearly = found.non_customers.tiers.iloc[0]
    lines = [f"Begin with those who are **nearly customers** ({plots.percent(nearly['share'])}): {nearly['action']}."]
    top = rows.iloc[0]
    if top["tier"] != nearly["tier"]:
        lines.append(
            f"The largest kind of non-customers are the **{top['tier']}** ({plots.percent(top['share'])}; they {top['means']}): {top['action']}."
        )
    return lines


def _on_scenes(found: Findings) -> list[str]:
    if found.scenarios is None:
        return [
            "Write down the **scenes** in which the need comes up: `opskit template scenarios --out scenarios.xlsx`."
        ]
    table = found.scenarios.table
    top = table.iloc[0]
    if len(table) < 2:
        return [f"Write down **more than one way** to compare {top['channel']} with."]
    first, blurred = plots.percent(round(top["first"], 2)), plots.percent(round(top["first_blurred"], 2))
    second = table.iloc[1:].sort_values("first_blurred", ascending=False, kind="stable").iloc[0]
    if top["first_blurred"] < 0.5:
        return [
            f"Try **{top['channel']}** at {top['place']} and **{second['channel']}** at {second['place']} side by side, with little money: "
            f"the first leads with {first} of the weights near yours, but only with {blurred} once scores may be off by a point."
        ]
    return [
        f"Try **{top['channel']}** at {top['place']} first: it leads with {first} of the weights near yours, and with {blurred} when scores may be off by a point."
    ]


def _ordinal(place: int) -> str:
    ending = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def recovery(found: Findings, truth: Mapping[str, Any]) -> "pd.DataFrame":
    """The page's estimates beside the truth, where one was planted.

    Args:
        found: What the page has found.
        truth: What was planted, as `Dataset.truth` has it; empty for real data.

    Returns:
        name (in the truth), estimate, low, high, n, truth (missing where nothing was planted), inside (whether the interval
        holds it).
    """
    import pandas as pd

    columns = ["name", "estimate", "low", "high", "n"]
    parts = [pd.DataFrame({name: pd.Series(dtype=object if name == "name" else float) for name in columns})]
    if found.worths is not None:
        table = found.worths.table.rename(columns={"worth": "estimate"})
        parts.append(table.assign(name="needs.worth." + table["need"].str.replace(" ", "_")))
    for part, words in (("classes", ("better", "worse")), ("scale", ("functional", "dysfunctional"))):
        for word in words if found.kano is not None else ():
            table = getattr(found.kano, part)
            of = {word: "estimate", f"{word}_low": "low", f"{word}_high": "high"}
            named = table[["feature", *of, "n"]].rename(columns=of)
            parts.append(named.assign(name=f"kano.{word}." + table["feature"].str.replace(" ", "_")))
    if found.non_customers is not None:
        table = found.non_customers.tiers.rename(columns={"share": "estimate"})
        parts.append(table.assign(name="non_customers." + table["tier"].map(_TIERS)))
    whole = pd.concat([part[columns] for part in parts if len(part)] or parts, ignore_index=True)
    return beside_truth(whole, truth)
