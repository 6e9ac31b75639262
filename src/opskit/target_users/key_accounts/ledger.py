"""What every account brought and what it cost, in each of several periods, from one look at the orders."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames
from opskit.customers import contribution, on_or_before, until
from opskit.errors import TooLittleDataError
from opskit.target_users.key_accounts.periods import WEEK, Periods, Span

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 20  # accounts below which no share of them says anything
_COSTS = {"contacts": ("sent_at", "contact_cost"), "benefit_uses": ("used_at", "benefit_cost")}


class Ledger(NamedTuple):
    """One row per account, and what its profit rests on."""

    table: "pd.DataFrame"  # account, kind, customers, first_day, last_day, orders_*, revenue_*, profit_*, squares_* ...
    periods: Periods
    notes: tuple[str, ...]
    has_margin: bool  # False where revenue stands in for contribution
    has_cost_to_serve: bool


def by_account(orders: Any, customers: Any = None) -> Any:
    """Orders with the account in the place of the customer.

    Args:
        orders: Any engine's frame with customer_id.
        customers: The same engine's frame with customer_id and account_id; without it every customer is an account.

    Returns:
        The same kind of frame, customer_id being the account: customers of one account_id are one account, and a customer
        without any is an account of their own.

    Assumes a customer belongs to one account; of several that are written down the first by name counts.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["A", "B", "C"], "revenue": [1.0, 2, 3]})
    >>> people = pd.DataFrame({"customer_id": ["A", "B"], "account_id": ["Nursery", "Nursery"]})
    >>> by_account(orders, people)["customer_id"].tolist()
    ['Nursery', 'Nursery', 'C']
    """
    lf = _with_account(frames.lazy(orders, "customer_id"), customers)
    return frames.like(lf.with_columns(nw.col("account").alias("customer_id")).drop("account", "grouped"), orders)


def _with_account(lf: nw.LazyFrame[Any], customers: Any) -> nw.LazyFrame[Any]:
    """The frame with account and grouped (1 where account_id names it); ids become texts, so that tables can meet."""
    own = lf.with_columns(nw.col("customer_id").cast(nw.String))
    if customers is None or "account_id" not in frames.lazy(customers, table="customers").collect_schema().names():
        return own.with_columns(nw.col("customer_id").alias("account"), nw.lit(0).alias("grouped"))
    people = frames.lazy(customers, "customer_id", "account_id", table="customers")
    ids = people.select(nw.col("customer_id").cast(nw.String), nw.col("account_id").cast(nw.String).alias("_account"))
    named = ids.filter(~nw.col("_account").is_null()).group_by("customer_id").agg(nw.col("_account").min())
    joined = own.join(named, on="customer_id", how="left")
    grouped = (~nw.col("_account").is_null()).cast(nw.Int64).alias("grouped")
    return joined.with_columns(nw.coalesce("_account", "customer_id").alias("account"), grouped).drop("_account")


def ledger(
    orders: Any,
    periods: Periods,
    *,
    customers: Any = None,
    contacts: Any = None,
    benefit_uses: Any = None,
    margin_share: float = 0.0,
) -> Ledger:
    """Orders, revenue and profit of every account in every span of the periods.

    Profit is what the orders contribute after refunds, less what they cost to serve, less what messages to the
    account's customers and the benefits they used have cost.

    Args:
        orders: Any engine's frame with customer_id, ordered_at and revenue; margin, refund, refunded_at and cost_to_serve
            are used where they are there.
        periods: From `periods`.
        customers: The same engine's frame with customer_id and account_id; without it every customer is an account.
        contacts: The same engine's frame with customer_id, sent_at and cost; without it messages cost nothing.
        benefit_uses: The same engine's frame with customer_id, used_at and cost; without it benefits cost nothing.
        margin_share: Contribution as a share of revenue after refunds; 0 takes the margin column, and revenue itself
            where there is none.

    Returns:
        ``table``, one row per account with an order, by name: account; kind (account: named by account_id; customer);
        customers (who ordered); first_day, last_day (days since 1970-01-01); and of every span, such as life: orders_life,
        revenue_life, contribution_life, cost_to_serve_life, contact_cost_life, benefit_cost_life, profit_life (money) and
        squares_life (sum of the squared profits of the orders). ``notes``: what profit rests on, and what that hides.

    Raises:
        OpskitError: A column is missing, or margin_share is not between 0 and 1.
        TooLittleDataError: Fewer than 20 accounts have ordered, or the profit of the window or of all time is not above 0.

    Assumes a refund was known when it was paid back, so that a span knows nothing of later ones, and that a refunded part
    of an order takes the same part of its margin with it, and none of its cost to serve.
    """
    latest = periods.spans["life"].until
    lf, _ = until(orders, "revenue", as_of=latest)
    columns = lf.collect_schema().names()
    rows = _valued(lf, periods.spans, margin_share)
    summed = [nw.col(f"{what}_{name}").sum() for name in periods.spans for what in _MONEY]
    days = (nw.col("day").min().alias("first_day"), nw.col("day").max().alias("last_day"))
    grouped = _with_account(rows, customers).group_by("account")
    people = nw.col("customer_id").n_unique().alias("customers")
    table = frames.collect(grouped.agg(nw.col("grouped").max(), people, *days, *summed))
    if len(table) < FEWEST:
        raise TooLittleDataError(f"{len(table)} accounts have ordered by {latest}, must be at least {FEWEST}.")
    table = table.sort_values("account", ignore_index=True)
    table.insert(1, "kind", table.pop("grouped").map({1: "account", 0: "customer"}))
    notes = [_said_of_margin(table, lf, margin_share), _said_of_serving(table, columns)]
    parts = dict[str, Any]()
    for name, frame in (("contacts", contacts), ("benefit_uses", benefit_uses)):
        costs, said = _costs(frame, name, customers, periods.spans, table)
        parts |= costs
        notes.append(said)
    table = table.assign(**parts)
    for name in periods.spans:
        spent = sum(table[f"{what}_{name}"] for what in ("cost_to_serve", "contact_cost", "benefit_cost"))
        table[f"profit_{name}"] = table[f"contribution_{name}"] - spent
    _refuse_losses(table, periods)
    known = bool(margin_share) or "margin" in columns
    return Ledger(table.copy(), periods, tuple(filter(None, notes)), known, "cost_to_serve" in columns)


_MONEY = ("orders", "revenue", "contribution", "cost_to_serve", "squares")


def _valued(lf: nw.LazyFrame[Any], spans: dict[str, Span], margin_share: float) -> nw.LazyFrame[Any]:
    """Orders with a column of each kind of money for every span, 0 outside of it."""
    columns = lf.collect_schema().names()
    served = nw.col("cost_to_serve").cast(nw.Float64).fill_null(0.0) if "cost_to_serve" in columns else nw.lit(0.0)
    revenue = nw.col("revenue").cast(nw.Float64)
    lf = lf.with_columns(frames.epoch_day("ordered_at").alias("day"))
    if "refund" in columns:
        lf = lf.with_columns(nw.col("refund").cast(nw.Float64).fill_null(0.0).alias("_refund"))
    values = dict[Any, nw.Expr]()
    for at, day in enumerate(dict.fromkeys(span.until for span in spans.values())):
        if "refund" in columns:
            lf = lf.with_columns(_known_refund(lf, day, "refunded_at" in columns).alias("refund"))
        lf = lf.with_columns(contribution(lf, margin_share)[0].alias(f"_value_{at}"))
        values[day] = nw.col(f"_value_{at}")
    lf = lf.with_columns(served.alias("_served"), revenue.alias("_revenue"))
    parts = list[nw.Expr]()
    for name, span in spans.items():
        inside, value, cost = _inside(span, nw.col("day")), values[span.until], nw.col("_served")
        kinds = {"revenue": nw.col("_revenue"), "contribution": value, "cost_to_serve": cost}
        kinds["squares"] = (value - cost) * (value - cost)
        parts.append(nw.when(inside).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64).alias(f"orders_{name}"))
        parts += [nw.when(inside).then(amount).otherwise(0.0).alias(f"{kind}_{name}") for kind, amount in kinds.items()]
    return lf.select("customer_id", "day", *parts)


def _known_refund(lf: nw.LazyFrame[Any], day: dt.date, dated: bool) -> nw.Expr:
    if not dated:
        return nw.col("_refund")
    known = nw.col("refunded_at").is_null() | on_or_before(lf, day, "refunded_at")
    return nw.when(known).then(nw.col("_refund")).otherwise(nw.lit(0.0))


def _inside(span: Span, day: nw.Expr) -> nw.Expr:
    inside = day <= frames.day_number(span.until)
    if span.after is not None:
        inside = inside & (day > frames.day_number(span.after))
    return inside if span.weeks is None else inside & ((day // WEEK) % 2 == span.weeks)


def _costs(
    frame: Any, table_name: str, customers: Any, spans: dict[str, Span], accounts: "pd.DataFrame"
) -> "tuple[dict[str, pd.Series[Any]], str]":
    """A table's costs by account and span, in the order of the accounts, and what to say about it."""
    import pandas as pd

    clock, label = _COSTS[table_name]
    nothing = {f"{label}_{name}": pd.Series(0.0, index=accounts.index) for name in spans}
    if frame is None:
        return nothing, f"There is no table {table_name}: its costs are in no account's profit."
    lf = frames.lazy(frame, "customer_id", clock, table=table_name)
    have = lf.collect_schema().names()
    if "cost" not in have:
        return nothing, f"{table_name} has no column cost: its costs are in no account's profit."
    if "holdout" in have:
        lf = lf.filter(~nw.col("holdout").fill_null(value=False))
    cost, day = nw.col("cost").cast(nw.Float64).fill_null(0.0), nw.col("day")
    rows = _with_account(lf.select("customer_id", frames.epoch_day(clock).alias("day"), cost.alias("cost")), customers)
    parts = (nw.when(_inside(span, day)).then(nw.col("cost")).otherwise(nw.lit(0.0)) for span in spans.values())
    named = [part.alias(f"{label}_{name}") for name, part in zip(spans, parts, strict=True)]
    summed = frames.collect(rows.select("account", *named).group_by("account").agg(nw.col(*nothing).sum()))
    held = summed.set_index("account").reindex(accounts["account"], fill_value=0.0).reset_index(drop=True)
    elsewhere = float(summed[f"{label}_life"].sum() - held[f"{label}_life"].sum())
    spent = float(held[f"{label}_life"].sum())
    said = f"The costs in {table_name} are taken off: {spent:,.0f}"
    return {str(name): held[name] for name in held}, (
        f"{said}; another {elsewhere:,.0f} went to people without any order." if elsewhere > 0.5 else f"{said}."
    )


def _said_of_margin(table: "pd.DataFrame", lf: nw.LazyFrame[Any], margin_share: float) -> str:
    share = table["contribution_life"].sum() / (table["revenue_life"].sum() or float("nan"))
    text = contribution(lf, margin_share)[1]
    if "{share" in text:
        return text.format(share=share)
    return (
        "Revenue stands in for profit, because orders has no margin column: an account that is dear to supply looks as "
        "good as one that earns. Give margin_share, such as 0.3, or map a margin."
    )


def _said_of_serving(table: "pd.DataFrame", columns: list[str]) -> str:
    if "cost_to_serve" not in columns:
        return "orders has no cost_to_serve: an account that is dear to serve looks as good as one that is not."
    share = table["cost_to_serve_life"].sum() / (table["revenue_life"].sum() or float("nan"))
    return f"The cost to serve of every order is taken off, {share:.1%} of revenue."


def _refuse_losses(table: "pd.DataFrame", periods: Periods) -> None:
    for name, words in (("life", "of all time"), ("window_0", f"of the last {periods.window_days} days")):
        total = float(table[f"profit_{name}"].sum())
        if not total > 0:
            raise TooLittleDataError(
                f"The profit {words} adds up to {total:,.0f}, must be > 0: shares of a loss mean nothing. "
                "Check margin and cost_to_serve, or give margin_share."
            )
