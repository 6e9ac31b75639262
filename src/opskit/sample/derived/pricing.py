"""Prices: the ones that earn most, the points of the price survey, and how well an elasticity could be known."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import root_scalar
from scipy.special import ndtr

from opskit.sample import photo_book
from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.seasons import Floats
from opskit.sample.surveys.photo_book import ASKED
from opskit.sample.world import Chunk, World

TABLES = ("assignments", "bookings", "surveys")
GROUPS = 50  # the reference respondents are split into groups to see how far a point varies


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Figures of the photo book."""
    answers = _answers(chunks)
    return {**_stated(world, len(answers)), **_points(answers), **_profit(world), **_elasticities(world, chunks)}


def _profit(world: World) -> dict[str, Figure]:
    elasticity, cost = world.truth["photo_book.elasticity"], world.truth["photo_book.unit_cost"]
    best = cost * elasticity / (1 + elasticity) if elasticity < -1 else np.nan
    how = "unit cost * elasticity / (1 + elasticity), where the elasticity is below -1"
    return {"photo_book.profit_price": Figure(best, "CNY", how, "profit-optimal price of the price test")}


def _stated(world: World, respondents: int) -> dict[str, Figure]:
    """Where price times the share willing to pay it is largest, willingness being log-normal."""
    median, sigma = world.truth["photo_book.wtp_median"], world.truth["photo_book.wtp_sigma"]
    cost = world.truth["photo_book.unit_cost"]
    how = "price that maximizes (price - {}) * share whose log-normal willingness to pay is at least the price"
    found: dict[str, Figure] = {}
    for name, spent in (("revenue", 0.0), ("profit", cost)):
        low, up = _optimum(median * 0.999, sigma, spent), _optimum(median * 1.001, sigma, spent)
        wide, wider = _optimum(median, sigma * 0.999, spent), _optimum(median, sigma * 1.001, spent)
        slopes = np.array([up - low, wider - wide]) / 0.002  # by log median and by log sigma
        error = float(np.sqrt(slopes @ np.linalg.inv(_information(median, sigma)) @ slopes))
        found[f"photo_book.stated_{name}_price"] = Figure(
            _optimum(median, sigma, spent),
            "CNY",
            how.format(f"{spent:g}"),
            f"{name}-optimal price of the yes-or-no answers",
            spread=error * np.sqrt(REFERENCE_CUSTOMERS / max(respondents, 1)),
        )
    return found


def _optimum(median: float, sigma: float, cost: float) -> float:
    def slope(price: float) -> float:
        z = np.log(price / median) / sigma
        return ndtr(-z) - (1 - cost / price) * np.exp(-(z**2) / 2) / (sigma * np.sqrt(2 * np.pi))

    return float(root_scalar(slope, bracket=(cost + 1e-6 * median, (median + cost) * np.exp(8 * sigma + 3))).root)


def _information(median: float, sigma: float) -> Floats:
    """Of one respondent about log median and log sigma, from which of the asked prices are accepted."""

    def chances(log_median: float, log_sigma: float) -> Floats:
        return np.diff(ndtr((np.log(ASKED) - log_median) / np.exp(log_sigma)), prepend=0, append=1)

    at, h = (np.log(median), np.log(sigma)), 1e-4
    by_median = (chances(at[0] + h, at[1]) - chances(at[0] - h, at[1])) / (2 * h)
    by_sigma = (chances(at[0], at[1] + h) - chances(at[0], at[1] - h)) / (2 * h)
    slopes = np.stack([by_median, by_sigma])
    return (slopes / np.maximum(chances(*at), 1e-12)) @ slopes.T


def _answers(chunks: Sequence[Chunk]) -> Floats:
    """The four prices of every reference respondent who does not contradict themselves."""
    found: list[Floats] = []
    for chunk in chunks:
        table = chunk.table("surveys")
        rows = (table["survey"] == "photo_book") & (table["question"] != "would_buy")
        texts = table["answer"][rows & (table["answer"] != None)]  # noqa: E711 - element by element
        found.append(np.array([float(text.lstrip("¥")) for text in texts]).reshape(-1, 4))
    prices = np.concatenate(found)
    return prices[prices[:, 1] < prices[:, 2]]


def _points(prices: Floats) -> dict[str, Figure]:
    """Crossings of the four curves, in the reference respondents; nan where there are none."""
    crossings = {
        "pmc": "too cheap and not cheap",
        "opp": "too cheap and too expensive",
        "idp": "cheap and expensive",
        "pme": "not expensive and too expensive",
    }
    whole = _crossings(prices) if len(prices) else np.full(4, np.nan)
    errors = np.full(4, np.nan)
    if len(prices) >= 20 * GROUPS:
        parts = np.stack([_crossings(prices[group::GROUPS]) for group in range(GROUPS)])
        errors = parts.std(axis=0, ddof=1) / np.sqrt(GROUPS)
    return {
        f"photo_book.{name}": Figure(
            float(value),
            "CNY",
            f"price at which as many call it {text}, {len(prices):,} simulated respondents",
            "Van Westendorp's point of the same name",
            float(error),
            float(error * np.sqrt(REFERENCE_CUSTOMERS)),
        )
        for (name, text), value, error in zip(crossings.items(), whole, errors, strict=True)
    }


def _crossings(prices: Floats) -> Floats:
    grid = np.unique(prices)
    below = [np.searchsorted(np.sort(column), grid, side="left") / len(prices) for column in prices.T]
    up_to = [np.searchsorted(np.sort(column), grid, side="right") / len(prices) for column in prices.T]
    pairs = (
        (below[1], 1 - below[0]),
        (up_to[3], 1 - below[0]),
        (up_to[2], 1 - below[1]),
        (up_to[3], 1 - up_to[2]),
    )
    return np.array([np.interp(0.0, rising - falling, grid) for rising, falling in pairs])


def _elasticities(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """The planted elasticity once for each design, which know it differently well."""
    elasticity = world.truth["photo_book.elasticity"]
    assigned = sum(len(photo_book.tested(chunk).customer) for chunk in chunks)
    price = np.array(list(photo_book.TEST_PRICES.values()))
    bought = world.truth["photo_book.test_share"] * (price / photo_book.CURRENT_PRICE) ** elasticity
    of_test = np.log(price), bought * assigned / len(price) / REFERENCE_CUSTOMERS
    market = photo_book.market(world)
    units = sum(int((chunk.table("bookings")["stream"] == "photo_book").sum()) for chunk in chunks)
    free = 1 - (sum(market.price.shape) - 1) / market.price.size  # what fixed effects leave of the noise
    known = units / REFERENCE_CUSTOMERS * world.truth["photo_book.price_noise"] ** 2 * free
    spread = {"price_test": _slope_spread(*of_test), "price_panel": 1 / np.sqrt(known) if known > 0 else np.nan}
    where = {"price_test": "customers drawn by lot", "price_panel": "cities and quarters, both with fixed effects"}
    return {
        f"photo_book.elasticity.{name}": Figure(
            elasticity,
            "percent per percent",
            f"as planted: {where[name]}",
            f"elasticity of {name}",
            spread=float(error),
        )
        for name, error in spread.items()
    }


def _slope_spread(x: Floats, weight: NDArray[np.float64]) -> float:
    """Standard error of a Poisson slope times the root of the number of accounts."""
    centred = x - np.average(x, weights=weight) if weight.sum() > 0 else x
    known = float(weight @ centred**2)
    return 1 / np.sqrt(known) if known > 0 else float("nan")
