"""The ``paper`` tasks, a file a dataset: zero-shot as the original release did it."""
