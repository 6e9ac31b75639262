"""What the sources say beside each other, and what a dataset without one of them misses."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opskit.errors import MissingTableError, OpskitError

if TYPE_CHECKING:
    import pandas as pd

    from opskit.monetization.pricing.experiment import PriceTest
    from opskit.monetization.pricing.gabor_granger import GaborGranger
    from opskit.monetization.pricing.panel import PricePanel

SOURCES: Mapping[str, tuple[str, str]] = {
    "van_westendorp": (
        "surveys: four questions, too cheap to too expensive",
        "the range outside which a price looks odd",
    ),
    "gabor_granger": ("surveys: would you buy at this price, price in item", "stated demand and its best price"),
    "price_test": ("experiments with prices, assignments, bookings or orders", "what customers do: the price to set"),
    "price_panel": (
        "bookings and an attribute of customers, or order_lines and orders",
        "elasticity from past prices, as a check",
    ),
}
"""What each source needs, and what it unlocks."""


class Evidence:
    """The sources that a dataset has; why it lacks the others.

    >>> found = Evidence()
    >>> found.of("van_westendorp", lambda: 1 + 1)
    2
    >>> found.table[["source", "there"]].values.tolist()
    [['van_westendorp', 'yes']]
    """

    def __init__(self) -> None:
        self._reasons: dict[str, OpskitError | None] = {}

    def of[Result](self, source: str, compute: Callable[[], Result]) -> Result | None:
        """The result, or None where the dataset cannot give it; the reason is kept.

        Args:
            source: van_westendorp, gabor_granger, price_test or price_panel.
            compute: Computes the result; what it raises as an OpskitError is the reason.
        """
        self._reasons[source] = None
        try:
            return compute()
        except OpskitError as reason:
            self._reasons[source] = reason
            return None

    @property
    def table(self) -> "pd.DataFrame":
        """source, there (yes or no), needs, unlocks, reason (why it is not there): a row per source."""
        import pandas as pd

        rows = [
            (source, "no" if reason else "yes", *SOURCES[source], str(reason or ""))
            for source, reason in self._reasons.items()
        ]
        return pd.DataFrame(rows, columns=["source", "there", "needs", "unlocks", "reason"])

    def require(self) -> None:
        """Refuse to go on with nothing.

        Raises:
            MissingTableError: No source has its tables.
            OpskitError: Some have their tables, and none can be used.
        """
        reasons = {source: reason for source, reason in self._reasons.items() if reason is not None}
        if len(reasons) < len(self._reasons):
            return
        if all(isinstance(reason, MissingTableError) for reason in reasons.values()):
            needs = "; or ".join(SOURCES[source][0] for source in reasons)
            raise MissingTableError(f"nothing here tells about prices. One of these would: {needs}.")
        told = " ".join(
            f"{source}: {reason}" for source, reason in reasons.items() if not isinstance(reason, MissingTableError)
        )
        raise OpskitError(f"nothing here can tell about prices. {told}")


def stated_and_actual(stated: "GaborGranger", test: "PriceTest") -> "pd.DataFrame":
    """How many said they would buy, and how many bought, at the tested prices.

    Args:
        stated: Of `gabor_granger`.
        test: Of `price_test`.

    Returns:
        price, stated (share), stated_low, stated_high, actual (share of customers shown the price who bought in the window),
        actual_low, actual_high, bought_per_stated (actual / stated), low, high, n (customers shown the price); prices outside
        those asked are left out.

    Assumes the same customers could have answered and been tested. The gap holds both what people overstate and that not
    everybody who would buy does so within the window.

    Source: interval of the ratio from those of its two parts on the log scale (delta method).
    """
    import numpy as np
    import pandas as pd

    asked = stated.curve["price"]
    arms = test.arms[test.arms["price"].between(asked.min(), asked.max()) & (test.arms["buyers"] > 0)]
    said = {
        column: np.interp(arms["price"], asked, stated.curve[column])
        for column in ("demand", "demand_low", "demand_high")
    }
    table = pd.DataFrame(
        {
            "price": arms["price"],
            "stated": said["demand"],
            "stated_low": said["demand_low"],
            "stated_high": said["demand_high"],
            "actual": arms["conversion"],
            "actual_low": arms["conversion_low"],
            "actual_high": arms["conversion_high"],
        }
    )
    log = np.log(table.drop(columns="price"))
    below = np.hypot(log["actual"] - log["actual_low"], log["stated_high"] - log["stated"])
    above = np.hypot(log["actual_high"] - log["actual"], log["stated"] - log["stated_low"])
    ratio = log["actual"] - log["stated"]
    ends = {"bought_per_stated": np.exp(ratio), "low": np.exp(ratio - below), "high": np.exp(ratio + above)}
    return table.assign(**ends, n=arms["customers"]).reset_index(drop=True)


def elasticities(
    stated: "GaborGranger | None" = None, test: "PriceTest | None" = None, panel: "PricePanel | None" = None
) -> "pd.DataFrame":
    """The elasticity from every source there is: source, estimate, low, high, n, of (what n counts).

    Args:
        stated: Of `gabor_granger`; its elasticity holds at one price, the others at all of theirs.
        test: Of `price_test`.
        panel: Of `price_panel`; with fixed effects, and without to show what they do.
    """
    import pandas as pd

    rows: list[tuple[Any, ...]] = []
    if test is not None:
        row = test.elasticity.iloc[0]
        rows.append(("price test", row["estimate"], row["low"], row["high"], int(row["n"]), "customers"))
    if panel is not None:
        names = (f"sales, {panel.unit} and {panel.period} fixed", "sales, all pooled (naive)")
        for name, (_, row) in zip(names, panel.elasticity.iterrows(), strict=True):
            rows.append((name, row["estimate"], row["low"], row["high"], int(row["n"]), "pieces"))
    if stated is not None:
        row = stated.elasticity.iloc[0]
        name = f"survey, stated at {row['price']:g}"
        rows.append((name, row["estimate"], row["low"], row["high"], int(row["n"]), "respondents"))
    return pd.DataFrame(rows, columns=["source", "estimate", "low", "high", "n", "of"])
