"""Choices side by side: which of their tokens are read, what each may see, where it stands, and what they score.

The choices of a sample form a tree behind the prompt, in which common beginnings are shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmskin_hub.evals.model.api import Scores

Tokens = Sequence[tuple[int, ...]]
"""The choices of one sample, as token ids."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Choices with their common beginnings shared; the nodes are the tokens that must be read.

    ``tokens`` and ``depths`` are those of the nodes (depth 0 comes right after the prompt), ``parents`` their
    predecessors (-1 is the prompt). ``sources[c][i]`` is the node that predicts token ``i`` of choice ``c``.
    """

    tokens: tuple[int, ...]
    depths: tuple[int, ...]
    parents: tuple[int, ...]
    sources: tuple[tuple[int, ...], ...]


def grow(choices: Tokens) -> Tree:
    """The tree of ``choices``, which have at least one token each."""
    nodes: dict[tuple[int, ...], int] = {}
    parents: list[int] = []
    sources = []
    for choice in choices:
        path = [-1]
        for end in range(1, len(choice)):
            if choice[:end] not in nodes:
                nodes[choice[:end]] = len(nodes)
                parents.append(path[-1])
            path.append(nodes[choice[:end]])
        sources.append(tuple(path))
    tokens = tuple(beginning[-1] for beginning in nodes)
    depths = tuple(len(beginning) - 1 for beginning in nodes)
    return Tree(tokens, depths, tuple(parents), tuple(sources))


def visible(tree: Tree, size: int) -> Any:
    """Which nodes see which: bool [size, size], true for a node itself and those before it in its own choice.

    Rows from the number of nodes up to ``size`` are padding, which sees itself only.
    """
    import torch

    seen = torch.eye(size, dtype=torch.bool)
    for node, parent in enumerate(tree.parents):
        if parent >= 0:
            seen[node] |= seen[parent]
    return seen


def places(tree: Tree, size: int) -> Any:
    """How far behind the prompt each node stands in its own choice: int64 [size], 0 for the first token."""
    import torch

    return torch.tensor([*tree.depths, *[0] * (size - len(tree.depths))], dtype=torch.long)


def score(logits: Any, choices: Tokens, sources: Sequence[tuple[int, ...]]) -> Scores:
    """The scores of ``choices`` from ``logits`` [1 + nodes, vocabulary], where row 0 is the prompt's and row n + 1 that
    of node n."""
    import torch

    values = logits.float()
    norms = torch.logsumexp(values, dim=-1)
    best = values.argmax(dim=-1)
    rows = torch.tensor([node + 1 for path in sources for node in path], device=values.device)
    tokens = torch.tensor([token for choice in choices for token in choice], device=values.device)
    # One transfer for all: a sum in float64 on the CPU, the same for any batch.
    told = (values[rows, tokens] - norms[rows]).double().cpu().tolist()
    right = (best[rows] == tokens).cpu().tolist()
    loglik, greedy, start = [], [], 0
    for choice in choices:
        end = start + len(choice)
        loglik.append(sum(told[start:end]))
        greedy.append(all(right[start:end]))
        start = end
    return Scores(tuple(loglik), tuple(len(choice) for choice in choices), tuple(greedy))
