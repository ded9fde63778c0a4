"""The likelihood of every choice after one picture and one prompt, each read once.

The prompt is read first, by the model's own forward pass, as it reads any prompt: its picture, mask and positions are
the model's business. Its keys and values stay in a cache. Then come the choices, in one of two ways:

``packed``
    All choices of a sample in one row behind the cached prompt, in one more forward pass. Choices that begin alike
    share their first tokens (they form a tree), the last token of a choice need not be read, and a single-token
    choice costs nothing. A four-dimensional mask lets a token see the prompt and what comes before it in its own
    choice; its position is that of the choice read alone. See :mod:`~mmskin_hub.evals.model.tree`.
``cached``
    The cache is copied for a few choices at a time, each a row of its own under the model's own mask. For attention
    that takes no mask of ours (flash), chunked or recurrent layers.

:meth:`Reader.alone` reads prompt and choice in one whole forward pass a choice: slow, and by definition right. The
others are compared with it on the first sample of every run, and in the tests.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmskin_hub.evals.model.api import Scores
from mmskin_hub.evals.model.images import Pictures
from mmskin_hub.evals.model.inputs import Batch
from mmskin_hub.evals.model.tree import Tokens, grow, places, score, visible

AT_ONCE = 8
"""Copies of the prompt's cache held together by ``cached``: 80 MB each at 600 tokens of Mistral-7B."""
ANSWER_TYPE = {"paligemma": 1}
"""The token type of an answer where it is not 0: PaliGemma reads everything of type 0 both ways."""
PACKABLE = {"full_attention", "sliding_attention"}


@dataclass(frozen=True, slots=True)
class Prompted:
    """A batch whose prompts were read: the ``logits`` after the last token [samples, vocabulary], the ``cache``, the
    position of the ``following`` token [samples], and the ``positions`` of the prompts' tokens along the text
    [samples, tokens]."""

    logits: Any
    cache: Any
    following: Any
    positions: Any


class Reader:
    """Reads prompts and choices with one model; ``pictures`` hands its pictures in."""

    def __init__(self, model: Any, pictures: Pictures) -> None:
        self.model = model
        self.pictures = pictures
        self._core = getattr(model, "model", model)
        self._text = model.config.get_text_config()
        self._accepts = frozenset(inspect.signature(model.forward).parameters)
        self._rope_index = getattr(self._core, "get_rope_index", None)

    @property
    def packs(self) -> bool:
        """Whether the architecture can take choices side by side: plain attention, full or sliding, with our mask."""
        attention = getattr(self.model.config, "_attn_implementation", "eager")
        kinds = set(getattr(self._text, "layer_types", None) or ["full_attention"])
        return attention in ("sdpa", "eager") and kinds <= PACKABLE and "position_ids" in self._accepts

    def read(self, batch: Batch, plain_cache: bool = False, pixels: bool = False) -> Prompted:
        """Read the prompts of ``batch``.

        ``plain_cache`` keeps the keys of the whole prompt in every layer, also in those whose attention slides: ours
        is the mask then. ``pixels`` hands no encoded pictures in.
        """
        from transformers import DynamicCache

        given = {**batch.extras, **self.pictures.arguments(batch.items, pixels)}
        along = (batch.attention.cumsum(dim=1) - 1).clamp(min=0)
        positions = self._positions(batch, along, given)
        if "position_ids" in self._accepts:
            given["position_ids"] = positions
        if plain_cache:
            given["past_key_values"] = DynamicCache()
        out = self.model(input_ids=batch.ids, attention_mask=batch.attention, use_cache=True, **given, **self._last(1))
        following = positions.amax(dim=(0, 2)) if positions.dim() == 3 else positions.amax(dim=1)
        return Prompted(out.logits[:, -1], out.past_key_values, following + 1, along)

    def packed(self, batch: Batch, choices: Sequence[Tokens]) -> list[Scores]:
        """The scores of ``choices[s]`` after sample ``s`` of ``batch``: one forward pass for all of them."""
        import torch

        read = self.read(batch, plain_cache=True)
        trees = [grow(each) for each in choices]
        size = max(len(tree.tokens) for tree in trees)
        if size == 0:
            return [score(read.logits[s, None], choices[s], trees[s].sources) for s in range(len(trees))]
        device = batch.ids.device
        ids = torch.zeros((len(trees), size), dtype=torch.long)
        for row, tree in enumerate(trees):
            ids[row, : len(tree.tokens)] = torch.tensor(tree.tokens, dtype=torch.long)
        behind = torch.stack([places(tree, size) for tree in trees]).to(device)
        sees = torch.stack([visible(tree, size) for tree in trees]).to(device)
        positions = read.following[:, None] + behind
        out = self.model(
            input_ids=ids.to(device),
            attention_mask=self._masks(batch, read, sees, behind),
            position_ids=positions if self._rope_index is None else positions[None].expand(3, -1, -1),
            past_key_values=read.cache,
            use_cache=True,
        )
        found = []
        for s, tree in enumerate(trees):
            rows = torch.cat([read.logits[s, None], out.logits[s, : len(tree.tokens)]])
            found.append(score(rows, choices[s], tree.sources))
        return found

    def cached(self, batch: Batch, choices: Sequence[Tokens]) -> list[Scores]:
        """As :meth:`packed`, with the prompt's cache copied for :data:`AT_ONCE` choices at a time."""
        import torch

        read = self.read(batch)
        rows: list[list[Any]] = [[] for _ in choices]
        most = max(len(each) for each in choices)
        for start in range(0, most, AT_ONCE):
            # Every sample takes as many rows; where one has fewer choices, its last one is read again and not used.
            some = [
                [each[min(start + k, len(each) - 1)] for k in range(min(AT_ONCE, most - start))] for each in choices
            ]
            width = max(len(choice) - 1 for each in some for choice in each)
            logits = self._continued(batch, read, some, width) if width else None
            for s, each in enumerate(some):
                for k, choice in enumerate(each[: max(0, len(choices[s]) - start)]):
                    first = read.logits[s, None]
                    behind = first[:0] if logits is None else logits[s * len(each) + k, : len(choice) - 1]
                    rows[s].append(_one(torch.cat([first, behind]), choice))
        return [_joined(each) for each in rows]

    def alone(self, batch: Batch, choices: Tokens) -> Scores:
        """The scores of ``choices`` after the only sample of ``batch``, by one whole forward pass a choice, from
        pixels, under the model's own mask and positions."""
        import torch

        found = []
        for choice in choices:
            more = torch.tensor([choice], dtype=torch.long, device=batch.ids.device)
            kind = ANSWER_TYPE.get(self.model.config.model_type, 0)
            extras = {name: _wider(tensor, len(choice), kind) for name, tensor in batch.extras.items()}
            out = self.model(
                input_ids=torch.cat([batch.ids, more], dim=1),
                attention_mask=torch.cat([batch.attention, torch.ones_like(more)], dim=1),
                use_cache=False,
                **extras,
                **self.pictures.arguments(batch.items, pixels=True),
                **self._last(len(choice) + 1),
            )
            found.append(_one(out.logits[0, -len(choice) - 1 : -1], choice))
        return _joined(found)

    def _continued(self, batch: Batch, read: Prompted, some: Sequence[Tokens], width: int) -> Any:
        """The logits of a few choices a sample, each in a row of its own: [samples * choices, width, vocabulary]."""
        import torch

        count = len(some[0])
        cache = copies(read.cache, count)
        device = batch.ids.device
        ids = torch.zeros((len(some) * count, width), dtype=torch.long)
        for row, choice in enumerate(choice for each in some for choice in each):
            ids[row, : len(choice) - 1] = torch.tensor(choice[:-1], dtype=torch.long)
        given: dict[str, Any] = {}
        if "position_ids" in self._accepts:
            steps = torch.arange(width, device=device)
            positions = (read.following[:, None] + steps).repeat_interleave(count, dim=0)
            given["position_ids"] = positions if self._rope_index is None else positions[None].expand(3, -1, -1)
        ahead = batch.attention.repeat_interleave(count, dim=0)
        mask = torch.cat([ahead, torch.ones((len(ids), width), dtype=ahead.dtype, device=device)], dim=1)
        out = self.model(input_ids=ids.to(device), attention_mask=mask, past_key_values=cache, use_cache=True, **given)
        return out.logits

    def _masks(self, batch: Batch, read: Prompted, sees: Any, behind: Any) -> Any:
        """What the nodes see of prompt and choices, as numbers added to the attention: [samples, 1, nodes, all].

        Where layers slide as well as not, one such mask for each kind. Distances are those of the text, as if each
        choice stood alone behind its prompt.
        """
        import torch

        count, size = behind.shape
        prompt = batch.attention.bool()[:, None, :].expand(-1, size, -1)
        whole = torch.cat([prompt, sees], dim=2)
        mine = batch.lengths[:, None] + behind
        distance = mine[:, :, None] - torch.cat([read.positions, mine], dim=1)[:, None, :]
        kinds = getattr(self._text, "layer_types", None)
        window = getattr(self._text, "sliding_window", None)
        sliding = whole & (distance < window) if window else whole
        by_kind = {"full_attention": whole, "sliding_attention": sliding}
        masks = {}
        for kind in set(kinds) if kinds else {"sliding_attention"}:
            # Mistral has a window and no kinds of layers: the window is everywhere then.
            mask = torch.zeros((count, 1, size, whole.shape[2]), dtype=self.model.dtype, device=whole.device)
            masks[kind] = mask.masked_fill_(~by_kind[kind][:, None], torch.finfo(self.model.dtype).min)
        return masks if len(masks) > 1 else next(iter(masks.values()))

    def _positions(self, batch: Batch, along: Any, given: dict[str, Any]) -> Any:
        """The positions of the prompts' tokens: along the text, or in three dimensions as Qwen-VL counts them."""
        if self._rope_index is None or not any(name.endswith("_grid_thw") for name in given):
            return along
        takes = inspect.signature(self._rope_index).parameters
        known = {**batch.extras, **given, "attention_mask": batch.attention}
        positions, _ = self._rope_index(batch.ids, **{name: known[name] for name in takes if name in known})
        return positions

    def _last(self, count: int) -> dict[str, int]:
        """Ask for the logits of the last ``count`` tokens only, where the model can."""
        return {"logits_to_keep": count} if "logits_to_keep" in self._accepts else {}


def copies(cache: Any, count: int) -> Any:
    """``cache`` with every sample ``count`` times, one after the other; ``cache`` itself stays as it is.

    Layers that only ever add to their keys and values share them: of one sample nothing is copied here.
    """
    if not all(type(layer).__name__ in ("DynamicLayer", "DynamicSlidingWindowLayer") for layer in cache.layers):
        repeated = copy.deepcopy(cache)
        repeated.batch_repeat_interleave(count)
        return repeated
    repeated = copy.copy(cache)
    repeated.layers = [copy.copy(layer) for layer in cache.layers]
    for layer in repeated.layers:
        for name in ("keys", "values"):
            tensor = getattr(layer, name)
            setattr(layer, name, tensor[:, None].expand(-1, count, *tensor.shape[1:]).flatten(0, 1))
    return repeated


def _one(logits: Any, choice: tuple[int, ...]) -> Scores:
    """The score of one choice from the logits that predict its tokens [tokens, vocabulary]."""
    return score(logits, [choice], [tuple(range(-1, len(choice) - 1))])


def _joined(scores: Sequence[Scores]) -> Scores:
    return Scores(
        tuple(each.loglik[0] for each in scores),
        tuple(each.tokens[0] for each in scores),
        tuple(each.greedy[0] for each in scores),
    )


def _wider(tensor: Any, count: int, value: int) -> Any:
    import torch

    return torch.cat([tensor, tensor.new_full((len(tensor), count), value)], dim=1)


def furthest(one: Scores, other: Scores, by_token: bool = False) -> float:
    """The largest difference of log-probability between two scorings of the same choices, in nats (a token, where
    ``by_token``); NaN with a NaN."""
    sizes = one.tokens if by_token else (1,) * len(one.tokens)
    gaps = [abs(a - b) / size for a, b, size in zip(one.loglik, other.loglik, sizes, strict=True)]
    return math.nan if any(math.isnan(gap) for gap in gaps) else max(gaps)
