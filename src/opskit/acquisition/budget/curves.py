"""Response curve of each channel: what it is credited with at any level of spend, and whether the data tell it."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.acquisition.budget.response import Fit, Known, fit
from opskit.acquisition.budget.season import season
from opskit.acquisition.budget.series import Series
from opskit.errors import TooLittleDataError, check

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RECORDED, TOTAL = "recorded", "total"
IDENTIFIED = "identified"
NEVER_VARIED = "not identified: its spend hardly ever varied"
TOO_FEW = "not identified: fewer than 30 outcomes"
PER_OUTCOME = "not identified: it is paid per outcome, so its spend follows what comes"
FLAT = "not identified: outcomes do not move with its spend"
TOO_NOISY = "not identified: its movement cannot be told from chance"
_LEAST = 30
_Z = 1.959964  # whether a channel is identified is not a matter of the confidence asked for


class Curves(NamedTuple):
    """Response curves, the point estimate and draws that carry their uncertainty.

    Attributes:
        table: One row per channel, as `curves` returns it.
        channels: Those identified; columns of the arrays below.
        average: Average spend a day over the period.
        current: Spend a day over the last days of it.
        most: Most spent a day over any four weeks.
        response: Outcomes a day at average spend.
        elasticity: At average spend.
        response_draws: A row per draw.
        elasticity_draws: A row per draw.
        fits: Fit that each channel's curve comes from.
        by: "recorded" or "total".
    """

    table: "pd.DataFrame"
    channels: tuple[str, ...]
    average: "Floats"
    current: "Floats"
    most: "Floats"
    response: "Floats"
    elasticity: "Floats"
    response_draws: "Floats"
    elasticity_draws: "Floats"
    fits: dict[str, Fit]
    by: str


def curves(
    found: Series,
    *,
    by: str = "",
    known: "Sequence[Known]" = (),
    special_days: str = "",
    current_days: int = 91,
    draws: int = 1000,
    seed: int = 7,
    confidence: float = 0.95,
) -> Curves:
    """Fit the response curve of every channel.

    Args:
        found: Of `series`.
        by: "recorded": each channel's own recorded outcomes on its own spend; precise, and blind to who would have come
            anyway. "total": all outcomes on the spend of all channels beside a baseline; sees only what is extra, and is
            much noisier. Empty: recorded where outcomes have channels.
        known: With "total", what experiments say of the same outcomes; channel is a column of found.spend.
        special_days: As in `season`, of the baseline.
        current_days: Current spend is the average of so many last days.
        draws: How many draws carry the uncertainty.
        seed: Of the draws.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        ``table``: channel, verdict ("identified", or why not), n (outcomes), spend_per_day (current), carry_over,
        elasticity (at average spend), half_saturation (money a day), each with its interval; missing where not
        identified. A channel is identified where both its response and its elasticity lie above 0 by two standard errors.

    Raises:
        OpskitError: An option is out of range.
        TooLittleDataError: No channel has enough outcomes beside its spend.

    Assumes, of "recorded", that a paid channel brings nothing without spend, and that its response is the same all year.
    """
    check(by, "by", among=("", RECORDED, TOTAL))
    check(current_days, "current_days", ge=7)
    check(draws, "draws", ge=100)
    check(confidence, "confidence", gt=0, lt=1)
    shared = [str(name) for name in found.spend if name in found.recorded]
    by = by or (RECORDED if shared else TOTAL)
    names = shared if by == RECORDED else [str(name) for name in found.spend]
    if not names or found.total.sum() < _LEAST:
        raise TooLittleDataError(
            f"fewer than {_LEAST} {found.outcome}, or none recorded with a channel that has spend."
        )
    verdicts, fits, places = _fits(found, names, by, known, special_days)
    identified = [name for name in names if verdicts[name] == IDENTIFIED]
    estimates, drawn = _drawn(identified, fits, places, draws, seed)
    spend = found.spend[identified].to_numpy(float)
    table = _table(found, names, verdicts, fits, places, by, current_days, confidence)
    return Curves(
        table, tuple(identified), spend.mean(axis=0), spend[-current_days:].mean(axis=0), _most(spend),
        estimates[0], estimates[1], drawn[0], drawn[1], {name: fits[name] for name in names if name in fits}, by,
    )  # fmt: skip


def _most(spend: "Floats") -> "Floats":
    import numpy as np

    sums = np.cumsum(np.vstack([np.zeros((1, spend.shape[1])), spend]), axis=0)
    window = min(28, len(spend))
    return (sums[window:] - sums[:-window]).max(axis=0) / window


def _fits(
    found: Series, names: list[str], by: str, known: "Sequence[Known]", special_days: str
) -> tuple[dict[str, str], dict[str, Fit], dict[str, int]]:
    """Verdict of each channel, its fit and its place in it."""
    verdicts: dict[str, str] = {name: NEVER_VARIED for name in names if not _varied(found, name)}
    verdicts |= {name: PER_OUTCOME for name in names if name in found.paid_per_outcome}
    fits: dict[str, Fit] = {}
    places: dict[str, int] = {}
    if by == TOTAL:
        open_ones = [name for name in names if name not in verdicts]
        if open_ones:
            own = [list(found.spend).index(name) for name in open_ones]
            told = [one._replace(channel=own.index(one.channel)) for one in known if one.channel in own]
            together = fit(
                found.total, found.spend[open_ones].to_numpy(float), season=season(found.day, special_days), known=told
            )
            fits = dict.fromkeys(open_ones, together)
            places = {name: place for place, name in enumerate(open_ones)}
    else:
        for name in names:
            came = found.recorded[name].to_numpy(float)
            if came.sum() < _LEAST:
                verdicts[name] = TOO_FEW
            if name not in verdicts:
                fits[name], places[name] = fit(came, found.spend[[name]].to_numpy(float)), 0
    for name, one in fits.items():
        verdicts[name] = _verdict(one, places[name])
    return verdicts, fits, places


def _varied(found: Series, name: str) -> bool:
    """Whether weeks of the channel differ in spend by more than a hundredth."""
    import numpy as np

    spend = found.spend[name].to_numpy(float)
    weekly = spend[: len(spend) // 7 * 7].reshape(-1, 7).mean(axis=1)
    return bool(np.std(weekly) > 0.01 * weekly.mean())


def _verdict(one: Fit, place: int) -> str:
    import numpy as np

    response, _, elasticity = _of(one, place)
    error = np.sqrt(np.diag(_block(one, place)))
    if response - _Z * error[0] > 0 and elasticity - _Z * error[2] > 0:
        return IDENTIFIED
    shape = elasticity + _Z * error[2] < 0.5 if response - _Z * error[0] > 0 else False
    return FLAT if shape else TOO_NOISY


def _of(one: Fit, place: int) -> "Floats":
    import numpy as np

    return np.array([one.response[place], one.carry_over[place], one.elasticity[place]])


def _block(one: Fit, place: int) -> "Floats":
    channels = len(one.response)
    rows = [place, channels + place, 2 * channels + place]
    return one.covariance[rows][:, rows]


def _drawn(
    names: list[str], fits: dict[str, Fit], places: dict[str, int], draws: int, seed: int
) -> tuple["Floats", "Floats"]:
    """Response and elasticity: estimates (2 x channels) and draws (2 x draws x channels), a joint fit drawn jointly."""
    import numpy as np

    rng = np.random.default_rng(seed)
    estimates, drawn = np.zeros((2, len(names))), np.zeros((2, draws, len(names)))
    done: dict[int, Any] = {}
    for column, name in enumerate(names):
        one, place, k = fits[name], places[name], len(fits[name].response)
        if id(one) not in done:
            centre = np.concatenate([one.response, one.carry_over, one.elasticity])
            done[id(one)] = rng.multivariate_normal(centre, one.covariance, size=draws, method="svd")
        estimates[:, column] = one.response[place], one.elasticity[place]
        drawn[0, :, column] = np.maximum(done[id(one)][:, place], 0.0)
        drawn[1, :, column] = np.clip(done[id(one)][:, 2 * k + place], 0.01, 1.0)
    return estimates, drawn


def _table(
    found: Series, names: list[str], verdicts: dict[str, str], fits: dict[str, Fit], places: dict[str, int], by: str,
    current_days: int, confidence: float,
) -> "pd.DataFrame":  # fmt: skip
    import numpy as np
    import pandas as pd
    from scipy.special import ndtri

    z = ndtri((1 + confidence) / 2)
    rows: list[dict[str, Any]] = []
    for name in names:
        spend = found.spend[name].to_numpy(float)
        n = found.recorded[name].sum() if by == RECORDED else found.total.sum()
        row: dict[str, Any] = {
            "channel": name,
            "verdict": verdicts[name],
            "n": int(n),
            "spend_per_day": spend[-current_days:].mean(),
        }
        values = np.full((3, 3), np.nan)
        if verdicts[name] == IDENTIFIED:
            estimate, error = _of(fits[name], places[name]), np.sqrt(np.diag(_block(fits[name], places[name])))
            values = np.column_stack([estimate, estimate - z * error, estimate + z * error])
            values[1] = np.clip(values[1], 0.0, 0.95)
            values[2] = np.clip(values[2], 0.0, 1.0)
            bend = values[2]
            straight = bend > 0.999
            values[0] = np.where(straight, np.inf, bend / np.where(straight, 1.0, 1 - bend) * spend.mean())
        for key, (value, low, high) in zip(("half_saturation", "carry_over", "elasticity"), values, strict=True):
            row |= {key: value, f"{key}_low": low, f"{key}_high": high}
        rows.append(row)
    return pd.DataFrame(rows).sort_values("spend_per_day", ascending=False, ignore_index=True)
