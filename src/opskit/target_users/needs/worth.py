"""Worth of each need: the Plackett-Luce model, of which Bradley-Terry is the case of two."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import TooLittleDataError, check
from opskit.target_users.needs.choices import Choices

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_ROUNDS = 100
_DRAWS = 20_000
_MORE = 1 + 1e-9  # beyond rounding


class Fit(NamedTuple):
    """Logarithms of the worths, which add up to 0, and how sure they are."""

    log_worth: "np.ndarray[Any, Any]"
    covariance: "np.ndarray[Any, Any]"
    scores: "np.ndarray[Any, Any]"  # answers x needs: what each answer pulls, at the estimate
    information: "np.ndarray[Any, Any]"
    log_likelihood: float


class Worths(NamedTuple):
    """Worth of the needs, their order, and how far they can be told apart."""

    table: "pd.DataFrame"  # need, worth, low, high, place, place_low, place_high, first, n
    pairs: "pd.DataFrame"  # need, other, times, low, high, apart
    unbounded: "pd.DataFrame"  # need, why
    fit: Fit
    choices: Choices  # among the needs that have a worth
    confidence: float


def worths(choices: Choices, *, robust: bool = True, confidence: float = 0.95, seed: int = 7) -> Worths:
    """Worth of each need, as its share of all worth: the odds of two being needed more are the ratio of their worths.

    Args:
        choices: Of `rankings`, `comparisons` or `from_wins`.
        robust: Take the covariance between whole answers of respondents (sandwich), which holds when tastes differ and when
            one person's comparisons hang together, but at least half of the model's; False: that of the model (inverse
            Fisher information).
        confidence: Coverage of the intervals, between 0 and 1.
        seed: Of the draws that the order and the simultaneous intervals are read from.

    Returns:
        ``table``: need, worth (share; they add up to 1), low, high, place (1 for the most needed), place_low,
        place_high (together for all needs: places that cannot be ruled out), first (share of redrawn estimates in
        which it comes first), n (respondents who compared it); the most needed first. ``pairs``: need, other, times
        (how many times the other's worth), low, high (together for all pairs), apart (whether the interval leaves
        out 1). ``unbounded``: needs that were preferred always or never, which have no finite worth, and why; the
        others' worths are those among themselves.

    Raises:
        OpskitError: An option is out of range.
        TooLittleDataError: Some needs were never compared with the others, or no two needs were each preferred to the other by anybody, directly or by way of others.

    Assumes that which of two needs is preferred does not hang on what else is offered, that respondents are
    independent, and that those who answered stand for those who are meant.

    Source: Bradley & Terry (1952); Luce (1959); Plackett (1975); Ford (1957) for when worths are finite; Newton's
        method on the concave log-likelihood; simultaneous intervals by the largest of the differences, as in Hothorn,
        Bretz & Westfall (2008); places from them, as in Klein, Wright & Wieczorek (2020).

    >>> import pandas as pd
    >>> from opskit.target_users.needs.choices import from_wins
    >>> found = worths(from_wins(pd.DataFrame({"winner": ["A", "B"], "loser": ["B", "A"], "n": [30, 10]})))
    >>> found.table[["need", "worth", "low", "high", "place"]].round(3).values.tolist()
    [['A', 0.75, 0.592, 0.861, 1], ['B', 0.25, 0.139, 0.408, 2]]
    """
    import pandas as pd

    check(confidence, "confidence", gt=0, lt=1)
    kept, why = _bounded(choices)
    unbounded = pd.DataFrame([(need, text) for need, text in why.items()], columns=["need", "why"])
    some = choices.of(kept)
    found = fit(some, robust=robust)
    pairs, draws = _pairs(some.needs, found, confidence, seed)
    table = _table(some, found, draws, pairs, confidence)
    return Worths(table, pairs, unbounded, found, some, confidence)


def fit(choices: Choices, *, robust: bool = True) -> Fit:
    """Maximum likelihood of the logarithms of the worths, by Newton's method."""
    import numpy as np

    log_worth = np.zeros(len(choices.needs))
    value, gradient, information, scores = _likelihood(choices, log_worth)
    for _ in range(_ROUNDS):
        change = np.linalg.solve(information + 1.0, gradient)  # the added ones hold the sum at 0
        step, slope = 1.0, float(gradient @ change)
        while step > 1e-6 and _likelihood(choices, log_worth + step * change)[0] < value + 1e-4 * step * slope - 1e-12:
            step /= 2
        log_worth = log_worth + step * (change - change.mean())
        value, gradient, information, scores = _likelihood(choices, log_worth)
        if abs(slope) < 1e-16 * max(abs(value), 1):
            break
    covariance = np.linalg.inv(information + 1.0) - 1 / len(log_worth) ** 2  # the inverse where the sum is 0
    if robust:
        n = choices.n
        spread = (scores * choices.times[:, None]).T @ scores
        covariance = _floored(covariance @ spread @ covariance * n / max(n - 1, 1), covariance)
    return Fit(log_worth, covariance, scores, information, value)


def _floored(robust: "np.ndarray[Any, Any]", model: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """The robust covariance, in no direction less than half of the model's: answers alike by chance are no certainty."""
    import numpy as np

    sizes, directions = np.linalg.eigh(model)
    kept = sizes > 1e-9 * sizes.max()
    size, direction = np.sqrt(sizes[kept]), directions[:, kept]
    times, turned = np.linalg.eigh((direction / size).T @ robust @ (direction / size))
    root = (direction * size) @ turned
    return (root * np.maximum(times, 0.5)) @ root.T


def _likelihood(choices: Choices, log_worth: "np.ndarray[Any, Any]") -> tuple[float, Any, Any, Any]:
    """Log-likelihood, its gradient and information, and each answer's own gradient."""
    import numpy as np

    weight = choices.weight * choices.times[choices.answer]
    level = np.where(choices.offered, log_worth, -np.inf)
    top = level.max(axis=1, keepdims=True)
    share = np.exp(level - top)
    total = share.sum(axis=1, keepdims=True)
    share /= total
    value = float(weight @ (log_worth[choices.chosen] - (top + np.log(total))[:, 0]))
    pull = -share
    pull[np.arange(len(share)), choices.chosen] += 1
    scores = np.zeros((len(choices.times), len(choices.needs)))
    np.add.at(scores, choices.answer, pull * choices.weight[:, None])
    information = np.diag(weight @ share) - (share * weight[:, None]).T @ share
    return value, weight @ pull, information, scores


def _bounded(choices: Choices) -> "tuple[np.ndarray[Any, Any], dict[str, str]]":
    """The largest set of needs whose worths are finite, and why the others' are not."""
    import numpy as np
    from scipy.sparse.csgraph import connected_components

    count = len(choices.needs)
    beaten = np.zeros((count, count))
    np.add.at(beaten, choices.chosen, choices.offered * choices.weight[:, None])
    np.fill_diagonal(beaten, 0)
    parts, part = connected_components(beaten, directed=True, connection="weak")
    if parts > 1:
        told = " and ".join(", ".join(choices.needs[i] for i in np.flatnonzero(part == one)) for one in range(parts))
        raise TooLittleDataError(
            f"{told} were never compared with each other, so they have no common scale. Ask for one of each."
        )
    _, group = connected_components(beaten, directed=True, connection="strong")
    sizes = np.bincount(group)
    if sizes.max() < 2:
        raise TooLittleDataError(
            f"all {choices.n:,} respondents order the {count} needs alike, so how far apart they are cannot be told. Ask "
            "more people, or finer questions."
        )
    kept = group == sizes.argmax()
    reach = np.linalg.matrix_power(np.eye(count) + (beaten > 0), count) > 0
    why = {
        choices.needs[place]: "always preferred to the others"
        if reach[place, kept].any()
        else "never preferred to the others"
        for place in np.flatnonzero(~kept)
    }
    return kept, why


def _pairs(needs: tuple[str, ...], found: Fit, confidence: float, seed: int) -> "tuple[pd.DataFrame, Any]":
    """Every ordered pair, with intervals that hold together; and the redrawn estimates."""
    import numpy as np
    import pandas as pd

    count = len(needs)
    values, vectors = np.linalg.eigh(found.covariance)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    draws = np.random.default_rng(seed).standard_normal((_DRAWS, count)) @ root.T
    one, other = np.triu_indices(count, 1)
    variance = found.covariance[one, one] + found.covariance[other, other] - 2 * found.covariance[one, other]
    error = np.sqrt(np.where(variance > 1e-12, variance, np.inf))
    reach = np.abs(draws[:, one] - draws[:, other]) / error
    error = np.where(np.isfinite(error), error, 0)  # two needs that everybody treats alike
    half = float(np.quantile(reach.max(axis=1), confidence)) * error
    apart = found.log_worth[one] - found.log_worth[other]
    rows = [
        (needs[i], needs[j], np.exp(d), np.exp(d - h), np.exp(d + h))
        for i, j, d, h in zip(one, other, apart, half, strict=True)
    ]
    rows += [(b, a, 1 / times, 1 / high, 1 / low) for a, b, times, low, high in rows]
    table = pd.DataFrame(rows, columns=["need", "other", "times", "low", "high"])
    return table.assign(apart=(table["low"] > _MORE) | (table["high"] < 1 / _MORE)), draws + found.log_worth


def _table(choices: Choices, found: Fit, draws: Any, pairs: "pd.DataFrame", confidence: float) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd
    from scipy.special import expit, logit, ndtri, softmax

    worth = softmax(found.log_worth)
    slope = np.eye(len(worth)) - (1 - np.eye(len(worth))) * worth / (1 - worth)[:, None]  # of the logit of each share
    error = np.sqrt(np.clip(np.einsum("ij,jk,ik->i", slope, found.covariance, slope), 0, None))
    half = float(ndtri((1 + confidence) / 2)) * error
    better = pairs[pairs["low"] > _MORE].groupby("other").size().reindex(choices.needs, fill_value=0).to_numpy()
    worse = pairs[pairs["high"] < 1 / _MORE].groupby("other").size().reindex(choices.needs, fill_value=0).to_numpy()
    first = np.bincount(draws.argmax(axis=1), minlength=len(worth)) / len(draws)
    there = np.zeros((len(choices.times), len(worth)), dtype=bool)
    np.logical_or.at(there, choices.answer, choices.offered)
    table = pd.DataFrame(
        {
            "need": choices.needs,
            "worth": worth,
            "low": expit(logit(worth) - half),
            "high": expit(logit(worth) + half),
            "place": (-worth).argsort(kind="stable").argsort(kind="stable") + 1,
            "place_low": better + 1,
            "place_high": len(worth) - worse,
            "first": first,
            "n": (choices.times @ there).astype("int64"),
        }
    )
    return table.sort_values("place", ignore_index=True)
