"""Loyalty: what makes customers stay, and how to tell."""
