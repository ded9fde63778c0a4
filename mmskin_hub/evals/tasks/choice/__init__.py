"""The ``choice`` tasks, a file a dataset: zero-shot, the likelihood of each class."""
