"""The ``gen`` tasks, a file a dataset: zero-shot, the model writes an answer."""
