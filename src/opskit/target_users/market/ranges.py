"""The worksheet of a market's factors: what it must hold for a size to be computed from it."""

from typing import TYPE_CHECKING, Any

from opskit import frames
from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import pandas as pd

LAYERS = ("total", "serviceable", "obtainable")
_NUMBERS = ["low", "likely", "high"]
_SHARES = ("share", "%", "percent", "占比", "比例", "百分比")


def factors(worksheet: Any) -> "pd.DataFrame":
    """The factors of every market, checked.

    Args:
        worksheet: Any engine's frame of the contract's table market_ranges: market, factor, low, likely, high, and where
            they are there layer, unit and source.

    Returns:
        market, factor, layer (total where none is given), low, likely, high, unit, source; markets and factors in
        alphabetical order, layers from the whole to the part.

    Raises:
        OpskitError: A column is missing, a number is missing or negative, low <= likely <= high does not hold, a factor
            stands twice in a market, a market has no factor of the layer total, or a share is above 1.

    Assumes the factors of a market are multiplied, and that low, likely and high of a factor are in one unit.

    >>> import pandas as pd
    >>> sheet = pd.DataFrame({"market": ["A", "A"], "factor": ["people", "price"], "low": [1, 2], "likely": [3, 3]})
    >>> factors(sheet.assign(high=[4, 5]))[["market", "factor", "layer", "high"]].values.tolist()
    [['A', 'people', 'total', 4.0], ['A', 'price', 'total', 5.0]]
    """
    lazy = frames.lazy(worksheet, "market", "factor", *_NUMBERS, table="market_ranges")
    have = lazy.collect_schema().names()
    texts = [name for name in ("layer", "unit", "source") if name in have]
    table = frames.collect(lazy.select("market", "factor", *texts, *_NUMBERS))
    table[_NUMBERS] = table[_NUMBERS].astype(float)
    for name in ("layer", "unit", "source"):
        given = table.get(name)
        table[name] = "" if given is None else given.astype(object).where(given.notna(), "")
    table["layer"] = table["layer"].replace("", LAYERS[0])
    for row in table.to_dict("records"):
        _refuse(row)
    repeated = table[table.duplicated(["market", "factor"])]
    if len(repeated):
        market, factor = repeated.iloc[0][["market", "factor"]]
        raise OpskitError(
            f"market_ranges has {factor!r} of {market!r} twice: keep one row for each factor of a market."
        )
    for market in sorted(set(table["market"]) - set(table.loc[table["layer"] == LAYERS[0], "market"])):
        raise OpskitError(
            f"market_ranges has no factor of {market!r} in layer 'total', so there is no size to take parts of."
        )
    order = table["layer"].map(LAYERS.index)
    table = table.assign(order=order).sort_values(["market", "order", "factor"], ignore_index=True)
    return table[["market", "factor", "layer", *_NUMBERS, "unit", "source"]]


def _refuse(row: dict[Any, Any]) -> None:
    """One factor whose numbers cannot be meant so."""
    name = f"market_ranges: {row['factor']!r} of {row['market']!r}"
    check(row["layer"], f"{name} layer", among=LAYERS)
    for column in _NUMBERS:
        check(float(row[column]), f"{name} {column}", ge=0)
    if not row["low"] <= row["likely"] <= row["high"]:
        told = ", ".join(f"{column} {row[column]:g}" for column in _NUMBERS)
        raise OpskitError(f"{name} has {told}; low <= likely <= high must hold. Correct the worksheet.")
    part = row["layer"] != LAYERS[0]
    if (part or row["unit"].strip().lower() in _SHARES) and row["high"] > 1:
        why = f"a factor of the layer {row['layer']} is a part" if part else f"its unit is {row['unit']!r}"
        raise OpskitError(
            f"{name} reaches {row['high']:g}, but {why}, so it must be <= 1. Write 30 percent as 0.3 or 30%."
        )
