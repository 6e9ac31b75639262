"""Who the customers are: segments, and the markets they stand in."""
