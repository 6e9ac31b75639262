"""What the three drives would show without chance: effects by arm and half, and what ranking by the true effects earns."""

from collections.abc import Sequence

import numpy as np

from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.experiments import three_drives
from opskit.sample.seasons import Floats
from opskit.sample.world import Chunk, World

TABLES = ("assignments", "experiments", "orders")
FEWEST = 100  # customers of the reference shop below which nothing is worked out
ARMS = list(three_drives.SHARES)
UNIT = "share of customers"


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """Effects on the share that orders within the window; the oracle's Qini and what it earns per customer."""
    mailed = [three_drives.mailing(chunk) for chunk in chunks]
    chances, basket = (np.concatenate([getattr(part, name) for part in mailed]) for name in ("chances", "basket"))
    if len(basket) < FEWEST:
        return {}
    large = basket > np.median(basket)
    found: dict[str, Figure] = {}
    for column, arm in enumerate(ARMS[1:], start=1):
        for name, part in ((arm, large | ~large), (f"{arm}.small", ~large), (f"{arm}.large", large)):
            found[name] = _effect(chances[part][:, [0, column]], arm, name)
        of_each = chances[:, column] - chances[:, 0]
        found[f"{arm}.oracle_qini"] = _oracle_qini(of_each, arm)
        found |= {f"{arm}.oracle_gain_{share}": figure for share, figure in _oracle_gains(of_each, arm).items()}
        found[f"{arm}.oracle_value"] = _oracle_value(of_each, _worth(chunks, mailed), world, arm)
    return {f"targeting.{name}": figure for name, figure in found.items()}


def qini(of_each: Floats, score: Floats) -> float:
    """Area between the curve of those treated from the highest score on and the line of treating at random.

    >>> qini(np.array([0.2, 0.0]), np.array([2.0, 1.0]))
    0.025
    """
    gained = np.concatenate([[0.0], np.cumsum(of_each[np.argsort(-score, kind="stable")])]) / len(of_each)
    share = np.linspace(0, 1, len(gained))
    return float(np.trapezoid(gained - share * gained[-1], share))


def _effect(chances: Floats, arm: str, name: str) -> Figure:
    of_each = chances[:, 1] - chances[:, 0]
    control, treated = chances.mean(axis=0)
    shares = three_drives.SHARES["control"], three_drives.SHARES[arm]
    variance = sum(p * (1 - p) / s for p, s in zip((control, treated), shares, strict=True)) / len(of_each)
    return Figure(
        float(of_each.mean()),
        UNIT,
        f"{len(of_each):,} customers of the reference shop, of the chances known there",
        f"share that orders within {three_drives.WINDOW_DAYS:.0f} days, {name} less control",
        float(of_each.std() / np.sqrt(len(of_each))),
        float(np.sqrt(variance * REFERENCE_CUSTOMERS)),
    )


def _oracle_qini(of_each: Floats, arm: str) -> Figure:
    halves = [qini(part, part) for part in (of_each[::2], of_each[1::2])]
    how = "area between the curve of those ranked by their true effects and random, per customer"
    error = abs(halves[0] - halves[1]) / 2
    return Figure(qini(of_each, of_each), UNIT, how, f"Qini of {arm} stays below it; a good model has half", error)


def _oracle_gains(of_each: Floats, arm: str) -> dict[int, Figure]:
    """What treating the share with the largest true effects brings, for every tenth."""
    ranked, n = np.sort(of_each)[::-1], len(of_each)
    found: dict[int, Figure] = {}
    for percent in range(10, 101, 10):
        part = np.where(np.arange(n) < percent / 100 * n, ranked, 0.0)
        how = f"{percent}% treated, ranked by their true effects, per customer of the whole"
        told = f"the Qini curve of {arm} stays below it"
        found[percent] = Figure(float(part.mean()), UNIT, how, told, float(part.std() / np.sqrt(n)))
    return found


def _oracle_value(of_each: Floats, worth: float, world: World, arm: str) -> Figure:
    """Only those whose true effect is worth more than the mailing are treated."""
    gain = np.maximum(worth * of_each - world.truth[f"three_drives.{arm}_cost"], 0.0)
    how = f"an order of a customer of the control is worth {worth:.4g} CNY of contribution"
    told = f"value of {arm} per customer of the list stays below it"
    return Figure(float(gain.mean()), "CNY per customer", how, told, float(gain.std() / np.sqrt(len(gain))))


def _worth(chunks: Sequence[Chunk], mailed: Sequence[three_drives.Mailed]) -> float:
    """Contribution within the window per customer of the control who orders in it."""
    money = buyers = 0.0
    for chunk, part in zip(chunks, mailed, strict=True):
        orders = chunk.table("orders")
        begun = np.full(chunk.size, np.nan)
        begun[part.customer] = part.at
        since = np.floor(orders["at"]) - np.floor(begun[orders["place"]])
        inside = orders["paid"] & (orders["at"] >= begun[orders["place"]]) & (since < three_drives.WINDOW_DAYS)
        place, revenue = orders["place"][inside], orders["revenue"][inside]
        margin = orders["margin"][inside] * (1 - orders["refund"][inside] / np.maximum(revenue, 0.01))
        earned = np.bincount(place, margin, minlength=chunk.size)[part.customer]
        bought = np.bincount(place, minlength=chunk.size)[part.customer] > 0
        money += float(earned @ part.given[:, 0])
        buyers += float(bought @ part.given[:, 0])
    return money / buyers
