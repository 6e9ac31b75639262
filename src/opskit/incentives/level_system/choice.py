"""Which design a page looks at: the one named, the one beside the data, or a usual one made to the data's measure."""

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any, NamedTuple

import narwhals as nw

from opskit import customers, frames
from opskit.incentives.level_system.design import Design
from opskit.incentives.level_system.reading import FILE_NAME, read, template

TYPICAL_ORDER = 100.0  # growth value of a mean order under the usual design, about


class Choice(NamedTuple):
    """A design, where it comes from in words, and whether it is the one beside the data."""

    design: Design
    told: str
    beside: bool


def chosen(given: str, beside: Path | None, orders: Any, *, as_of: dt.date) -> Choice:
    """The design to look at.

    Args:
        given: A file that somebody names; empty: none.
        beside: The file beside the data, where there is one.
        orders: Any engine's frame with customer_id, ordered_at and revenue, for the usual design.
        as_of: Last day to count, inclusive.

    Raises:
        OpskitError: The file cannot be read, or is no design.
    """
    if given:
        return Choice(read(given), f"design: {Path(given).name}", beside=False)
    if beside is not None:
        return Choice(read(beside), f"design: {beside.name} beside the data", beside=True)
    told = (
        f"design: the usual one, its thresholds set for target shares; opskit template level_design writes it as {FILE_NAME}, "
        "to be changed and saved beside the data"
    )
    return Choice(usual(orders, as_of=as_of), told, beside=False)


def second(given: str, design: Design) -> tuple[Design, str]:
    """A design to compare with, and how it differs in words: the file named, else the same without demotion (or with it).

    Raises:
        OpskitError: The file cannot be read, or is no design.
    """
    if given:
        return read(given), Path(given).stem
    told = "the same, nobody falls" if design.window_months else "the same with demotion after a year"
    return without_falls(design), told


def without_falls(design: Design) -> Design:
    """The same design for ever: nobody falls. One that is so already: of a year, as if demotion were brought in."""
    return design.changed(window_months=0 if design.window_months else 12)


def usual(orders: Any, *, as_of: dt.date) -> Design:
    """The design of the template, its growth value scaled so that a typical order earns about a hundred.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue.
        as_of: Last day to count, inclusive.

    Returns:
        The design with target shares; `placed` turns them into thresholds.
    """
    design = read(template())
    lf, _ = customers.until(orders, "revenue", as_of=as_of)
    mean = float(
        frames.collect(lf.select(nw.col("revenue").cast(nw.Float64).mean().alias("mean")))["mean"].iloc[0] or 0
    )
    scale = float(f"{TYPICAL_ORDER / mean:.1g}") if mean > 0 else 1.0
    earn = tuple(
        dataclasses.replace(rule, per_revenue=scale * rule.per_revenue) if rule.source == "orders" else rule
        for rule in design.earn
    )
    return design.changed(earn=earn)
