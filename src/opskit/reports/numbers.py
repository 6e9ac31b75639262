"""How a headline's numbers are rounded for storing and written for reading."""

import math

DIGITS = 6
NOT_YET = "–"


def significant(value: float | None) -> float | int | None:
    """The number with at most six significant digits; whole numbers stay whole, nan and infinity become None.

    Parallel sums of floats differ in their last bits from run to run, so what is stored is rounded.

    >>> significant(0.123456789), significant(1234567.0), significant(1234567.89), significant(float("nan"))
    (0.123457, 1234567, 1234570, None)
    """
    if value is None or not math.isfinite(value):
        return None
    nearest = round(value)
    if abs(value) < 1e8 and abs(value - nearest) <= 1e-9 * abs(value):
        return nearest
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded.is_integer() else rounded


def estimate(value: float | None, low: float | None, high: float | None, unit: str = "") -> tuple[str, str, str]:
    """The estimate and its interval's ends as text, with the decimals that the interval's width supports.

    Args:
        value: The estimate.
        low: Lower end of its interval.
        high: Upper end of its interval.
        unit: Written after the number; "share" (0 to 1) is written as a percentage.

    >>> estimate(0.234567, 0.230111, 0.239222, "share")
    ('23.46%', '23.01%', '23.92%')
    >>> estimate(1234567.0, None, None, "CNY")
    ('1,234,567 CNY', '–', '–')
    """
    scale = 100 if unit == "share" else 1
    scaled = [None if number is None else number * scale for number in (value, low, high)]
    decimals = _decimals(scaled[1], scaled[2])
    suffix = "%" if unit in {"share", "%"} else f" {unit}" if unit else ""
    first, second, third = (_text(number, decimals, suffix) for number in scaled)
    return first, second, third


def _decimals(low: float | None, high: float | None) -> int | None:
    """Decimals that show two significant digits of the interval's width, or None without an interval."""
    width = (high - low) if low is not None and high is not None else math.nan
    return max(0, 1 - math.floor(math.log10(width))) if math.isfinite(width) and width > 0 else None


def _text(number: float | None, decimals: int | None, suffix: str) -> str:
    rounded = significant(number)
    if rounded is None:
        return NOT_YET
    if rounded != 0 and abs(rounded) < 1e-4 and decimals is None:
        return f"{rounded:.3g}{suffix}"
    most = 0 if isinstance(rounded, int) else max(0, DIGITS - 1 - math.floor(math.log10(abs(rounded))))
    if decimals is not None:
        return f"{rounded:,.{min(decimals, DIGITS)}f}{suffix}"
    text = f"{rounded:,.{most}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + suffix


def four_digits(number: float) -> str:
    """A number of a table with four significant digits and no exponent: ``pd.options.display.float_format``.

    >>> four_digits(1959550.0), four_digits(0.16894), four_digits(297.0)
    ('1,960,000', '0.1689', '297')
    """
    return f"{float(f'{number:.4g}'):,.12g}"


def signed(number: float, unit: str = "") -> str:
    """A difference with its sign and three significant digits.

    >>> signed(1234.5, "CNY"), signed(-0.1234, "%"), signed(float("nan"))
    ('+1,230 CNY', '-0.123%', '–')
    """
    if not math.isfinite(number):
        return NOT_YET
    rounded = float(f"{number:.3g}")
    decimals = 0 if rounded == 0 else max(0, 2 - math.floor(math.log10(abs(rounded))))
    suffix = "%" if unit == "%" else f" {unit}" if unit else ""
    return f"{rounded:+,.{decimals}f}{suffix}" if rounded else f"0{suffix}"
