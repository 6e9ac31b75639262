"""Monetization: what customers earn, and what they will."""
