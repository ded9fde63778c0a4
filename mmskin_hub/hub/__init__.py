"""What the Hub sees of a dataset: its card, and the page a person checks it with."""
