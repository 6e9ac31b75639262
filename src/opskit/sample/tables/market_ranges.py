"""The worksheet of three fictional markets: what an honest expert would write down about the factors of their sizes."""

from typing import Any, NamedTuple

import numpy as np

from opskit.sample.world import Chunk, Column

ROW = "factor of a market; the factors of a market are multiplied"
COLUMNS = {
    "market": Column("category", "the market"),
    "factor": Column("category", "what its size is a product of"),
    "low": Column("number", "as low as it can be"),
    "likely": Column("number", "most likely"),
    "high": Column("number", "as high as it can be"),
    "layer": Column("category", "total, serviceable or obtainable: the part of the market that the factor leads to"),
    "unit": Column("category", "of the three numbers"),
    "source": Column("category", "where they come from"),
}
MARKETS = ("infant_nutrition", "maternity_care", "early_toys")


class Factor(NamedTuple):
    """A factor, and how far the limits lie from the likely value, as shares of it."""

    layer: str
    unit: str
    below: float
    above: float
    source: str


FACTORS = {
    "households": Factor("total", "households", 0.10, 0.15, "register of births"),
    "orders_a_year": Factor("total", "orders a year", 0.30, 0.40, "consumer panel, 400 households"),
    "price": Factor("total", "CNY", 0.15, 0.25, "price lists of six shops"),
    "imported_share": Factor("serviceable", "share", 0.30, 0.40, "consumer panel, 400 households"),
    "online_share": Factor("serviceable", "share", 0.15, 0.20, "yearbook of the trade"),
    "winnable_share": Factor("obtainable", "share", 0.60, 1.20, "guess of the founders"),
}


def build(chunk: Chunk) -> dict[str, Any]:
    """All rows, with the first chunk."""
    rows = [(market, factor) for market in MARKETS for factor in FACTORS] if chunk.index == 0 else []
    places = chunk.rng("market_ranges").random(len(MARKETS) * len(FACTORS))
    specs = [FACTORS[factor] for _, factor in rows]
    truth = np.array([chunk.world.truth[f"market.{market}.{factor}"] for market, factor in rows])
    likely = truth / np.array([_pert(spec, place) for spec, place in zip(specs, places, strict=False)])
    most = np.array([1.0 if spec.unit == "share" else np.inf for spec in specs])
    below, above = (np.array([spec[end] for spec in specs]) for end in (2, 3))
    texts = list(zip(*rows, strict=True)) or [(), ()]
    return {
        "market": np.array(texts[0], dtype=object),
        "factor": np.array(texts[1], dtype=object),
        **{
            name: np.minimum(_written(likely * times), most)
            for name, times in (("low", 1 - below), ("likely", 1.0), ("high", 1 + above))
        },
        **{
            name: np.array([getattr(spec, name) for spec in specs], dtype=object)
            for name in ("layer", "unit", "source")
        },
    }


def _pert(spec: Factor, place: float) -> float:
    """The truth over the likely value, where the truth stands at this place of the expert's beta-PERT distribution."""
    from scipy.special import betaincinv

    width = spec.below + spec.above
    mode = spec.below / width
    return 1 - spec.below + width * float(betaincinv(1 + 4 * mode, 5 - 4 * mode, place))


def _written(values: Any) -> Any:
    """As a person writes it: three digits."""
    return np.array([float(f"{value:.3g}") for value in values])
