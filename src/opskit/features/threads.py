"""How many threads a model may use."""

from collections.abc import Generator
from contextlib import contextmanager

SMALL = 100_000  # rows


@contextmanager
def threads(rows: int) -> Generator[None]:
    """Lets models of a small table use one thread.

    They gain nothing from more, and while another process wants the processors too, threads that wait for each other
    make a fit ten times slower: several reports at once, or tests on all cores.

    Args:
        rows: Rows of the table; from 100,000 on a model may use all cores.
    """
    from importlib import import_module

    from threadpoolctl import threadpool_limits

    import_module("sklearn.ensemble")  # only what is loaded can be limited
    with threadpool_limits(limits=1 if rows < SMALL else None):
        yield
