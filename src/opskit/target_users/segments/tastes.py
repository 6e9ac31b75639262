"""Groups by taste: customers whose orders mix the kinds of product alike, by a mixture of multinomials."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw

from opskit import frames
from opskit.customers import until
from opskit.errors import TooLittleDataError, check
from opskit.target_users.segments import mixture

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[Any, Any]

OTHER = "other"
FEWEST = 100  # customers below which no groups are looked for
_LEAST_STABILITY = 0.6


class Tastes:
    """Groups of customers by what they buy, each order counted by its kind.

    Shares of few orders look like groups even where there are none: whoever ordered once bought 100% of one kind. A mixture
    of multinomials knows how little one order says; it is fitted for each number of groups, and the Bayesian
    information criterion chooses. Groups are claimed where it prefers more than one and customers drawn anew are
    split alike (adjusted Rand index at least .6).

    Attributes:
        kinds_: Kinds of product, the most frequent first; what is rarer counts as "other".
        choice_: k, bic (less that of one group), stability, chosen.
        k_: Groups found, 1 where there are none.
        groups_: One row per group: taste (its name), share (of customers), low, high, n (customers assigned), certainty
            (mean probability of those assigned).
        profile_: taste, kind, n (orders of those assigned, counted by probability), share, base (of all orders), index (share
            over base), low, high.
        certainty_: estimate, low, high, n: mean probability that a customer belongs where they were put.
        verdict_: One sentence.

    Args:
        attribute: Column of orders that names the kind.
        least_orders: Fewer orders than this, and a customer is not looked at: one order has no mix.
        most: Largest number of groups to try.
        seed: Of everything random.

    Source: mixture of multinomials by EM, Dempster, Laird & Rubin (1977); number of groups, Schwarz (1978); agreement, Hubert &
    Arabie (1985).
    """

    def __init__(
        self,
        *,
        attribute: str = "category",
        least_orders: int = 2,
        most: int = 8,
        seed: int = 7,
        confidence: float = 0.95,
    ) -> None:
        check(least_orders, "least_orders", ge=2)
        check(most, "most", ge=2, le=20)
        check(confidence, "confidence", gt=0, lt=1)
        self.attribute, self.least_orders, self.most, self.seed = attribute, least_orders, most, seed
        self.confidence = confidence

    def fit(self, orders: Any, *, as_of: dt.date) -> "Tastes":
        """Count each customer's orders by kind and find the groups.

        Args:
            orders: Any engine's frame with customer_id, ordered_at and the attribute.
            as_of: Last day to count, inclusive.

        Raises:
            TooLittleDataError: There is no such column, fewer than 100 customers have enough orders, or only one kind of
                product is sold.
        """
        import numpy as np

        have = frames.lazy(orders, "customer_id", "ordered_at").collect_schema().names()
        if self.attribute not in have:
            raise TooLittleDataError(f"orders has no column {self.attribute!r}: tastes cannot be told.")
        self.kinds_ = _kinds(orders, self.attribute, as_of)
        counts = [f"kind_{at}" for at in range(len(self.kinds_))]
        patterns = frames.collect(self._counts(orders, as_of).group_by(*counts).agg(nw.len().alias("customers")))
        patterns = patterns.sort_values(counts, ignore_index=True)
        number, weight = patterns[counts].to_numpy(dtype=float), patterns["customers"].to_numpy(dtype=float)
        if weight.sum() < FEWEST:
            raise TooLittleDataError(
                f"{weight.sum():.0f} customers have {self.least_orders} orders of known {self.attribute}, must be at "
                f"least {FEWEST}."
            )
        rng = np.random.default_rng(self.seed)
        most = min(self.most, len(weight))
        self.choice_, fits = mixture.choice(number, weight, most=most, rng=rng)
        best = int(self.choice_["bic"].to_numpy().argmin()) + 1
        self.stability_ = mixture.stability(number, weight, fits[best - 1], rng) if best > 1 else float("nan")
        self.k_ = best if best > 1 and self.stability_ >= _LEAST_STABILITY else 1
        self.choice_["chosen"] = self.choice_["k"] == self.k_
        self.mixture_ = mixture.largest_first(fits[self.k_ - 1])
        self.names_ = _names(self.mixture_.mix, number, weight, self.kinds_)
        self._describe(number, weight, rng)
        self.verdict_ = self._verdict(best)
        return self

    def predict(self, orders: Any, *, as_of: dt.date) -> Any:
        """The taste of each customer with enough orders, worked out in the engine.

        Returns:
            The same kind of frame as went in: customer_id, taste.
        """
        import numpy as np

        lf, logs = self._counts(orders, as_of), np.log(self.mixture_.mix)
        fit: list[nw.Expr] = []
        for share, mix in zip(np.log(self.mixture_.shares), logs, strict=True):
            total = nw.lit(float(share))
            for at, one in enumerate(mix):
                total = total + nw.col(f"kind_{at}") * float(one)
            fit.append(total)
        lf = lf.with_columns(*(one.alias(f"fit_{at}") for at, one in enumerate(fit)))
        best, taste = nw.max_horizontal(*(nw.col(f"fit_{at}") for at in range(self.k_))), nw.lit(self.names_[-1])
        for at in range(self.k_ - 2, -1, -1):
            taste = nw.when(nw.col(f"fit_{at}") >= best).then(nw.lit(self.names_[at])).otherwise(taste)
        return frames.like(lf.select("customer_id", taste.alias("taste")), orders)

    def _counts(self, orders: Any, as_of: dt.date) -> nw.LazyFrame[Any]:
        """Each customer's orders by kind, for those with enough of them."""
        lf, _ = until(orders, self.attribute, as_of=as_of)
        kind = nw.col(self.attribute).cast(nw.String)
        named = [kind == name for name in self.kinds_ if name != OTHER]
        if len(named) < len(self.kinds_):
            named.append(~kind.is_in(list(self.kinds_[:-1])))
        one, none = nw.lit(1).cast(nw.Int64), nw.lit(0).cast(nw.Int64)
        lf = lf.filter(~nw.col(self.attribute).is_null()).select(
            "customer_id",
            *(nw.when(flag).then(one).otherwise(none).alias(f"kind_{at}") for at, flag in enumerate(named)),
        )
        counts = [f"kind_{at}" for at in range(len(named))]
        summed = lf.group_by("customer_id").agg(*(nw.col(name).sum() for name in counts))
        return summed.filter(nw.sum_horizontal(*counts) >= self.least_orders)

    def _describe(self, number: "Vector", weight: "Vector", rng: "np.random.Generator") -> None:
        """Shares, mixes and certainty, with intervals from customers drawn anew."""
        import numpy as np
        import pandas as pd
        from scipy.special import ndtri

        base = weight @ number / (weight @ number).sum()
        drawn = mixture.resampled(number, weight, self.mixture_, rng)
        z = float(ndtri((1 + self.confidence) / 2))
        half = z * np.std([one.shares for one in drawn], axis=0, ddof=1)
        low, high = (np.clip(self.mixture_.shares + side * half, 0, 1) for side in (-1, 1))
        member = self.mixture_.member(number)
        sure, own = member.max(axis=1), member.argmax(axis=1)
        n = np.bincount(own, weights=weight, minlength=self.k_)
        known = np.bincount(own, weights=weight * sure, minlength=self.k_) / np.where(n > 0, n, np.nan)
        columns = {"share": self.mixture_.shares, "low": low, "high": high, "n": n.astype(int), "certainty": known}
        self.groups_ = pd.DataFrame({"taste": self.names_, **columns})
        mean = float(weight @ sure / weight.sum())
        # The chance of who came and the chance in the fitted mixes add up.
        came = float(np.sqrt(weight @ (sure - mean) ** 2) / weight.sum())
        fitted = float(np.std([weight @ one.member(number).max(axis=1) for one in drawn], ddof=1) / weight.sum())
        wide = z * float(np.hypot(came, fitted))
        bounds = {"low": max(mean - wide, 0.0), "high": min(mean + wide, 1.0)}
        self.certainty_ = {"estimate": mean, **bounds, "n": int(weight.sum())}
        orders = (member * weight[:, None]).T @ number.sum(axis=1)
        half = z * np.std([one.mix for one in drawn], axis=0, ddof=1)
        low, high = (np.clip(self.mixture_.mix + side * half, 0, 1) for side in (-1, 1))
        rows = [
            {"taste": name, "kind": kind, "n": round(orders[at]), "share": self.mixture_.mix[at, c], "base": base[c]}
            | {
                key: value[at, c] / base[c]
                for key, value in (("index", self.mixture_.mix), ("low", low), ("high", high))
            }
            for at, name in enumerate(self.names_)
            for c, kind in enumerate(self.kinds_)
        ]
        self.profile_ = pd.DataFrame(rows)

    def _verdict(self, best: int) -> str:
        if self.k_ > 1:
            return (
                f"{self.k_} groups by {self.attribute}: customers drawn anew are split alike to {self.stability_:.2f}, and a "
                f"customer belongs where they were put with a probability of {self.certainty_['estimate']:.0%} on average."
            )
        if best > 1:
            return (
                f"No groups by {self.attribute} to rely on: the criterion prefers {best}, but customers drawn anew are split "
                f"alike only to {self.stability_:.2f} ({_LEAST_STABILITY} is the least)."
            )
        return f"No groups by {self.attribute}: one mix of kinds describes all customers as well as several would."


def _kinds(orders: Any, attribute: str, as_of: dt.date, most: int = 12) -> list[str]:
    lf, _ = until(orders, attribute, as_of=as_of)
    lf = lf.filter(~nw.col(attribute).is_null()).select(nw.col(attribute).cast(nw.String).alias("kind"))
    counted = frames.collect(lf.group_by("kind").agg(nw.len().alias("n")))
    names = counted.sort_values(["n", "kind"], ascending=[False, True])["kind"].tolist()
    if len(names) < 2:
        raise TooLittleDataError(
            f"orders has {len(names)} kinds of {attribute}, must be at least 2 to tell tastes apart."
        )
    plain = [name for name in names if name != OTHER]
    return [*plain[: most - 1], OTHER] if len(names) > most or len(plain) < len(names) else names


def _names(mix: "Vector", number: "Vector", weight: "Vector", kinds: list[str]) -> list[str]:
    """Each group by the kind it buys most above the average; a second group of that kind gets a number."""
    base = weight @ number / (weight @ number).sum()
    names: list[str] = []
    if len(mix) == 1:
        return ["all"]
    for row in mix:
        kind = kinds[int((row - base).argmax())]
        again = sum(name == kind or name.startswith(f"{kind} ") for name in names)
        names.append(f"{kind} {again + 1}" if again else kind)
    return names
