"""Whatever is written as referrer, a forest comes out, and what is counted below its members adds up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opskit import customers

forests = st.integers(20, 60).flatmap(
    lambda n: st.tuples(*(st.integers(-1, n - 1) for _ in range(n)), st.integers(0, 10**6))
)


@settings(max_examples=25, deadline=None)
@given(forests)
def test_whatever_is_written_a_forest_comes_out_and_its_counts_add_up(drawn: tuple[int, ...]) -> None:
    *named, seed = drawn
    n = len(named)
    found = customers.referrals(range(n), [None if one < 0 else one for one in named], None)
    # Independently: walk up from everybody; a walk longer than n would be a circle.
    ancestors = []
    for place in range(n):
        chain, at = [], found.parent[place]
        while at >= 0:
            chain.append(at)
            assert len(chain) <= n
            at = found.parent[at]
        ancestors.append(chain)
    amounts = np.random.default_rng(seed).integers(0, 9, n).astype(float)
    expected = [sum(amounts[i] for i in range(n) if place in ancestors[i]) for place in range(n)]
    assert customers.downstream(found, amounts).tolist() == expected
    half = [sum(amounts[i] * 0.5 ** ancestors[i].index(p) for i in range(n) if p in ancestors[i]) for p in range(n)]
    assert customers.downstream(found, amounts, discount=0.5) == pytest.approx(half)
    # Everybody counts once for each customer above: the numbers below add up to the lengths of the walks.
    assert customers.downstream(found, np.ones(n)).sum() == sum(map(len, ancestors))
    chosen = np.random.default_rng(seed + 1).random(n) < 0.3
    below = [any(chosen[a] for a in ancestors[i]) and not chosen[i] for i in range(n)]
    assert customers.reached(found, chosen).tolist() == below
    out = sum(one >= 0 for one in named) - (found.parent >= 0).sum()
    assert found.handled["customers"].sum() == out
