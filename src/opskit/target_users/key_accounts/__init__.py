"""Key accounts: who they are by clear rules, what they earn after serving them, and how far the business hangs on them."""

from opskit.target_users.key_accounts.cards import cards, owners
from opskit.target_users.key_accounts.dependency import by_review, dependency, losing, ranking
from opskit.target_users.key_accounts.estimates import equal_accounts, held_by_top, ratio
from opskit.target_users.key_accounts.figures import (
    plot_cards,
    plot_dependency,
    plot_kept,
    plot_luck,
    plot_moves,
    plot_ranking,
    plot_whale,
)
from opskit.target_users.key_accounts.findings import claims, count, decisions, key_figures, recovery
from opskit.target_users.key_accounts.holdout import kept, luck
from opskit.target_users.key_accounts.ledger import Ledger, by_account, ledger
from opskit.target_users.key_accounts.movement import listings, moves
from opskit.target_users.key_accounts.periods import Periods, Span, periods
from opskit.target_users.key_accounts.rules import Rules, key_accounts, met, reviewed
from opskit.target_users.key_accounts.whale import Whale, whale_curve
from opskit.target_users.segments import where_enough
from opskit.truth import beside_truth

__all__ = [
    "Ledger",
    "Periods",
    "Rules",
    "Span",
    "Whale",
    "beside_truth",
    "by_account",
    "by_review",
    "cards",
    "claims",
    "count",
    "decisions",
    "dependency",
    "equal_accounts",
    "held_by_top",
    "kept",
    "key_accounts",
    "key_figures",
    "ledger",
    "listings",
    "losing",
    "luck",
    "met",
    "moves",
    "owners",
    "periods",
    "plot_cards",
    "plot_dependency",
    "plot_kept",
    "plot_luck",
    "plot_moves",
    "plot_ranking",
    "plot_whale",
    "ranking",
    "ratio",
    "recovery",
    "reviewed",
    "whale_curve",
    "where_enough",
]
