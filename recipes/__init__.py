"""Training recipes: a main and a parser each, configs beside them."""
