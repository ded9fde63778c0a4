"""A figure with its words becomes a clean pair, or a reject row with a reason."""
