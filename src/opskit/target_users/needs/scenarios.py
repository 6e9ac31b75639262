"""The scenario map: scene, gathering place, candidate channel; which to try first, and how much that hangs on the weights."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import frames
from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

CRITERIA = ("reach", "precision", "cost", "team_fit")
AROUND, ANY, BLURRED = "weights near yours", "any weights", "weights near yours, scores off by up to one point"
_PLACES = ("scene", "place", "channel")
_LOWEST, _HIGHEST = 1, 5
_DRAWS = 20_000


class Scenarios(NamedTuple):
    """Ways to people, scored."""

    table: "pd.DataFrame"  # scene, place, channel, reach, precision, cost, team_fit, score, first, first_any, first_blurred, n
    overtaking: "pd.DataFrame"  # criterion, weight, becomes, change, rival
    weights: dict[str, float]


def candidates(worksheet: Any) -> "pd.DataFrame":
    """The rows of the worksheet, checked.

    Args:
        worksheet: Any engine's frame of the contract's table scenarios.

    Returns:
        scene, place, channel, reach, precision, cost, team_fit (1 to 5; cost: 5 is dear), and side, step and source where they
        are there; in the order of scene, place and channel.

    Raises:
        OpskitError: A column or score is missing, a score is not from 1 to 5, or a row stands twice.
    """
    lazy = frames.lazy(worksheet, *_PLACES, *CRITERIA, table="scenarios")
    have = lazy.collect_schema().names()
    texts = [name for name in ("side", "step", "source") if name in have]
    table = frames.collect(lazy.select(*_PLACES, *CRITERIA, *texts))
    table[list(CRITERIA)] = table[list(CRITERIA)].astype(float)
    table[texts] = table[texts].astype(object).where(table[texts].notna(), "")
    for row in table.to_dict("records"):
        for criterion in CRITERIA:
            name = f"scenarios: {criterion} of {row['channel']!r} at {row['place']!r}"
            check(row[criterion], name, ge=_LOWEST, le=_HIGHEST)
    twice = table[table.duplicated(list(_PLACES))]
    if len(twice):
        told = " – ".join(twice.iloc[0][list(_PLACES)])
        raise OpskitError(f"scenarios has {told} twice: keep one row for each way.")
    return table.sort_values(list(_PLACES), ignore_index=True)


def scenarios(
    worksheet: Any, *, weights: Sequence[float] = (3, 3, 2, 2), concentration: float = 30, seed: int = 7
) -> Scenarios:
    """Score every way to people, and see how much the order hangs on the weights.

    Args:
        worksheet: As for `candidates`.
        weights: Of reach, precision, cost and team fit; only their proportions count.
        concentration: How near the drawn weights stay to yours (Dirichlet): at 30 a weight of 30% varies by 8 points, at
            100 by 5.
        seed: Of the draws.

    Returns:
        ``table``: the rows with score (0 to 1; 1 is the best on every criterion; a low cost is good), n (criteria), and how
        often each is first: ``first`` with weights near yours, ``first_any`` with any weights (all equally likely),
        ``first_blurred`` with weights near yours and every score off by up to one point; the best first. ``overtaking``: per
        criterion the nearest weight at which another way comes first when the others keep their proportions (becomes,
        change, rival; missing where no weight does). ``weights``: as shares.

    Raises:
        OpskitError: As `candidates`, or an option is out of range.

    Assumes that the criteria make up for each other, one point for one point. The scores are opinions: they
        have no sample behind them, and the shares say what follows from the worksheet.

    Source: Lahdelma, Hokkanen & Salminen (1998), "SMAA: stochastic multiobjective acceptability analysis".

    >>> import pandas as pd
    >>> ways = {"scene": "bath", "place": ["forum", "clinic"], "channel": ["posts", "leaflet"], "reach": [5, 2]}
    >>> found = scenarios(pd.DataFrame({**ways, "precision": [2, 5], "cost": [2, 2], "team_fit": [4, 3]}))
    >>> found.table[["channel", "score"]].values.tolist()
    [['posts', 0.675], ['leaflet', 0.625]]
    >>> found.overtaking.query("criterion == 'precision'")[["rival", "becomes"]].round(3).values.tolist()
    [['leaflet', 0.344]]
    """
    import numpy as np

    share = _shares(weights)
    check(concentration, "concentration", gt=0)
    rows = candidates(worksheet)
    good = _good(rows)
    rng = np.random.default_rng(seed)
    near, anything = rng.dirichlet(concentration * share, _DRAWS), rng.dirichlet(np.ones(len(share)), _DRAWS)
    table = rows.assign(
        score=good @ share,
        first=_first(near @ good.T),
        first_any=_first(anything @ good.T),
        first_blurred=_first(_blurred(rows, near, rng)),
        n=len(CRITERIA),
    )
    order = (-table["score"].round(12)).argsort(kind="stable")
    table, good = table.iloc[order].reset_index(drop=True), good[order]
    return Scenarios(table, _overtaking(table, good, share), dict(zip(CRITERIA, share.tolist(), strict=True)))


def _shares(weights: Sequence[float]) -> "np.ndarray[Any, Any]":
    import numpy as np

    if len(weights) != len(CRITERIA):
        raise OpskitError(f"weights == {tuple(weights)!r}, must be {len(CRITERIA)}: of {', '.join(CRITERIA)}.")
    for name, weight in zip(CRITERIA, weights, strict=True):
        check(weight, f"the weight of {name}", gt=0)
    share = np.array(weights, dtype=float)
    return share / share.sum()


def _good(rows: "pd.DataFrame") -> "np.ndarray[Any, Any]":
    """Scores from 0 to 1, the better the higher."""
    import numpy as np

    values = (rows[list(CRITERIA)].to_numpy(dtype=float) - _LOWEST) / (_HIGHEST - _LOWEST)
    cheap = np.array(CRITERIA) == "cost"
    return np.where(cheap, 1 - values, values)


def _first(scores: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """How often each column is the highest of its row; equals share."""
    best = scores >= scores.max(axis=1, keepdims=True) - 1e-12
    return (best / best.sum(axis=1, keepdims=True)).mean(axis=0)


def _blurred(
    rows: "pd.DataFrame", weights: "np.ndarray[Any, Any]", rng: "np.random.Generator"
) -> "np.ndarray[Any, Any]":
    import numpy as np

    scores = np.zeros((len(weights), len(rows)))
    for place, criterion in enumerate(CRITERIA):
        off = rng.uniform(-1, 1, scores.shape)
        values = np.clip(rows[criterion].to_numpy(dtype=float) + off, _LOWEST, _HIGHEST)
        part = (values - _LOWEST) / (_HIGHEST - _LOWEST)
        scores += weights[:, [place]] * (1 - part if criterion == "cost" else part)
    return scores


def _overtaking(table: "pd.DataFrame", good: "np.ndarray[Any, Any]", share: "np.ndarray[Any, Any]") -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    found: list[tuple[Any, ...]] = []
    for place, criterion in enumerate(CRITERIA):
        others = np.delete(share, place) / (1 - share[place])
        best: tuple[float, float, str] = (np.inf, np.nan, "")
        for row in range(1, len(good)):
            ahead = good[0] - good[row]
            rest = float(np.delete(ahead, place) @ others)
            becomes = rest / (rest - ahead[place]) if rest != ahead[place] else np.nan
            change = abs(becomes - share[place])
            if 1e-9 < becomes < 1 - 1e-9 and change < best[0]:
                best = (change, becomes, table["channel"].iloc[row])
        found.append((criterion, share[place], best[1], best[1] - share[place], best[2]))
    return pd.DataFrame(found, columns=["criterion", "weight", "becomes", "change", "rival"])
