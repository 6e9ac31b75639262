"""How well the models of repeat buying could know their parameters: information in the reference shop's histories."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from opskit.monetization.lifetime_value import bg_nbd_likelihood, gamma_gamma, histories, maximum_likelihood
from opskit.sample.derived.figure import REFERENCE_CUSTOMERS, Figure
from opskit.sample.world import Chunk, World

TABLES = ("orders",)

if TYPE_CHECKING:
    import pandas as pd

BUYING = ("purchase.r", "purchase.alpha", "dropout.a", "dropout.b")
SPENDING = ("value.p", "value.q", "value.gamma")


def figures(world: World, chunks: Sequence[Chunk]) -> dict[str, Figure]:
    """None: everything here is planted."""
    del world, chunks
    return {}


def spreads(world: World, chunks: Sequence[Chunk]) -> dict[str, float]:
    """Of BG/NBD and Gamma-Gamma parameters, from the observed information at the planted values."""
    days = _order_days(world, chunks)
    if not (days["frequency"] > 0).any():
        return {}
    buying = bg_nbd_likelihood.LogLikelihood(histories.distinct(days, 1))
    again = days[days["frequency"] > 0]
    return {
        **_spreads(world, BUYING, buying, len(days)),
        **_spreads(world, SPENDING, gamma_gamma.LogLikelihood(_with_values(world, again)), len(again)),
    }


def _order_days(world: World, chunks: Sequence[Chunk]) -> "pd.DataFrame":
    """frequency, recency and T of every buyer, in days, as one sees them in the orders."""
    import pandas as pd

    customer = np.concatenate([chunk.purchases.customer + chunk.start for chunk in chunks])
    day = np.floor(np.concatenate([chunk.purchases.at for chunk in chunks]))
    seen = pd.DataFrame({"customer": customer, "day": day}).drop_duplicates().groupby("customer")["day"]
    span = seen.agg(["size", "min", "max"])
    last_day = world.days - 1
    return pd.DataFrame(
        {"frequency": span["size"] - 1, "recency": span["max"] - span["min"], "T": last_day - span["min"]}
    )


def _with_values(world: World, again: "pd.DataFrame") -> "pd.DataFrame":
    """A mean value for each, as planted and without membership: only how much it tells is asked here."""
    p, q, gamma = (world.truth[name] for name in SPENDING)
    rng, frequency = world.rng("repeat_buying"), again["frequency"].to_numpy(dtype=float)
    nu = rng.gamma(q, 1 / gamma, len(again))
    mean_value = np.maximum(rng.gamma(p * frequency) / (frequency * nu), 1e-9)
    return again.assign(mean_value=mean_value, n=1.0)


def _spreads(
    world: World, names: Sequence[str], log_likelihood: maximum_likelihood.LogLikelihood, customers: int
) -> dict[str, float]:
    """Empty where the shop could not tell the parameters apart."""
    planted = np.array([world.truth[name] for name in names])
    known = -maximum_likelihood.information(log_likelihood, np.log(planted))
    if not np.all(np.isfinite(known)) or np.linalg.eigvalsh(known)[0] <= 0:
        return {}
    error = planted * np.sqrt(np.diag(np.linalg.inv(known)) / (customers / REFERENCE_CUSTOMERS))
    return {name: float(value) for name, value in zip(names, error, strict=True)}
