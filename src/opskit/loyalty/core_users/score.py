"""The core-user score: the three components on one scale, weighed, and how far the ranking hangs on the weights."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opskit.customers import downstream
from opskit.errors import OpskitError, check
from opskit.loyalty.core_users.components import COMPONENTS, Components

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, Any]

WEIGHTS: Mapping[str, float] = {"value": 0.5, "contribution": 0.2, "influence": 0.3}
SCALES = ("share", "rank")


def score(found: Components, *, weights: Mapping[str, float] | None = None, scale: str = "share") -> "pd.DataFrame":
    """Each customer's weighed share of all value, of all contributions and of all influence.

    Args:
        found: From `components`.
        weights: Of value, contribution and influence; those of components that cannot be measured are left out and the
            others scaled to 1. None: 0.5, 0.2 and 0.3, a starting point and no more.
        scale: ``"share"``: the part of the component's total that the customer holds, so that the scores of all add up
            to 1 and a score says how much of the business stands with the customer. ``"rank"``: the share of customers
            who have less, so that large and very large count almost alike.

    Returns:
        The table of the components with scaled_value, scaled_contribution, scaled_influence (nan where not measured),
        score and rank (from 1; equal scores: the one of more value, then the one known longer, then by id), best
        first. The index says the place in the table of the components.

    Raises:
        OpskitError: A weight is negative or names no component, or those of the measured components add up to nothing.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"customer_id": list("AB"), "known_since": 0.0, "value": [3.0, 1.0]})
    >>> table = table.assign(contribution=[0.0, 2.0], influence=float("nan"))
    >>> score(Components(table, ("value", "contribution"), {}))["score"].round(3).tolist()
    [0.536, 0.464]
    """
    import numpy as np

    weight, columns = normalized(found, weights), scaled(found, scale)
    table = found.table.assign(**{f"scaled_{name}": columns.get(name, np.nan) for name in COMPONENTS})
    table["score"] = sum(weight[name] * columns[name] for name in found.measured)
    by = ["score", "value", "known_since", "customer_id"]
    table = table.sort_values(by, ascending=[False, False, True, True], kind="stable")
    return table.assign(rank=np.arange(1, len(table) + 1))


def normalized(found: Components, weights: Mapping[str, float] | None = None) -> dict[str, float]:
    """Weights of the measured components, adding up to 1.

    Raises:
        OpskitError: As in `score`.
    """
    given = dict(WEIGHTS if weights is None else weights)
    for name, weight in given.items():
        check(name, "weights", among=COMPONENTS)
        check(weight, f"weight of {name}", ge=0)
    total = sum(given.get(name, 0.0) for name in found.measured)
    if not total > 0:
        raise OpskitError(f"weights of {', '.join(found.measured)} add up to {total:g}, must be > 0.")
    return {name: given.get(name, 0.0) / total for name in found.measured}


def scaled(found: Components, scale: str = "share") -> "dict[str, Vector]":
    """Each measured component on the common scale, in the order of the components' table."""
    import numpy as np

    check(scale, "scale", among=SCALES)
    columns: dict[str, Vector] = {}
    for name in found.measured:
        amount = found.table[name].to_numpy(dtype=float)
        less = np.searchsorted(np.sort(amount), amount, side="left") / len(amount)
        columns[name] = amount / amount.sum() if scale == "share" else less
    return columns


def core(scored: "pd.DataFrame", size: int) -> "Vector":
    """Whether each customer of the components' table is one of the `size` best."""
    import numpy as np

    check(size, "size", ge=1, le=len(scored))
    member = np.zeros(len(scored), dtype=bool)
    member[scored.index[:size].to_numpy()] = True
    return member


def sensitivity(
    found: Components, size: int, *, weights: Mapping[str, float] | None = None, scale: str = "share"
) -> "pd.DataFrame":
    """How many of the core stay in it under other weights, another scale or another reach of influence.

    Args:
        found: From `components`.
        size: Customers in the core.
        weights: As in `score`.
        scale: As in `score`.

    Returns:
        variant, value, contribution, influence (weights used, nan where not measured), stay (customers), share: a count
        of what these choices do to this ranking, so it has no interval.
    """
    import numpy as np
    import pandas as pd

    chosen = core(score(found, weights=weights, scale=scale), size)
    rows: list[dict[str, Any]] = []
    for name, (other, given, how) in _variants(found, normalized(found, weights), scale).items():
        stay = int((chosen & core(score(other, weights=given, scale=how), size)).sum())
        used = {part: normalized(other, given).get(part, np.nan) for part in COMPONENTS}
        rows.append({"variant": name, **used, "stay": stay, "share": stay / size})
    return pd.DataFrame(rows)


def _variants(
    found: Components, weights: dict[str, float], scale: str
) -> dict[str, tuple[Components, dict[str, float], str]]:
    other = next(one for one in SCALES if one != scale)
    variants = {"as chosen": (found, weights, scale)}
    if len(found.measured) > 1:  # alone, a component gives the same ranking on any scale
        variants[f"scale: {other}"] = (found, weights, other)
        variants["equal weights"] = (found, dict.fromkeys(found.measured, 1.0), scale)
        for name in found.measured:
            variants[f"{name} doubled"] = (found, weights | {name: 2 * weights[name]}, scale)
            variants[f"{name} alone"] = (found, {name: 1.0}, scale)
    if "influence" in found.measured and found.referrals is not None:
        graph, table = found.referrals, found.table
        amounts = {"customers": table["value"] * 0 + 1, "value": table["value"]}
        swapped = next(one for one in amounts if one != found.influence_in)
        for name, counted, discount in (
            ("influence: own invitations only", found.influence_in, 0.0),
            ("influence: every generation in full", found.influence_in, 1.0),
            (f"influence: in {swapped}", swapped, found.discount),
        ):
            changed = table.assign(influence=downstream(graph, amounts[counted], discount=discount))
            if changed["influence"].sum() > 0:
                variants[name] = (found._replace(table=changed), weights, scale)
    return variants


def firmness(found: Components, size: int, *, scale: str = "share", draws: int = 300, seed: int = 7) -> "Vector":
    """Share of all possible weights under which each customer belongs to the core.

    Args:
        found: From `components`.
        size: Customers in the core.
        scale: As in `score`.
        draws: Sets of weights, drawn evenly from all that add up to 1.
        seed: Of the draws.

    Returns:
        One share per row of the components' table: 1 belongs whatever the weights, 0 never does.
    """
    import numpy as np

    check(draws, "draws", ge=1)
    columns = np.column_stack(list(scaled(found, scale).values()))
    check(size, "size", ge=1, le=len(columns))
    belongs = np.zeros(len(columns))
    for weight in np.random.default_rng(seed).dirichlet(np.ones(columns.shape[1]), draws):
        belongs[np.argpartition(-(columns @ weight), size - 1)[:size]] += 1
    return belongs / draws
