"""Rows that repeat, and how good the customer files are."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import contract
from opskit.data_health.completeness import present
from opskit.errors import check
from opskit.frames import collect, lazy, require_columns

if TYPE_CHECKING:
    import pandas as pd

    from opskit.dataset import Dataset

# Empty for most customers by nature: not everybody was invited or belongs to an account.
_NOT_EXPECTED = {"referrer_id", "account_id", "updated_at", "owner"}


def repeated(ds: "Dataset") -> "pd.DataFrame":
    """Rows that say again what another row said.

    Compared are the table's key, every column and, for orders, customer, time and revenue together.

    Args:
        ds: The dataset, as opened: rows that opening left out or merged are not seen.

    Returns:
        table, same (what the rows share), rows, repeated (beyond the first of each), share.
    """
    import pandas as pd

    found: list[dict[str, Any]] = []
    for name in ds.tables:
        rows = lazy(getattr(ds, name), table=name)
        columns = rows.collect_schema().names()
        key = [column for column in contract.table(name).key if column in columns]
        tests = {"every column": columns}
        if key and contract.table(name).key[0] in columns:
            tests[" + ".join(key)] = key
        if name == "orders":
            tests["customer, time and revenue"] = ["customer_id", "ordered_at", "revenue"]
        for same, by in tests.items():
            known = rows.filter(~nw.col(by[0]).is_null()) if same != "every column" else rows
            kinds_of_rows = known.group_by(by).agg(nw.len().alias("n"))
            counts = collect(kinds_of_rows.select(nw.col("n").sum().alias("rows"), nw.len().alias("kinds")))
            total, kinds = (0 if pd.isna(count) else int(count) for count in counts.iloc[0])
            share = (total - kinds) / total if total else float("nan")
            found.append({"table": name, "same": same, "rows": total, "repeated": total - kinds, "share": share})
    return pd.DataFrame(found)


def customer_files(ds: "Dataset", *, fields: Sequence[str] = (), updated_within_days: int = 365) -> "pd.DataFrame":
    """How many customer files are complete, kept up to date, and in one pair of hands.

    Static information (who the customer is) is complete when every field is filled; dynamic information (what the
    customer does) is there when the dataset holds an order or an event of the customer.

    Args:
        ds: The dataset; it needs the table customers.
        fields: Columns of customers that a complete file has; none: all but referrer_id, account_id, owner, updated_at.
        updated_within_days: A file changed within this many days up to as_of counts as up to date.

    Returns:
        measure, customers (those that pass), n (customers), share, about. updated and one_owner are there where the
        table has updated_at and owner; has_order and has_event where those tables are there. Counts of every customer,
        not estimates: no intervals.

    Raises:
        MissingTableError: There is no table customers.
        OpskitError: A field is not a column of customers.
    """
    import pandas as pd

    check(updated_within_days, "updated_within_days", gt=0)
    ds.require("customers")
    rows = lazy(ds.customers, "customer_id", table="customers")
    columns = rows.collect_schema().names()
    require_columns(columns, fields, table="customers")
    wanted = list(fields) or [column for column in columns if column not in _NOT_EXPECTED]
    about = {"complete": f"filled: {', '.join(wanted)}"}
    if "updated_at" in columns:
        about["updated"] = f"changed in the {updated_within_days} days up to {ds.as_of}"
    if "owner" in columns:
        about["one_owner"] = "exactly one owner"
    files = _per_customer(rows, wanted, since=ds.as_of - dt.timedelta(days=updated_within_days - 1))
    for table, measure in (("orders", "has_order"), ("events", "has_event")):
        if table in ds.tables:
            seen = lazy(getattr(ds, table), table=table).group_by("customer_id").agg(nw.len().alias(measure))
            files = files.join(seen, on="customer_id", how="left").with_columns(~nw.col(measure).is_null())
            about[measure] = f"at least one row in {table}"
    passed = (nw.col(measure).fill_null(False).cast(nw.Int64).sum() for measure in about)
    counts = collect(files.select(nw.len().alias("n"), *passed)).iloc[0]
    n = int(counts["n"])
    result = pd.DataFrame({"measure": list(about), "customers": [int(counts[measure]) for measure in about], "n": n})
    return result.assign(share=result["customers"] / (n or float("nan")), about=list(about.values()))


def _per_customer(rows: nw.LazyFrame[Any], wanted: Sequence[str], *, since: dt.date) -> nw.LazyFrame[Any]:
    """One row per customer: complete, updated, one_owner; of several rows of a customer every one must be complete."""
    schema = dict(rows.collect_schema())
    columns = {"complete": nw.min_horizontal(*(present(name, schema[name]) for name in wanted))}
    merged, passed = [nw.col("complete").min()], [nw.col("complete") == 1]
    if "updated_at" in schema:
        recent = nw.col("updated_at") >= dt.datetime.combine(since, dt.time())
        columns["updated"] = recent.fill_null(False).cast(nw.Int64)
        merged.append(nw.col("updated").max())
        passed.append(nw.col("updated") == 1)
    if "owner" in schema:
        columns |= {"first_owner": nw.col("owner"), "last_owner": nw.col("owner")}
        merged += [nw.col("first_owner").min(), nw.col("last_owner").max()]
        passed.append((nw.col("first_owner") == nw.col("last_owner")).alias("one_owner"))
    files = rows.select("customer_id", **columns).group_by("customer_id").agg(*merged)
    return files.select("customer_id", *passed)
