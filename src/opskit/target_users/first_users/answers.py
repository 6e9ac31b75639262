"""Answers to surveys that were known when an account began, and those that were not."""

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from opskit import frames

if TYPE_CHECKING:
    import pandas as pd

MOST_LATE = 0.05  # of the answers to a question may come after the first order
FEWEST = 25  # accounts whose answer is known at the beginning, for a question to be used
_PARTS = ("survey", "question", "item", "touchpoint")


class Answers(NamedTuple):
    """One column per question that can be used."""

    table: "pd.DataFrame"  # customer_id, then the questions; missing where not answered in time
    refused: "pd.DataFrame"  # column, why


def answers(surveys: Any, begun: "pd.DataFrame", *, within_days: int = 1) -> Answers:
    """What accounts had said within a day of their beginning.

    Args:
        surveys: Any engine's frame with survey, question, answer and customer_id; answered_at where it is there.
        begun: From `beginnings`: customer_id, began, first_at.
        within_days: An answer counts up to so many days after the beginning.

    Returns:
        Answers. A question is refused when more than 5% of its answers came after the account's first order, or when
        fewer than 25 accounts had answered by then. An answer without a time is taken as known, and must pass the scan
        for leaks.

    Raises:
        OpskitError: A column is missing.
    """
    import pandas as pd

    lf = frames.lazy(surveys, "survey", "question", "answer", table="surveys")
    have = lf.collect_schema().names()
    nothing = Answers(begun[["customer_id"]].iloc[:0], pd.DataFrame(columns=["column", "why"]))
    if "customer_id" not in have:
        return nothing
    lf = _timed(lf, have, begun, within_days)
    known = frames.collect(
        lf.filter(nw.col("in_time") & ~nw.col("late")).group_by("customer_id", *_PARTS).agg(nw.col("answer").min())
    )
    counts = frames.collect(
        lf.with_columns(nw.col("late").cast(nw.Int64))
        .group_by(*_PARTS)
        .agg(nw.len().alias("given"), nw.col("late").sum().alias("after"))
    )
    if counts.empty:
        return nothing
    names = _names(counts)
    counts = counts.assign(column=names[_key(counts)].to_numpy()).sort_values("column")
    known = known.assign(column=names[_key(known)].to_numpy())
    counts["known"] = counts["column"].map(known["column"].value_counts()).fillna(0).astype(int)
    late = counts["after"] > MOST_LATE * counts["given"]
    why = counts["after"].map("{:,}".format) + " of " + counts["given"].map("{:,}".format)
    why = (why + " answers came after the first order").where(late)
    few = "known of " + counts["known"].map("{:,}".format) + " accounts at their beginning, fewer than " + str(FEWEST)
    counts["why"] = why.where(late | (counts["known"] >= FEWEST), few)
    used = counts.loc[counts["why"].isna(), "column"]
    wide = known[known["column"].isin(used)].pivot(index="customer_id", columns="column", values="answer")
    refused = counts.loc[counts["why"].notna(), ["column", "why"]].reset_index(drop=True)
    return Answers(wide.rename_axis(columns=None).reset_index(), refused)


def _timed(lf: nw.LazyFrame[Any], have: list[str], begun: "pd.DataFrame", within_days: int) -> nw.LazyFrame[Any]:
    """Answers of the accounts: whether they came in time, and whether the first order came before."""
    import pandas as pd

    ends = begun["began"].dt.normalize() + pd.Timedelta(days=within_days + 1)
    moments = {"_end": ends.astype("datetime64[us]"), "_first": begun["first_at"].astype("datetime64[us]")}
    texts = [nw.col(name).cast(nw.String).fill_null("") if name in have else nw.lit("").alias(name) for name in _PARTS]
    given = lf.filter(~nw.col("answer").is_null(), ~nw.col("customer_id").is_null())
    columns = ["answered_at"] if "answered_at" in have else []
    given = given.select("customer_id", nw.col("answer").cast(nw.String), *texts, *columns)
    joined = given.join(frames.beside(given, begun[["customer_id"]].assign(**moments)), on="customer_id")
    if not columns:
        return joined.with_columns(nw.lit(True).alias("in_time"), nw.lit(False).alias("late"))
    at = nw.col("answered_at").cast(nw.Datetime("us"))
    late = (at > nw.col("_first")).fill_null(value=False)
    return joined.with_columns(((at < nw.col("_end")) | at.is_null()).alias("in_time"), late.alias("late"))


def _key(table: "pd.DataFrame") -> "pd.Series[str]":
    return table["survey"] + "\t" + table["question"] + "\t" + table["item"] + "\t" + table["touchpoint"]


def _names(counts: "pd.DataFrame") -> "pd.Series[str]":
    """By key: the question, with what else is needed to tell it from others."""
    names = counts["question"]
    for extra in ("touchpoint", "item", "survey"):
        if names.duplicated(keep=False).any():
            told = counts[extra].where(names.duplicated(keep=False), "")
            names = names.where(told == "", names + ", " + told)
    return names.set_axis(_key(counts))
