"""Templates of the cards that travel with datasets and models."""
