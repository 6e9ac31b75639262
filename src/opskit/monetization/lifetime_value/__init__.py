"""Lifetime value: who will buy again, how often, and what that is worth; and whether such forecasts come true."""

from opskit.monetization.lifetime_value.bg_nbd import BGNBD
from opskit.monetization.lifetime_value.gamma_gamma import GammaGamma
from opskit.monetization.lifetime_value.summary import summary
from opskit.monetization.lifetime_value.value import LifetimeValue, lifetime_value

__all__ = ["BGNBD", "GammaGamma", "LifetimeValue", "lifetime_value", "summary"]
