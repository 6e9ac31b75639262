"""The chain of channels as an absorbing Markov chain, solved exactly."""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Chain(NamedTuple):
    """How paths move.

    Attributes:
        begins: Paths that begin with each channel.
        moves: How often the channel of the row was followed by that of the column.
        converts: How often each channel was the last one before a conversion.
        leaves: How often each channel ended a path without one.
    """

    begins: "NDArray[np.float64]"
    moves: "NDArray[np.float64]"
    converts: "NDArray[np.float64]"
    leaves: "NDArray[np.float64]"


def conversion_probability(chain: Chain) -> float:
    """Probability that a path ends in a conversion."""
    return float(_solved(chain)[0])


def removal_effects(chain: Chain) -> "NDArray[Any]":
    """Share of all conversions that are lost when every path that reaches a channel ends there without one.

    A path reaches the channel with probability visits / returns (expected visits from the beginning, over those from
    the channel itself); from there it would have converted with the channel's own probability. So one inverse serves
    all channels, and nothing is simulated.

    Args:
        chain: Of any number of channels; those that nothing leads to have no effect.

    Returns:
        One share per channel; nan where nothing converts.

    Assumes the next channel depends on the present one only (first order).

    Source: Anderl, Becker, von Wangenheim & Schumann (2016), "Mapping the customer journey"; fundamental matrix of an
    absorbing chain, Kemeny & Snell (1960), "Finite Markov chains".

    >>> import numpy as np
    >>> moves = np.array([[0.0, 1, 0], [0, 0, 2], [0, 0, 0]])  # C1>C2>C3 converts, C1 and C2>C3 do not
    >>> chain = Chain(np.array([2.0, 1, 0]), moves, np.array([0.0, 0, 1]), np.array([1.0, 0, 1]))
    >>> removal_effects(chain).round(3).tolist()
    [0.5, 1.0, 1.0]
    """
    import numpy as np

    probability, from_channel, visits, returns = _solved(chain)
    if not probability > 0:
        return np.full(len(visits), np.nan)
    return visits / returns * from_channel / probability


def _solved(chain: Chain) -> "tuple[float, NDArray[Any], NDArray[Any], NDArray[Any]]":
    """Conversion probability from the beginning and from each channel; visits from the beginning and from itself."""
    import numpy as np

    touched = chain.moves.sum(axis=1) + chain.converts + chain.leaves
    out = np.where(touched > 0, touched, 1.0)  # a channel nobody touched goes nowhere
    begun = chain.begins.sum()
    start = chain.begins / begun if begun > 0 else chain.begins
    fundamental = np.linalg.inv(np.eye(len(out)) - chain.moves / out[:, None])
    from_channel = fundamental @ (chain.converts / out)
    return float(start @ from_channel), from_channel, start @ fundamental, np.diag(fundamental)
