"""Market size simulated over ranges: how large, how sure, and which factor the doubt comes from."""

import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import check
from opskit.target_users.market.ranges import LAYERS, factors

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

DISTRIBUTIONS = ("pert", "triangular")
_STEPS = 4001
_READINGS: dict[str, dict[str, Any]] = {
    "as the page reads them": {},
    "triangular instead of beta-PERT": {"distribution": "triangular"},
    "factors correlated by 0.3": {"correlation": 0.3},
    "limits half as far again": {"widen": 1.5},
    "limits twice as far": {"widen": 2.0},
}


class Simulation(NamedTuple):
    """Sizes of every market and layer, simulated."""

    sizes: "pd.DataFrame"  # market, layer, n (factors), likely_product, median, low, high
    tornado: (
        "pd.DataFrame"  # market, layer, factor, factor_low, factor_high, size_low, size_high, swing, variance_share
    )
    draws: "pd.DataFrame"  # a column per (market, layer), a row per simulation


def simulate(
    worksheet: Any,
    *,
    distribution: str = "pert",
    correlation: float = 0.0,
    widen: float = 1.0,
    simulations: int = 20_000,
    range_share: float = 0.8,
    confidence: float = 0.95,
    seed: int = 7,
) -> Simulation:
    """Multiply the factors of every market, each drawn from its range, very often.

    The layer total is the product of its own factors (total addressable market), serviceable that times its factors, and
    obtainable that times the rest. A layer of which a market names no factor has no row.

    Args:
        worksheet: Any engine's frame of the table market_ranges, as `factors` takes it.
        distribution: ``"pert"``: beta-PERT, the likely value weighs four times as much as either end;
            ``"triangular"``: more weight towards the ends. Low and high are the limits in both.
        correlation: Of the normal scores of any two factors of one market: 0 moves each by itself; positive where one
            optimist has written all of them.
        widen: How many times as far from the likely value the limits are taken (not below 0, a share not above 1).
        simulations: How many sizes to draw.
        range_share: Middle share of a factor's own draws that its bar in the tornado spans.
        confidence: Middle share of the simulated sizes between low and high.
        seed: Of the draws; each factor has its own stream, so a new one leaves the others as they were.

    Returns:
        ``sizes``: market, layer, n (factors multiplied), likely_product (all factors at their likely value), median,
        low, high. ``tornado``: per market and factor, for the smallest layer: factor_low, factor_high (the middle
        range_share of the factor), size_low, size_high (the size when it alone moves there, the others at their
        median), swing, variance_share (of the variance of the log size; they add up to 1), largest first. ``draws``:
        the sizes, one column per market and layer. Sizes are per year and in the currency if the factors are.

    Raises:
        OpskitError: As `factors`, or an option is out of range.

    Assumes the truth lies within each range as the distribution says. People's ranges are usually too narrow, and wrong
    factors multiplied exactly stay wrong: `widen` and `correlation` show what that would do.

    Source: Malcolm, Roseboom, Clark & Fazar (1959) for PERT; Vose (2008), "Risk Analysis", for its simulation.

    >>> import pandas as pd
    >>> sheet = pd.DataFrame({"market": ["A", "A"], "factor": ["people", "price"], "low": [100, 5]})
    >>> found = simulate(sheet.assign(likely=[100, 6], high=[100, 10]))
    >>> found.sizes[["layer", "n", "likely_product"]].values.tolist()
    [['total', 2, 600.0]]
    >>> found.tornado[["factor", "variance_share"]].values.tolist()
    [['price', 1.0], ['people', 0.0]]
    """
    import numpy as np
    import pandas as pd

    check(distribution, "distribution", among=DISTRIBUTIONS)
    check(correlation, "correlation", ge=0, lt=1)
    check(widen, "widen", ge=1)
    check(simulations, "simulations", ge=100)
    for name, share in (("range_share", range_share), ("confidence", confidence)):
        check(share, name, gt=0, lt=1)
    sizes: list[tuple[Any, ...]] = []
    tornados: list[pd.DataFrame] = []
    draws: dict[tuple[str, str], np.ndarray[Any, Any]] = {}
    for market, rows in factors(worksheet).groupby("market"):
        rows = _widened(rows, widen)
        drawn = _draw(rows, distribution, _scores(rows, simulations, correlation, seed))
        for layer in LAYERS:
            within = rows["layer"].map(LAYERS.index).to_numpy() <= LAYERS.index(layer)
            if not (rows["layer"] == layer).any():
                continue
            size = drawn[within].prod(axis=0)
            draws[str(market), layer] = size
            low, median, high = np.quantile(size, [(1 - confidence) / 2, 0.5, (1 + confidence) / 2])
            sizes.append((market, layer, int(within.sum()), rows.loc[within, "likely"].prod(), median, low, high))
        tornados.append(_tornado(rows, drawn, range_share))
    columns = ["market", "layer", "n", "likely_product", "median", "low", "high"]
    return Simulation(pd.DataFrame(sizes, columns=columns), pd.concat(tornados, ignore_index=True), pd.DataFrame(draws))


def alternatives(worksheet: Any, market: str, *, confidence: float = 0.95, seed: int = 7) -> "pd.DataFrame":
    """One market's size under other readings of the same ranges.

    Args:
        worksheet: As for `simulate`.
        market: The market.
        confidence: As for `simulate`.
        seed: As for `simulate`.

    Returns:
        reading (in words), layer (the smallest), median, low, high, n (factors).

    Raises:
        OpskitError: As `simulate`, or the worksheet has no such market.
    """
    import pandas as pd

    table = factors(worksheet)
    check(market, "market", among=dict.fromkeys(table["market"]))
    own = table[table["market"] == market]
    parts: list[pd.DataFrame] = []
    for reading, options in _READINGS.items():
        sizes = simulate(own, **options, confidence=confidence, seed=seed).sizes
        parts.append(sizes.tail(1).assign(reading=reading))
    return pd.concat(parts, ignore_index=True)[["reading", "layer", "median", "low", "high", "n"]]


def fits(simulation: Simulation, *, too_small: float, too_large: float) -> "pd.DataFrame":
    """How likely each market is too small, too large, or neither.

    Args:
        simulation: Of `simulate`.
        too_small: The part of the market that can be won (its smallest layer) must be at least this.
        too_large: The whole market must be at most this; inf where no market is too large.

    Returns:
        market, layer (the one held against too_small), n (factors), too_small, too_large, fits (shares of the simulated sizes; a
        market can be too small and too large at once: large, and out of reach); likeliest to fit first. They are
        the worksheet's own odds; with 20,000 simulations chance moves them by at most 0.7 points.

    Raises:
        OpskitError: A threshold is negative, or too_large is not above too_small.

    >>> import pandas as pd
    >>> sheet = pd.DataFrame({"market": ["A"], "factor": ["people"], "low": [0.0], "likely": [5.0], "high": [10.0]})
    >>> table = fits(simulate(sheet), too_small=5, too_large=20)
    >>> [round(share, 1) for share in table[["too_small", "too_large", "fits"]].iloc[0]]
    [0.5, 0.0, 0.5]
    """
    import pandas as pd

    check(too_small, "too_small", ge=0)
    check(too_large, "too_large", gt=too_small)
    rows: list[tuple[Any, ...]] = []
    for market, layers in simulation.sizes.groupby("market"):
        layer, n = layers.iloc[-1][["layer", "n"]]
        small = simulation.draws[market, layer] < too_small
        large = simulation.draws[market, LAYERS[0]] > too_large
        rows.append((market, layer, n, small.mean(), large.mean(), (~small & ~large).mean()))
    table = pd.DataFrame(rows, columns=["market", "layer", "n", "too_small", "too_large", "fits"])
    return table.sort_values("fits", ascending=False, kind="stable", ignore_index=True)


def _widened(rows: "pd.DataFrame", widen: float) -> "pd.DataFrame":
    low = (rows["likely"] - widen * (rows["likely"] - rows["low"])).clip(lower=0)
    high = rows["likely"] + widen * (rows["high"] - rows["likely"])
    share = (rows["layer"] != LAYERS[0]) | (rows["unit"] == "share")
    return rows.assign(low=low, high=high.where(~share, high.clip(upper=1)))


def _scores(rows: "pd.DataFrame", simulations: int, correlation: float, seed: int) -> "np.ndarray[Any, Any]":
    """Uniform numbers, factors x simulations, tied together by one common normal score."""
    import numpy as np
    from scipy.special import ndtr

    def normal(name: str) -> "np.ndarray[Any, Any]":
        stream = np.random.SeedSequence(seed, spawn_key=(zlib.crc32(name.encode()),))
        return np.random.default_rng(stream).standard_normal(simulations)

    market = str(rows["market"].iloc[0])
    own = np.stack([normal(f"{market}\n{factor}") for factor in rows["factor"]])
    return ndtr(np.sqrt(correlation) * normal(market) + np.sqrt(1 - correlation) * own)


def _draw(rows: "pd.DataFrame", distribution: str, scores: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Each factor at its scores: factors x simulations."""
    import numpy as np
    from scipy.special import betainc

    low, likely, high = (rows[[name]].to_numpy(dtype=float) for name in ("low", "likely", "high"))
    width = high - low
    place = np.divide(likely - low, width, out=np.full_like(width, 0.5), where=width > 0)
    if distribution == "pert":
        # Read from a fine table: the inverse itself would take most of the page's time.
        across = np.linspace(0, 1, _STEPS)
        below = betainc(1 + 4 * place, 5 - 4 * place, across)
        return low + width * np.stack([np.interp(at, one, across) for at, one in zip(scores, below, strict=True)])
    rising = np.sqrt(scores * place)
    return low + width * np.where(scores < place, rising, 1 - np.sqrt((1 - scores) * (1 - place)))


def _tornado(rows: "pd.DataFrame", drawn: "np.ndarray[Any, Any]", range_share: float) -> "pd.DataFrame":
    import numpy as np

    low, median, high = np.quantile(drawn, [(1 - range_share) / 2, 0.5, (1 + range_share) / 2], axis=1)
    others = np.array([np.delete(median, place).prod() for place in range(len(median))])
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(drawn)
        centred = logs - logs.mean(axis=1, keepdims=True)
        together = centred.sum(axis=0)
        # Covariances with the sum add up to its variance, whether or not the factors move together.
        share = np.nan_to_num(centred @ together / (together @ together))
    table = rows[["market", "factor"]].assign(
        layer=rows["layer"].iloc[-1], factor_low=low, factor_high=high, size_low=low * others, size_high=high * others
    )
    table = table.assign(swing=table["size_high"] - table["size_low"], variance_share=np.round(share, 12))
    return table.sort_values("swing", ascending=False, kind="stable")
