"""What next year may bring: the drivers carried on at their pace, moved as they have moved together in the past."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import check
from opskit.monetization.revenue_streams.changes import Chain, chains, scale
from opskit.monetization.revenue_streams.totals import ALL, KNOWN_ACTIVE, Totals

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SEASONAL, RECENT, HELD = "same months a year earlier", "recent months", "held: too short"
_YEAR, _FEWEST, _HELD_MONTHS = 12, 6, 3
_SMOOTHING = 0.5  # weight of the latest month in a driver's pace: as a mean of the last three, newer ones heavier
_COLUMNS = (
    "side stream before centre median low high",
    "side stream driver basis before centre low high revenue_low revenue_high swing",
    "month before median low high",
)


class Scenario(NamedTuple):
    """Revenue of the coming months, simulated."""

    revenue: "pd.DataFrame"  # side, stream, before, centre, median, low, high; the last row is the total
    drivers: "pd.DataFrame"  # side, stream, driver, basis, before, centre, low, high, revenue_low, revenue_high, swing
    by_month: "pd.DataFrame"  # month, before, median, low, high


class _Course(NamedTuple):
    """Where a log level goes by itself, and the surprises that its uncertainty is drawn from."""

    centre: "np.ndarray[Any, Any]"
    surprises: "np.ndarray[Any, Any]"
    stays: float  # how much of a surprise is still there later
    basis: str


class _Driver(NamedTuple):
    stream: Chain | None  # None: of all streams, active customers
    name: str
    before: float  # mean level
    course: _Course


def scenario(
    totals: Totals,
    *,
    months: int = 12,
    simulations: int = 2000,
    damping: float = 0.9,
    range_share: float = 0.8,
    confidence: float = 0.95,
    seed: int = 7,
) -> Scenario:
    """Simulate the revenue of the coming months from the drivers of every stream.

    A driver goes on from its own recent level, newer months weighing more, or from the same months a year earlier at
    today's pace, whichever has foretold its past months better (the second needs 18 months). Its trend, the median slope
    of the last twelve months, fades by `damping` a month. Around this course the surprises of whole past months are
    drawn, for all drivers at once: what moved together moves together. Half of a surprise stays.

    Args:
        totals: Of ``monthly_totals``.
        months: How many months ahead, 1 to 12.
        simulations: How many courses to draw.
        damping: Share of a trend that is left after a month: 0 holds today's level, 1 lets its trend go on for ever.
        range_share: Middle share of a driver's own draws that its bar in the tornado spans.
        confidence: Middle share of the simulated revenues between low and high.
        seed: Of the draws.

    Returns:
        ``revenue``: side, stream, before (as many months before, nan where there are fewer), centre (drivers on their course), median,
        low, high, basis; the last row is the total. ``drivers``: side, stream, driver, before and centre (mean level),
        low and high (of the level), revenue_low and revenue_high (total revenue when it alone moves), swing, largest
        first. ``by_month``: month, before, median, low, high. All are empty where fewer than six months are complete.

    Raises:
        OpskitError: An option is out of range.

    Assumes the coming months resemble the past ones: nothing new begins, nothing ends. A stream with fewer than six
    months in a row stays at its recent mean and moves nothing.

    Source: exponential smoothing with a damped trend, Gardner & McKenzie (1985); median slope, Theil (1950) and Sen
        (1968); intervals from drawn surprises, Hyndman & Athanasopoulos, "Forecasting: principles and practice".
    """
    import numpy as np
    import pandas as pd

    check(months, "months", ge=1, le=_YEAR)
    check(simulations, "simulations", ge=1)
    check(damping, "damping", ge=0, le=1)
    check(range_share, "range_share", gt=0, lt=1)
    check(confidence, "confidence", gt=0, lt=1)
    sums, have = _complete(totals)
    if len(have) < _FEWEST:
        return Scenario(*(pd.DataFrame(columns=columns.split()) for columns in _COLUMNS))
    found = sorted(chains(totals))
    drivers, held = _drivers(sums, found, months, damping, known=totals.active == KNOWN_ACTIVE)
    noise = _noise(drivers, months, simulations, np.random.default_rng(seed))
    calm = np.zeros((len(drivers), 1, months))
    course, drawn = (_revenue(drivers, found, held, moved) for moved in (calm, noise))
    past = sums["amount"].unstack("month").to_numpy(dtype=float)[:, -months:]
    before = np.pad(past, ((0, 0), (months - past.shape[1], 0)), constant_values=np.nan)
    bounds = np.array([(1 - confidence) / 2, 0.5, (1 + confidence) / 2])
    return Scenario(
        _of_streams(found, before, course, drawn, bounds),
        _of_drivers(drivers, found, held, noise, range_share),
        _of_months(have, before, drawn, bounds),
    )


def backtest(totals: Totals, *, confidence: float = 0.95, simulations: int = 2000, seed: int = 7) -> "pd.DataFrame":
    """The scenario as it would have been made in the past, beside what came.

    Args:
        totals: Of ``monthly_totals``.
        confidence: As for `scenario`.
        simulations: As for `scenario`.
        seed: As for `scenario`.

    Returns:
        side, stream, months (made so many months before the end: 12 with 30 complete months or more, 6 with 12 or more),
        median, low, high, actual, inside; the last row is the total. Empty where the data are too short.

    Raises:
        OpskitError: An option is out of range.

    Assumes what was known then: later refunds of earlier orders are already taken off here.
    """
    import pandas as pd

    sums, have = _complete(totals)
    months = 12 if len(have) >= 30 else 6 if len(have) >= 12 else 0
    if not months:
        return pd.DataFrame()
    known = totals.sums[totals.sums["month"] < have[-months]]
    made = scenario(
        Totals(known, totals.active), months=months, confidence=confidence, simulations=simulations, seed=seed
    )
    actual = sums["amount"].unstack("month").iloc[:, -months:].sum(axis=1)
    table = made.revenue[["side", "stream", "median", "low", "high"]].copy()
    table.insert(2, "months", months)
    came = [
        actual.get((side, stream), float("nan")) for side, stream in zip(table["side"], table["stream"], strict=True)
    ]
    table["actual"] = [*came[:-1], float(actual.sum())]
    return table.assign(inside=table["actual"].between(table["low"], table["high"]))


def _complete(totals: Totals) -> "tuple[pd.DataFrame, list[Any]]":
    """Sums of single streams and complete months, over all groups."""
    sums = totals.sums[totals.sums["complete"] & (totals.sums["stream"] != ALL)]
    columns = ["active", "payers", "charges", "gross", "impressions", "amount"]
    table = sums.groupby(["side", "stream", "month"])[columns].sum()
    return table, sorted(sums["month"].unique())


def _drivers(
    sums: "pd.DataFrame", found: list[Chain], months: int, damping: float, *, known: bool
) -> "tuple[list[_Driver], dict[Chain, float]]":
    """Drivers, and the monthly amounts of the streams that are too short to have any."""
    import numpy as np

    drivers: list[_Driver] = []
    held: dict[Chain, float] = {}
    for chain in found:
        levels = sums.loc[(chain.side, chain.stream), list(chain.levels)].to_numpy(dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(np.where(levels > 0, levels, np.nan))
        rates = np.column_stack([logs[:, 0], np.diff(logs, axis=1)])
        run = _run(np.isfinite(rates).all(axis=1))
        if run < _FEWEST:
            held[chain] = float(levels[-_HELD_MONTHS:, -1].mean())
            continue
        for place, name in enumerate(chain.factors):
            shared = chain.levels[place] == "active"
            if shared and any(driver.stream is None for driver in drivers):
                continue
            own = rates[-_run(np.isfinite(rates[:, place])) :, place] if shared else rates[-run:, place]
            level = float(np.exp(own[-months:]).mean())
            course = _course(own, months, damping, counts_up=shared and known)
            drivers.append(_Driver(None if shared else chain, name, level, course))
    return drivers, held


def _run(there: "np.ndarray[Any, Any]") -> int:
    """How many months in a row up to the last one."""
    gaps = (~there).nonzero()[0]
    return len(there) - 1 - int(gaps[-1]) if len(gaps) else len(there)


def _course(own: Any, months: int, damping: float, *, counts_up: bool) -> _Course:
    """By the season where that has foretold the past months better than the recent level has."""
    import numpy as np

    recent = _carried_on(own, np.zeros(months), damping, 1.0 if counts_up else _SMOOTHING, RECENT)
    if counts_up or len(own) < _YEAR + _FEWEST:
        return recent
    seasonal = _carried_on(own[_YEAR:] - own[:-_YEAR], own[-_YEAR:][:months], damping, _SMOOTHING, SEASONAL)
    same = min(len(recent.surprises), len(seasonal.surprises))
    better = seasonal.surprises[-same:].var() < recent.surprises[-same:].var()
    return seasonal if better else recent


def _carried_on(pace: Any, base: Any, damping: float, smoothing: float, basis: str) -> _Course:
    """The pace smoothed exponentially and its trend fading; a surprise is a month's distance from what was known."""
    import numpy as np
    from scipy import stats as scipy_stats

    latest = pace[-_YEAR:]
    slope: Any = scipy_stats.theilslopes(latest)[0]
    trend = float(slope)  # a single step, such as a raised price, is no trend
    level, surprises = pace[0], np.zeros(len(pace) - 1)
    for place, month in enumerate(pace[1:]):
        surprises[place] = month - level - trend
        level += trend + smoothing * surprises[place]
    drawn = surprises[-_YEAR:]
    fading = np.cumsum(damping ** np.arange(1, len(base) + 1))
    return _Course(base + level + fading * trend, drawn - drawn.mean(), smoothing, basis)


def _noise(drivers: list[_Driver], months: int, simulations: int, rng: "np.random.Generator") -> Any:
    """Drivers x simulations x months: surprises of past months, the same month for every driver."""
    import numpy as np

    longest = max((len(driver.course.surprises) for driver in drivers), default=1)
    table = np.zeros((len(drivers), longest))
    for row, driver in enumerate(drivers):
        known = len(driver.course.surprises)
        # Months before a driver's first one move it by nothing; what is left is made larger to move as much in all.
        table[row, longest - known :] = driver.course.surprises * np.sqrt(longest / known)
    drawn = table[:, rng.integers(longest, size=(simulations, months))]
    stays = np.array([driver.course.stays for driver in drivers]).reshape(-1, 1, 1)
    return drawn + stays * (drawn.cumsum(axis=2) - drawn)


def _revenue(drivers: list[_Driver], found: list[Chain], held: dict[Chain, float], noise: Any) -> Any:
    """Streams x simulations x months."""
    import numpy as np

    logs = [driver.course.centre + moved for driver, moved in zip(drivers, noise, strict=True)]
    result: list[np.ndarray[Any, Any]] = []
    for chain in found:
        if chain in held:
            result.append(np.full(noise.shape[1:], held[chain]))
            continue
        shared = "active" in chain.levels
        own = [log for driver, log in zip(drivers, logs, strict=True) if driver.stream == chain or (driver.stream is None and shared)]  # fmt: skip
        result.append(np.exp(np.sum(own, axis=0)))
    return np.stack(result)


def _of_streams(found: list[Chain], before: Any, course: Any, drawn: Any, bounds: Any) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    by_stream = drawn.sum(axis=2)
    rows: list[tuple[Any, ...]] = []
    for place, chain in enumerate(found):
        low, median, high = np.quantile(by_stream[place], bounds)
        rows.append((chain.side, chain.stream, before[place].sum(), course[place].sum(), median, low, high))
    low, median, high = np.quantile(by_stream.sum(axis=0), bounds)
    rows.append(("all", ALL, before.sum(), course.sum(), median, low, high))
    return pd.DataFrame(rows, columns=["side", "stream", "before", "centre", "median", "low", "high"])


def _of_drivers(
    drivers: list[_Driver], found: list[Chain], held: dict[Chain, float], noise: Any, range_share: float
) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    bounds = [(1 - range_share) / 2, (1 + range_share) / 2]
    rows: list[tuple[Any, ...]] = []
    for place, driver in enumerate(drivers):
        alone = np.zeros_like(noise)
        alone[place] = noise[place]
        revenue = _revenue(drivers, found, held, alone).sum(axis=(0, 2))
        levels = np.exp(driver.course.centre + noise[place]).mean(axis=1)
        where = (driver.stream.side, driver.stream.stream) if driver.stream else ("all", ALL)
        level = (driver.before, np.exp(driver.course.centre).mean(), *np.quantile(levels, bounds))
        shown = [one * scale(driver.name) for one in level]
        rows.append((*where, driver.name, driver.course.basis, *shown, *np.quantile(revenue, bounds)))
    course = float(_revenue(drivers, found, held, np.zeros_like(noise[:, :1])).sum())
    for chain, amount in held.items():
        rows.append((chain.side, chain.stream, "amount", HELD, *[amount] * 4, course, course))
    columns = ["side", "stream", "driver", "basis", "before", "centre", "low", "high", "revenue_low", "revenue_high"]
    table = pd.DataFrame(rows, columns=columns)
    swing = table["revenue_high"] - table["revenue_low"]
    table["swing"] = swing.where(swing > 1e-9 * abs(course), 0.0)
    return table.sort_values("swing", ascending=False, kind="stable", ignore_index=True)


def _of_months(have: list[Any], before: Any, drawn: Any, bounds: Any) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    low, median, high = np.quantile(drawn.sum(axis=0), bounds, axis=0)
    ahead = pd.date_range(have[-1] + pd.DateOffset(months=1), periods=len(median), freq="MS")
    return pd.DataFrame({"month": ahead, "before": before.sum(axis=0), "median": median, "low": low, "high": high})
