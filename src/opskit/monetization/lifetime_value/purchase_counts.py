"""How many purchases a customer still makes: a sum of positive terms, with no hypergeometric function to go wrong.

While alive a customer would make N purchases within t, negative binomial over customers; each is followed by dropout
with probability p, beta over customers, independent of N. So the purchases really made, Y, reach j where N does and
j - 1 dropouts fail to happen:

    P(Y >= j) = P(N >= j) S(j - 1),    S(k) = E[(1 - p)^k] = B(a, b + k) / B(a, b)
    E[Y] = sum over n of P(N = n) C(n),    C(n) = S(0) + ... + S(n - 1)
    E[Y^2] = sum over n of P(N = n) D(n),  D(n) = 1 S(0) + 3 S(1) + ... + (2n - 1) S(n - 1)

Equal to the closed form of Fader, Hardie & Lee (2005), equations 9 and 10, whose hypergeometric series is this sum in
another order; that form loses all digits near a = 1 and overflows for busy customers.

S, C and D are the same for all customers of one frequency, and P(N = n) is a power of one number z of each, up to
factors that are the same too: so the sums of all of them are three power series, each with coefficients worked out once.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import OpskitError

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[Any, np.dtype[np.float64]]

_NEGLIGIBLE = 1e-13  # of the mean square: what the terms left out may add up to
_MOST_TERMS = 2_000_000
_POWERS = 16  # powers that are worked out at once
_CACHED = 2_000  # cases worked out at once: their powers stay in the cache, and no product is worth a thread
_SPAN = 300.0  # logarithm of how much likelier a number of purchases may be in one case than in another of its series


class Counts(NamedTuple):
    """First two moments of the number of purchases, one entry per case."""

    mean: "Vector"
    square: "Vector"


def moments(shape: "Vector", odds: "Vector", a: float, b: "Vector") -> Counts:
    """Mean and mean square of purchases of customers who are alive.

    Args:
        shape: Shape of the gamma distribution of rates: r + frequency.
        odds: Horizon over rate parameter: t / (alpha + T).
        a: Parameter of the beta distribution of dropout.
        b: The other one: b + frequency.

    Raises:
        OpskitError: The horizon is so long that the sum does not end.
    """
    import numpy as np

    counts = Counts(np.zeros(len(shape)), np.zeros(len(shape)))
    # Cases share a series that agree in shape and b, and whose odds are near enough that none needs many more terms than
    # the others and none of the terms is too small a number.
    length, size = np.floor(np.log2(np.maximum(odds, 0.25)) / 2), np.floor(shape * np.log1p(odds) / _SPAN)
    alike = np.array([size, length, b, shape])
    order = np.lexsort((odds, *alike))
    borders = np.flatnonzero((np.diff(alike[:, order], axis=1) != 0).any(axis=0)) + 1
    for cases in np.split(order, borders) if len(order) else []:
        z, last = odds[cases] / (1 + odds[cases]), cases[-1]
        if (largest := z[-1]) > 0:
            terms = _terms(float(shape[last]), a, float(b[last]), float(largest))
            total, once, twice = _power_series(terms, z / largest)
            counts.mean[cases], counts.square[cases] = once / total, twice / total
    return counts


def _terms(shape: float, a: float, b: float, z: float) -> "Vector":
    """P(N = n) up to a factor, P(N = n) C(n) and P(N = n) D(n), from n = 0 until the rest is negligible: a row of each."""
    import numpy as np

    likeliest = int(max(0.0, (shape * z - 1) / (1 - z)))
    terms = 64 + 2 * likeliest
    while terms <= _MOST_TERMS:
        n = np.arange(terms, dtype=float)
        ratio = (shape + n) / (n + 1) * z  # of P(N = n + 1) to P(N = n)
        probability = np.ones(terms)  # 1 where it is largest, so that nothing grows beyond bounds
        probability[likeliest + 1 :] = np.cumprod(ratio[likeliest:-1])
        probability[:likeliest] = np.cumprod(1 / ratio[:likeliest][::-1])[::-1]
        stays = np.cumprod((b + n) / (a + b + n))
        stays = np.concatenate([[1.0], stays[:-1]])
        once, twice = (np.cumsum(weight * stays) - weight * stays for weight in (1.0, 2 * n + 1))
        found = np.array([probability, probability * once, probability * twice])
        # What follows is less than a geometric series, weighted by up to n squared.
        next_ratio = (shape + n + 1) / (n + 2) * z
        left = probability * (n + 2) ** 2 / np.maximum(1 - next_ratio, 1e-9) ** 3
        enough = (next_ratio < 1) & (n > likeliest) & (left <= _NEGLIGIBLE * found[2].sum())
        if enough.any():
            return found[:, : int(enough.argmax()) + 1]
        terms *= 2
    raise OpskitError("horizon_days is too long to add up the busiest customers' purchases. Use a shorter one.")


def _power_series(coefficients: "Vector", y: "Vector") -> "Vector":
    """Value of each row's series at every y, by Horner's rule on blocks of powers."""
    import numpy as np

    blocks = -(-coefficients.shape[1] // _POWERS)
    padded = np.zeros((len(coefficients), blocks * _POWERS))
    padded[:, : coefficients.shape[1]] = coefficients
    values = np.zeros((len(coefficients), len(y)))
    for first in range(0, len(y), _CACHED):
        part = y[first : first + _CACHED]
        powers = np.ones((_POWERS + 1, len(part)))
        for power in range(_POWERS):
            np.multiply(powers[power], part, out=powers[power + 1])
        total = values[:, first : first + _CACHED]
        for block in reversed(range(blocks)):
            total *= powers[-1]
            total += padded[:, block * _POWERS : (block + 1) * _POWERS] @ powers[:-1]
    return values
