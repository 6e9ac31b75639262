"""The sample shop: a fictional shop of any size whose truth is known."""

from opskit.sample.shop import write

__all__ = ["write"]
