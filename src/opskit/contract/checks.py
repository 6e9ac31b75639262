"""Checks generated from the contract: lazy aggregates, the same on every engine."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames
from opskit.contract.privacy import mask_frame
from opskit.contract.tables import Column, Table, table

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["table", "column", "rule", "severity", "rows", "share", "examples", "remedy"]


@dataclass(frozen=True)
class Rule:
    """One rule of a table: the rows that break it, as an expression."""

    column: str
    name: str
    severity: str
    broken: nw.Expr
    remedy: str


def rules(spec: Table, columns: Mapping[str, Any], *, as_of: dt.date | None) -> list[Rule]:
    """The row-wise rules that apply to the columns that are there.

    Args:
        spec: The table's contract.
        columns: Name → Narwhals dtype of the columns present.
        as_of: Last day that counts; later moments are reported when given.
    """
    found: list[Rule] = []
    for name, column in spec.columns.items():
        if name in columns:
            found += _column_rules(column, columns)
    if as_of and spec.clock in columns:
        tomorrow = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time())
        late = nw.col(str(spec.clock)) >= nw.lit(tomorrow)
        found.append(
            Rule(str(spec.clock), f"after {as_of}", "error", late, "Correct the dates, or give a later as_of.")
        )
    return found


def _column_rules(column: Column, columns: Mapping[str, Any]) -> list[Rule]:
    value = nw.col(column.name)
    found: list[Rule] = []
    if column.required:
        found.append(Rule(column.name, "missing", "error", value.is_null(), "Fill it in at the source."))
    if column.min is not None:
        remedy = f"Values must be at least {column.min:g}: correct them at the source."
        found.append(Rule(column.name, f"below {column.min:g}", "error", value < column.min, remedy))
    if column.max is not None:
        remedy = f"Values must be at most {column.max:g}: correct them at the source."
        found.append(Rule(column.name, f"above {column.max:g}", "error", value > column.max, remedy))
    if column.values:
        remedy = f"Use one of {', '.join(column.values)}."
        found.append(Rule(column.name, "unknown value", "error", ~value.is_in(list(column.values)), remedy))
    if column.after and column.after in columns:
        early = value < nw.col(column.after)
        found.append(Rule(column.name, f"before {column.after}", "error", early, "One of the two moments is wrong."))
    if column.not_below and column.not_below in columns:
        below = value < nw.col(column.not_below)
        remedy = f"{column.name} must be at least {column.not_below}: correct one of the two."
        found.append(Rule(column.name, f"below {column.not_below}", "error", below, remedy))
    if column.name == "refund" and "revenue" in columns:
        more = value > nw.col("revenue") * 1.000001
        found.append(Rule(column.name, "more than revenue", "warning", more, "Is revenue meant after refund?"))
    if column.name == "revenue":
        found.append(Rule(column.name, "is zero", "warning", value == 0, "Free orders count as orders: meant so?"))
    return found


def violations(
    tables: Mapping[str, Any],
    *,
    as_of: dt.date | None = None,
    exclusions: "pd.DataFrame | None" = None,
    rows_read: Mapping[str, int] | None = None,
    unreadable: Mapping[str, str] | None = None,
) -> "pd.DataFrame":
    """Every violation of the contract in a set of frames, with counts.

    Args:
        tables: Table name → frame of any engine.
        as_of: Last day that counts (inclusive); dates after it are reported.
        exclusions: What was already left out while reading (table, reason, rows, asked, examples, remedy).
        rows_read: Rows of each table before anything was left out: the denominator of the exclusions' share.
        unreadable: Tables that could not be read at all, with the reason.

    Returns:
        table, column, rule, severity (excluded, error, warning, or filtered: left out as asked), rows, share of the table's rows, examples, remedy;
        worst first. Empty when nothing is wrong.

    Raises:
        OpskitError: A frame is of an unknown kind, or a table is not in the contract.

    >>> import pandas as pd
    >>> orders = pd.DataFrame(
    ...     {"customer_id": ["a", None], "ordered_at": pd.to_datetime(["2025-01-01"] * 2), "revenue": [-1.0, 2.0]}
    ... )
    >>> violations({"orders": orders})[["column", "rule", "rows"]].values.tolist()
    [['customer_id', 'missing', 1], ['revenue', 'below 0', 1]]
    """
    import pandas as pd

    found: list[tuple[Any, ...]] = [
        (name, "", "cannot be read", "excluded", None, 1.0, "", reason) for name, reason in (unreadable or {}).items()
    ]
    if exclusions is not None:
        for row in exclusions.itertuples():
            whole = (rows_read or {}).get(str(row.table), 0)
            first = str(row.reason).split()[0]
            column = first if first in table(str(row.table)).columns else ""
            share = int(row.rows) / whole if whole else float("nan")  # pyright: ignore[reportArgumentType]
            severity = "filtered" if row.asked else "excluded"
            found.append((row.table, column, row.reason, severity, row.rows, share, row.examples, row.remedy))
    narwhals = {name: frames.lazy(frame, table=name) for name, frame in tables.items()}
    for name, frame in narwhals.items():
        found += _row_rules(name, frame, as_of)
        found += _repeated_keys(name, frame)
    found += _across(narwhals)
    result = pd.DataFrame(found, columns=COLUMNS).astype({"rows": "Int64"})
    order = {"excluded": 0, "error": 1, "warning": 2, "filtered": 3}
    return result.sort_values(
        ["severity", "share"],
        key=lambda values: values.map(order) if values.name == "severity" else -values,
        kind="stable",
    ).reset_index(drop=True)


def _row_rules(name: str, frame: nw.LazyFrame[Any], as_of: dt.date | None) -> list[tuple[Any, ...]]:
    applied = rules(table(name), dict(frame.collect_schema()), as_of=as_of)
    counts = frames.collect(
        frame.select(
            nw.len().alias("rows"),
            *(
                rule.broken.fill_null(False).cast(nw.Int64).sum().alias(f"r{place}")
                for place, rule in enumerate(applied)
            ),
        )
    )
    total = int(counts["rows"].iloc[0])
    found: list[tuple[Any, ...]] = []
    for place, rule in enumerate(applied):
        broken = counts[f"r{place}"].iloc[0]
        if total and broken > 0:
            shown = _examples(name, frame.filter(rule.broken.fill_null(False)), rule.column)
            found.append((name, rule.column, rule.name, rule.severity, int(broken), broken / total, shown, rule.remedy))
    return found


def _examples(name: str, broken: nw.LazyFrame[Any], *columns: str) -> str:
    """Up to three broken rows, masked: the row's key (or customer) and the columns in question."""
    spec, have = table(name), broken.collect_schema().names()
    key = [column for column in (*spec.key, "customer_id") if column in have][:1]
    shown = list(dict.fromkeys([*key, *columns]))
    rows = mask_frame(frames.collect(broken.select(shown).sort(shown).head(3)))
    return "; ".join(", ".join(f"{column}={value}" for column, value in row.items()) for row in rows.to_dict("records"))


def _repeated_keys(name: str, frame: nw.LazyFrame[Any]) -> list[tuple[Any, ...]]:
    columns = frame.collect_schema().names()
    key = [column for column in table(name).key if column in columns]
    if not key or table(name).key[0] not in columns:
        return []
    keyed = frame.filter(~nw.col(key[0]).is_null())
    repeats = keyed.group_by(key).agg(nw.len().alias("n"))
    counts = frames.collect(repeats.select(nw.col("n").sum().alias("rows"), (nw.col("n") - 1).sum().alias("extra")))
    extra, rows = counts["extra"].iloc[0], counts["rows"].iloc[0]
    if not rows or not extra > 0:
        return []
    remedy = (
        "One order_id belongs to several customers: they are kept as separate orders. Correct order_id at the source."
        if name == "orders"
        else f"{' + '.join(key)} should name a row once: remove the duplicates at the source."
    )
    shown = _examples(name, repeats.filter(nw.col("n") > 1), *key)
    return [(name, " + ".join(key), "repeated", "error", int(extra), extra / rows, shown, remedy)]


def _across(narwhals: Mapping[str, nw.LazyFrame[Any]]) -> list[tuple[Any, ...]]:
    """Rules between tables: orphans, and orders before the customer signed up."""
    found: list[tuple[Any, ...]] = []
    if "customers" not in narwhals:
        return found
    columns = narwhals["customers"].collect_schema().names()
    known = ["customer_id", *(["signed_up_at"] if "signed_up_at" in columns else [])]
    signed_up = [nw.col(column).min() for column in known[1:]]
    customers = narwhals["customers"].group_by("customer_id").agg(nw.len().alias("known"), *signed_up)
    for name, frame in narwhals.items():
        if name == "customers" or "customer_id" not in frame.collect_schema().names():
            continue
        early = name == "orders" and "signed_up_at" in columns
        fact = frame.select("customer_id", *(["ordered_at"] if early else [])).filter(~nw.col("customer_id").is_null())
        broken = [nw.len().alias("rows"), nw.col("known").is_null().cast(nw.Int64).sum().alias("orphans")]
        broken_early = (nw.col("ordered_at") < nw.col("signed_up_at")).fill_null(False) if early else nw.lit(False)
        if early:
            broken.append(broken_early.cast(nw.Int64).sum().alias("early"))
        joined = fact.join(customers, on="customer_id", how="left")
        counts = frames.collect(joined.select(broken))
        total = int(counts["rows"].iloc[0])
        orphan = nw.col("known").is_null()
        for column, rule, count, condition, remedy in (
            ("customer_id", "not in customers", "orphans", orphan, "Export customers for the same period."),
            ("ordered_at", "before signed_up_at", "early", broken_early, "Imported accounts? Correct signed_up_at."),
        ):
            if total and count in counts and counts[count].iloc[0] > 0:
                rows = int(counts[count].iloc[0])
                shown = _examples(name, joined.filter(condition), column)
                found.append((name, column, rule, "warning", rows, rows / total, shown, remedy))
    return found
