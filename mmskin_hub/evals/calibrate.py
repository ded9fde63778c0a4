"""What a model believes of the classes when there is nothing to see: the measure of its bias towards some of them.

Source: Zhao Z et al. Calibrate before use: improving few-shot performance of language models. ICML 2021
(arXiv:2102.09690): the belief in a class is divided by that without content (W = diag(p)^-1). The content-free input is
a picture here. Reported beside the plain scores, never in their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.evals.metrics import softmax
from mmskin_hub.evals.protocol import Protocol, choices

if TYPE_CHECKING:
    from mmskin_hub.evals.model.api import Scorer

GREYS = (0, 127, 255)
"""The pictures without content: black, grey, white. One alone would have a bias of its own."""
SIDE = 336
"""Their width and height in pixels."""


def content_free(p: Protocol, prompts: Sequence[str], scorer: Scorer) -> NDArray[np.float64]:
    """Log-probabilities of the classes of ``p`` under each prompt, (prompts, classes), nats: the mean belief over the
    pictures without content. Raises what ``scorer.choose`` raises."""
    from PIL import Image

    from mmskin_hub.evals.model.api import Ask

    pictures = [Image.new("RGB", (SIDE, SIDE), (grey, grey, grey)) for grey in GREYS]
    asks = [
        Ask(f"{p.task} without content ({grey})", prompt, (image,))
        for prompt in prompts
        for grey, image in zip(GREYS, pictures, strict=True)
    ]
    scores = scorer.choose(asks, [choices(p)] * len(asks))
    belief = softmax(np.array([each.loglik for each in scores]))
    found: NDArray[np.float64] = np.log(belief.reshape(len(prompts), len(GREYS), -1).mean(axis=1))
    return found
