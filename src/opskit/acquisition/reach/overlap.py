"""What audiences share: each channel alone, every two together, and all of them against audiences drawn apart."""

from typing import TYPE_CHECKING, Any

from opskit import stats
from opskit.acquisition.reach.audiences import Audiences

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, np.dtype[np.float64]]


def by_channel(
    found: Audiences, spend: "pd.Series[float] | None" = None, *, confidence: float = 0.95
) -> "pd.DataFrame":
    """Each channel's audience, the part of it that no other channel touched, and what a customer of either kind cost.

    Args:
        found: From `audiences`.
        spend: From `spent`; None: unknown.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        channel, touches, customers, share (of everybody who could be touched, missing where nobody knows), low, high,
        n (that everybody), only (customers no other channel touched), only_share, only_low, only_high (of customers),
        spend, cost_per_customer, cost_per_only (money; missing where there is no spend or nobody).
    """
    import numpy as np
    import pandas as pd

    touched, n = found.touched, found.customers
    size = n @ touched
    only = n @ (touched * (touched.sum(axis=1) == 1)[:, None])
    everybody = np.nan if found.population is None else float(found.population)
    table = found.channels.assign(customers=size.astype(int), share=size / everybody)
    table["low"], table["high"] = stats.wilson(size, np.full(len(size), everybody), confidence=confidence)
    table["n"] = 0 if found.population is None else found.population
    table["only"], table["only_share"] = only.astype(int), only / size
    table["only_low"], table["only_high"] = stats.wilson(only, size, confidence=confidence)
    money = pd.Series(np.nan, index=found.names) if spend is None else spend
    table["spend"] = money.reindex(found.names).to_numpy()
    table["cost_per_customer"] = table["spend"] / size
    table["cost_per_only"] = table["spend"] / np.where(only > 0, only, np.nan)
    return table.reset_index(drop=True)


def overlap(found: Audiences, *, confidence: float = 0.95) -> "pd.DataFrame":
    """Every two channels: whom both touched, as a share of the one and of either, and against chance.

    Args:
        found: From `audiences`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        channel, other, customers (of channel), both, share_of_channel (both / customers), low, high, jaccard (both over
        those whom either touched), jaccard_low, jaccard_high, either, by_chance (customers both would touch if they
        met people independently), times_chance (both / by_chance) with times_low and times_high. The last four need
        to know everybody who could be touched, and are missing elsewhere.

    Source: Jaccard (1901); Wilson intervals; the ratio to chance on the log scale, by the delta method of four cells.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    touched, n = found.touched.astype(float), found.customers
    both = touched.T @ (touched * n[:, None])
    size, names = np.diag(both), found.names
    one, other = np.nonzero(~np.eye(len(names), dtype=bool))
    shared, own, its = both[one, other], size[one], size[other]
    either = own + its - shared
    table = pd.DataFrame({"channel": np.array(names, dtype=object)[one], "other": np.array(names, dtype=object)[other]})
    table["customers"], table["both"] = own.astype(int), shared.astype(int)
    table["share_of_channel"] = shared / own
    table["low"], table["high"] = stats.wilson(shared, own, confidence=confidence)
    table["jaccard"] = shared / either
    table["jaccard_low"], table["jaccard_high"] = stats.wilson(shared, either, confidence=confidence)
    table["either"] = either.astype(int)
    everybody = np.nan if found.population is None else float(found.population)
    table["by_chance"] = own * its / everybody
    with np.errstate(divide="ignore", invalid="ignore"):
        table["times_chance"] = shared / table["by_chance"]
        # Influence of one person on log p11 - log p1 - log p2: its square, averaged over the four cells.
        lone, solo, none = 1 / shared - 1 / own - 1 / its, -1 / own, -1 / its
        square = shared * (everybody * lone + 1) ** 2 + (own - shared) * (everybody * solo + 1) ** 2
        square += (its - shared) * (everybody * none + 1) ** 2 + (everybody - either)
        half = ndtri((1 + confidence) / 2) * np.sqrt(square) / everybody
        table["times_low"], table["times_high"] = (table["times_chance"] * np.exp(sign * half) for sign in (-1, 1))
    return table


def together(found: Audiences, *, confidence: float = 0.95) -> "pd.DataFrame":
    """The parts and their sum: what the channels count one by one, and whom they touched.

    Args:
        found: From `audiences`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        measure, estimate, low, high, n (customers touched, or everybody who could be):
        ``parts`` (audiences added up, customers) and ``together`` (customers touched at all), counts without interval;
        ``counted_again``: the part of the sum that is somebody counted before, 1 - together / parts;
        ``by_chance``: what it would be if channels met people independently; ``beyond_chance``: the difference. The
        last two need to know everybody who could be touched, and are missing elsewhere.

    Assumes customers are independent of each other; they are taken as drawn from those such channels could meet.
    Source: delta method of a ratio of means, and of the product of the shares untouched.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    touched, n = found.touched.astype(float), found.customers
    total, parts = n.sum(), float(n @ touched.sum(axis=1))
    share, mean = (n @ touched) / total, parts / total
    met = found.together / total
    again = _ratio(touched.sum(axis=1), (touched.sum(axis=1) > 0).astype(float), mean, met)
    others = np.array([np.delete(1 - share, place).prod() for place in range(len(share))])
    missed = float((1 - share).prod())
    # One more person in a channel changes the share it misses, times the shares that the others miss.
    chance = _ratio(touched.sum(axis=1), (touched - share) @ others + 1 - missed, mean, 1 - missed)
    z = ndtri((1 + confidence) / 2)
    rows: list[tuple[str, float, float, float, int]] = [
        ("parts", parts, np.nan, np.nan, found.together),
        ("together", float(found.together), np.nan, np.nan, found.together),
    ]
    known = found.population is not None
    for measure, estimate, influence, told in (
        ("counted_again", 1 - met / mean, again, True),
        ("by_chance", 1 - (1 - missed) / mean, chance, known),
        ("beyond_chance", (1 - missed - met) / mean, again - chance, known),
    ):
        half = z * float(np.sqrt(n @ influence**2)) / total
        low, high = (
            (max(estimate - half, 0.0), estimate + half)
            if measure == "counted_again"
            else (estimate - half, estimate + half)
        )
        rows.append((measure, estimate, low, high, int(total)) if told else (measure, np.nan, np.nan, np.nan, 0))
    return pd.DataFrame(rows, columns=["measure", "estimate", "low", "high", "n"])


def _ratio(below: "Vector", above: "Vector", mean_below: float, mean_above: float) -> "Vector":
    """Influence of each kind of person on 1 - above / below."""
    return -(above - mean_above) / mean_below + mean_above * (below - mean_below) / mean_below**2
