"""What may be learnt from: columns known at the beginning, each screened for knowing what came later."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from opskit import contract, features
from opskit.errors import OpskitError, did_you_mean
from opskit.target_users.first_users.answers import Answers
from opskit.target_users.first_users.bands import prepared
from opskit.target_users.first_users.beginnings import KEYS

if TYPE_CHECKING:
    import pandas as pd

FIRST_WEEKS = "first weeks"  # from orders and events, which carry their day and are cut at it
AFTERWARDS = ("is_customer", "updated_at")  # of customers: what an order or a change made of them
FEWEST_TO_SCAN = 25  # accounts of each kind, below which the scan of opskit.features cannot look
_HONEST = 0.8  # area under the curve, for having ordered, that an answer given before any order may reach by itself
_SURE, _UNEVEN = 0.001, 0.5  # chance of as uneven a filling, and how uneven it must be, where the scan cannot look


class Panel(NamedTuple):
    """Accounts at their beginning, ready to learn from."""

    rows: "pd.DataFrame"  # as of `beginnings`, then the columns, dates as days after the beginning
    columns: list[str]  # to learn from
    screening: "pd.DataFrame"  # column, source, used, why, strength, low, high: the refused first


def panel(
    begun: "pd.DataFrame",
    *,
    customers: "pd.DataFrame | None" = None,
    said: Answers | None = None,
    trusted: tuple[str, ...] = (),
    best: str = "",
    as_of: dt.date,
    seed: int = 7,
) -> Panel:
    """Put together what was known of each account at its beginning, and refuse what knows more.

    Args:
        begun: From `beginnings` or `newcomers`.
        customers: One row per customer: customer_id and attributes, as they are today.
        said: From `answers`.
        trusted: Columns to use although the screening suspects them.
        best: Column that the rule for the best looks at; not learnt from.
        as_of: Last day to count, inclusive.
        seed: Of the scan for leaks.

    Returns:
        A Panel. Refused are: what describes the last day rather than the beginning, personal data, dates after the
        beginning that are no plans, what is hardly known of the accounts to be scored, and columns that look as if an
        order had written them. Where fewer than 25 accounts of a kind are there, leaks can be told only by columns that
        are filled in for one kind and empty for the other.

    Raises:
        OpskitError: A trusted column is not there.

    Assumes attributes of customers are as they are *today*; only somebody who knows who writes them can tell since when.
    What people say before an order tells who orders, but not with an area above 0.8: a column that no other one comes near
    is refused from there on, for the scan alone would refuse the only telling question too. A weaker leak goes unnoticed.
    """
    import pandas as pd

    rows = begun
    sources = {str(name): FIRST_WEEKS for name in begun if name not in KEYS and not str(name).startswith("worth_")}
    out = [(str(name), "surveys", str(why)) for name, why in (said.refused.to_numpy() if said else ())]
    suspects: dict[str, str] = {}
    for table, source in ((customers, "customers"), (said.table if said else None, "surveys")):
        if table is None or table.empty:
            continue
        known = table.drop_duplicates("customer_id")
        known = known.rename(columns={name: _own(str(name), rows) for name in known})
        names = [str(name) for name in known if name not in {"customer_id", "signed_up_at"}]
        out += [(name, source, why) for name in names if (why := _outright(name, best))]
        names = [name for name in names if not _outright(name, best)]
        plans = features.plans(known[names], last_day=as_of)
        rows = rows.merge(known[["customer_id", *names]], on="customer_id", how="left")
        suspects |= _after(rows, [name for name in names if name not in plans])
        sources |= dict.fromkeys(names, source)
    _check_trusted(trusted, sources)
    rows = rows.assign(**{name: prepared(rows[name], rows["began"]) for name in sources})
    suspects |= _unknown_today(rows, list(sources))
    screening = _screened(rows, sources, suspects, trusted, seed)
    refusals = pd.DataFrame([(*row, False) for row in out], columns=["column", "source", "why", "used"])
    table = pd.concat([screening, refusals], ignore_index=True) if len(refusals) else screening
    table = table[["column", "source", "used", "why", "strength", "low", "high"]].astype({"used": bool})
    table = table.sort_values("used", kind="stable", ignore_index=True)
    return Panel(rows, [str(name) for name in table.loc[table["used"], "column"]], table)


def refusals(found: Panel) -> "pd.DataFrame":
    """Columns that were refused, those with one reason together.

    Args:
        found: From `panel`.

    Returns:
        source, why, columns (how many), which (the first four by name).
    """
    import pandas as pd

    rows = found.screening[~found.screening["used"]]
    # Of "234 of 429 answers came after the first order" the numbers differ, the reason does not.
    reason = rows["why"].str.replace(r"^[\d,]+ of [\d,]+ ", "", regex=True)
    parts = rows.groupby([rows["source"], reason], sort=False)["column"]
    table = parts.agg(columns="size", which=lambda names: ", ".join(names.head(4)) + (", …" if len(names) > 4 else ""))
    return pd.DataFrame(table.reset_index())


def _own(name: str, rows: "pd.DataFrame") -> str:
    return f"{name}_attribute" if name in rows and name != "customer_id" else name


def _outright(name: str, best: str) -> str:
    """Why a column is refused by its name alone; empty where it is not."""
    if name in AFTERWARDS:
        return "describes the last day, not the beginning"
    if contract.is_personal(name):
        return "personal data"
    return "is what the best are chosen by" if name == best else ""


def _check_trusted(trusted: tuple[str, ...], sources: dict[str, str]) -> None:
    for name in trusted:
        if name not in sources:
            raise OpskitError(f"trusted names {name!r}, which is no column to learn from.{did_you_mean(name, sources)}")


def _after(rows: "pd.DataFrame", names: list[str]) -> dict[str, str]:
    """Date columns with dates after the beginning: somebody wrote them later."""
    import pandas as pd

    found: dict[str, str] = {}
    for name in names:
        there = rows[name].dropna()
        if pd.api.types.is_datetime64_any_dtype(rows[name]) or (len(there) and isinstance(there.iloc[0], dt.date)):
            late = int((prepared(rows[name], rows["began"]) > 1).sum())
            found |= {name: f"{late:,} dates lie after the beginning"} if late else {}
    return found


def _unknown_today(rows: "pd.DataFrame", names: list[str]) -> dict[str, str]:
    """Columns that are hardly known of those to be scored."""
    over, scored = rows["over"].to_numpy(dtype=bool), rows["candidate"].to_numpy(dtype=bool)
    found: dict[str, str] = {}
    for name in names if scored.any() else ():
        learnt, today = (float(rows.loc[part, name].notna().mean()) for part in (over, scored))
        if today < learnt / 2:
            found[name] = f"known of {learnt:.0%} of the accounts learnt from and of {today:.0%} of those to be scored"
    return found


def _screened(
    rows: "pd.DataFrame", sources: dict[str, str], suspects: dict[str, str], trusted: tuple[str, ...], seed: int
) -> "pd.DataFrame":
    """Which columns may be used, and why the others may not."""
    import pandas as pd

    over = rows[rows["over"]].reset_index(drop=True)
    same = [name for name in sources if over[name].nunique(dropna=False) <= 1]
    looked = [name for name in sources if name not in same]
    # An order is what writes a leak, and more accounts ordered than are among the best.
    truth = (over["ordered"] if over["first_days"].notna().any() else over["best"]).astype(bool)
    if set(sources.values()) != {FIRST_WEEKS} and looked and min(truth.sum(), (~truth).sum()) >= FEWEST_TO_SCAN:
        table, suspects = _scanned(over, looked, truth, suspects, trusted, sources, seed)
    else:
        others = [name for name in looked if sources[name] != FIRST_WEEKS]
        suspects = _unevenly_filled(over[others], truth) | suspects
        table = pd.DataFrame({"column": looked}).reindex(columns=["column", "strength", "low", "high"])
    why = pd.Series([suspects.get(str(name), "") for name in table["column"]], index=table.index, dtype=object)
    kept = table["column"].isin(trusted)
    why = why.where((why == "") | ~kept, "trusted, though " + why)
    table = table.assign(why=why, used=(why == "") | kept)
    told = [suspects.get(name, "the same for everybody") for name in same]
    alike = pd.DataFrame({"column": same, "why": told, "used": False})
    table = pd.concat([table, alike], ignore_index=True) if same else table
    return table.assign(source=table["column"].map(sources))


def _scanned(
    over: "pd.DataFrame",
    looked: list[str],
    truth: "pd.Series[Any]",
    suspects: dict[str, str],
    trusted: tuple[str, ...],
    sources: dict[str, str],
    seed: int,
) -> "tuple[pd.DataFrame, dict[str, str]]":
    """Scan until nothing more is found: beside a strong leak a weaker one goes unnoticed."""
    import pandas as pd

    left, parts = [name for name in looked if name not in suspects or name in trusted], list["pd.DataFrame"]()
    while left:
        found = features.scan(over[left], truth, seed=seed).columns
        # The scan names the one column that tells anything, a leak or not: below this area it may well be honest.
        lone = (found["strength"] < _HONEST) & ~found["reason"].str.contains("filled in|dates lie")
        found["suspicious"] &= (found["column"].map(sources) != FIRST_WEEKS) & ~lone
        new = found[found["suspicious"] & ~found["column"].isin(trusted)]
        told = found[found["suspicious"]].set_index("column")["reason"].to_dict()
        suspects = {str(name): str(reason) for name, reason in told.items()} | suspects
        parts.append(new if len(new) else found)
        left = [name for name in left if name not in set(new["column"])] if len(new) else []
    columns = ["column", "strength", "low", "high"]
    unscanned = pd.DataFrame({"column": [name for name in looked if name in suspects and name not in trusted]})
    table = pd.concat([*parts, unscanned], ignore_index=True).drop_duplicates("column")
    return table.reindex(columns=columns), suspects


def _unevenly_filled(table: "pd.DataFrame", truth: "pd.Series[Any]") -> dict[str, str]:
    """Columns filled in for one kind and empty for the other: Fisher's exact test, where the scan has too few."""
    from scipy.stats import fisher_exact

    found: dict[str, str] = {}
    for name in map(str, table):
        filled = table[name].notna()
        counts = [[int((filled & truth).sum()), int((~filled & truth).sum())]]
        counts += [[int((filled & ~truth).sum()), int((~filled & ~truth).sum())]]
        shares = [row[0] / max(sum(row), 1) for row in counts]
        test: Any = fisher_exact(counts)
        if abs(shares[0] - shares[1]) > _UNEVEN and test.pvalue < _SURE:
            found[name] = f"filled in for {shares[0]:.0%} of those who ordered and {shares[1]:.0%} of the others"
    return found
