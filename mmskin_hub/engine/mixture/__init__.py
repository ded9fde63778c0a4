"""Datasets become the training mixture of a SkinVL variant: read, compared with every test split, capped, mixed.

The way through, in the order the builder ``skinvl_sft`` takes it:

``recipe``         which sources a variant has, at which weight and cap, out of one YAML file
``sources``        what ``--data NAME=…`` names: a built folder, a Hub repository, or a file of the original release
``built``          the rows of a built folder; ``release`` with ``llava``: those of JSON and CSV files with pictures
``conversations``  a caption, a question, a class name becomes what a user says and what the assistant answers
``pictures``       the names of a picture: the SHA-256 of its bytes, and its perceptual hash
``read``           every source once, front to back
``leakage``        which rows show what some test split shows
``choose``         caps, sampling weights, and the order of the rows
``instruct``       questions that say how they want to be answered
``write``          the Parquet files, one picture at a time
``tally``          what is told of it: counts that balance, leaks by test set, shares

Rows travel without their picture (:class:`mmskin_hub.engine.mixture.items.Item`); its bytes are copied once, at the
end, and are never all in memory.
"""
