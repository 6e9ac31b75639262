"""Incentives: what points, levels and rewards cost, whom they move, and who takes advantage of them."""
