"""The referral graph: who invited whom, cleaned into trees, and what stands below each customer."""

from typing import TYPE_CHECKING, Any, NamedTuple

from opskit.errors import check

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Vector = np.ndarray[Any, Any]

_HANDLING = {
    "named themselves": "no referrer",
    "referrer unknown": "no referrer",
    "referrer signed up later": "no referrer: an account that was not there cannot have invited",
    "closed a circle of invitations": "no referrer for the one who was there first, so that the circle opens",
}


class Referrals(NamedTuple):
    """Customers as trees of invitations, by their places in a table."""

    parent: "Vector"  # place of the referrer, -1 for none
    generations: "list[Vector]"  # places of the customers one, two, ... invitations below the head of their tree
    tree: "Vector"  # number of the tree
    handled: "pd.DataFrame"  # problem, customers, handling


def referrals(customer_id: Any, referrer_id: Any, signed_up: Any = None) -> Referrals:
    """Who invited whom, with everything that cannot have happened taken out and counted.

    Args:
        customer_id: One id per customer.
        referrer_id: The id of who invited each, missing for those who came by themselves.
        signed_up: When each signed up, as any number that grows with time; nan where that is not known.

    Returns:
        Every customer has at most one referrer and no circle is left, so each belongs to one tree.

    Assumes a referrer without a date of sign-up was there in time. Both having signed up at the same moment passes.

    >>> found = referrals(["A", "B", "C", "D"], [None, "A", "D", "C"], [1, 2, 3, 3])
    >>> found.parent.tolist(), len(found.generations)
    ([-1, 0, -1, 2], 1)
    >>> found.handled.set_index("problem")["customers"].to_dict()["closed a circle of invitations"]
    1
    """
    import numpy as np
    import pandas as pd

    ids, named = pd.Index(customer_id), pd.Series(referrer_id)
    size = len(ids)
    when = np.full(size, np.nan) if signed_up is None else np.asarray(signed_up, dtype=float)
    given = named.notna().to_numpy(dtype=bool)
    parent = np.where(given, ids.get_indexer(pd.Index(named)), -1)
    itself = given & (parent == np.arange(size))
    unknown = given & (parent < 0)
    parent[itself] = -1
    later = (parent >= 0) & (when[parent] > when)  # a missing date compares as false
    parent[later] = -1
    opened = _first_of_each_circle(parent, when)
    parent[opened] = -1
    counts = [int(rows.sum()) for rows in (itself, unknown, later)] + [len(opened)]
    handled = pd.DataFrame({"problem": list(_HANDLING), "customers": counts, "handling": list(_HANDLING.values())})
    return Referrals(parent, *_generations(parent), handled)


def downstream(found: Referrals, amounts: Any, *, discount: float = 1.0) -> "Vector":
    """What the customers below each customer add up to, those further away counting less.

    Args:
        found: From `referrals`.
        amounts: One number per customer; ones, to count the customers.
        discount: What each further generation counts, relative to the one before: 1 all the same, 0 only those
            invited in person.

    Returns:
        One number per customer. Whoever is invited counts for all above: the numbers of a tree overlap.

    Raises:
        OpskitError: The discount is not between 0 and 1.

    >>> chain = referrals(["A", "B", "C"], [None, "A", "B"])
    >>> downstream(chain, [1, 10, 100], discount=0.5).tolist()
    [60.0, 100.0, 0.0]
    """
    import numpy as np

    check(discount, "discount", ge=0, le=1)
    own, below = np.asarray(amounts, dtype=float), np.zeros(len(found.parent))
    for members in reversed(found.generations):
        np.add.at(below, found.parent[members], own[members] + discount * below[members])
    return below


def reached(found: Referrals, chosen: Any) -> "Vector":
    """Whether a customer stands anywhere below a chosen one without being chosen: nobody counts twice.

    Args:
        found: From `referrals`.
        chosen: Whether each customer is chosen.

    >>> chain = referrals(["A", "B", "C"], [None, "A", "B"])
    >>> reached(chain, [True, True, False]).tolist()
    [False, False, True]
    """
    import numpy as np

    picked = np.asarray(chosen, dtype=bool)
    below = np.zeros(len(picked), dtype=bool)
    for members in found.generations:
        above = found.parent[members]
        below[members] = picked[above] | below[above]
    return below & ~picked


def _graph(parent: "Vector") -> Any:
    """Sparse matrix with an entry from each referrer to each of those invited."""
    import numpy as np
    from scipy.sparse import csr_array

    invited = np.flatnonzero(parent >= 0)
    shape = (len(parent), len(parent))
    return csr_array((np.ones(len(invited)), (parent[invited], invited)), shape=shape)


def _first_of_each_circle(parent: "Vector", when: "Vector") -> "Vector":
    """Of each circle the customer who was there first; without dates, the first in the table."""
    import numpy as np
    from scipy.sparse.csgraph import connected_components

    _count, circle = connected_components(_graph(parent), connection="strong")
    inside = np.flatnonzero(np.bincount(circle)[circle] > 1)
    by_time = inside[np.argsort(np.where(np.isnan(when), np.inf, when)[inside], kind="stable")]
    return by_time[np.unique(circle[by_time], return_index=True)[1]]


def _generations(parent: "Vector") -> "tuple[list[Vector], Vector]":
    """Customers by the invitations between them and the head of their tree, and the number of each one's tree."""
    import numpy as np
    from scipy.sparse.csgraph import connected_components, dijkstra

    if not len(parent):
        return [], parent
    graph = _graph(parent)
    depth = dijkstra(graph, indices=np.flatnonzero(parent < 0), unweighted=True, min_only=True).astype(int)
    order = np.argsort(depth, kind="stable")
    below = np.split(order, np.searchsorted(depth[order], np.arange(1, depth.max() + 1)))[1:]
    return below, connected_components(graph, connection="weak")[1]
