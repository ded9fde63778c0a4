"""One file per published dataset: how its rows come to be."""
