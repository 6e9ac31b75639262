"""Acquisition: what brings customers, what it costs, and which channel causes what."""
