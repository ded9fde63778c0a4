"""The recipe on a GPU: LLaVAs of 7B and 1B shape with random weights, with and without each speed option.

    python -m benchmarks.train_gpu [--shapes 7b 1b] [--steps 12]

Each line is a process of its own: the recipe's own ``main`` with the hyper-parameters of ``skinvl_pubmm.yaml`` (LoRA,
projector whole, tower frozen, bf16), on drawn rows of a realistic spread of lengths (:mod:`benchmarks.train_overhead`)
with 576 image tokens each. The weights are drawn on the card, so nothing has to be downloaded or read from a disk.

Tokens a second (without padding) and the peak of memory are those the recipe itself logs, of the steps after the
fourth. The share of the card's bf16 peak is model FLOPs over the rate of a large bf16 matrix product measured in the
same process: 4 FLOPs a token and language weight for LoRA (forward, and backward for the activations; weights that are
frozen need no gradient), 2 a patch and tower weight, plus attention; what checkpointing computes again is not counted
(PaLM's MFU, Chowdhery et al. 2022, appendix B, with LoRA's four instead of six).

Without a GPU it says "not measured yet". ``--shapes tiny --cpu`` tries the script out on a CPU.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import number, parse, parser, report

SHAPES: dict[str, dict[str, int]] = {
    "7b": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
           "num_key_value_heads": 8, "vocab_size": 32064},
    "1b": {"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22, "num_attention_heads": 32,
           "num_key_value_heads": 4, "vocab_size": 32064},
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 2, "vocab_size": 512},
}  # fmt: skip
"""Mistral-7B's and TinyLlama-1.1B's shape."""
TOWER = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
"""CLIP ViT-L/14-336."""
BASE: dict[str, Any] = {"gradient_checkpointing": True, "group_by_length": True, "fast_kernels": True}
OPTIONS: dict[str, dict[str, Any]] = {
    "as shipped": {},
    "no activation checkpointing": {"gradient_checkpointing": False},
    "no grouping by length": {"group_by_length": False},
    "no flash-attention, no liger": {"fast_kernels": False},
    "torch.compile": {"torch_compile": True},
    "no worker processes": {"dataloader_num_workers": 0},
}
WARM = 4


def draw(folder: Path, shape: str, rows: int) -> tuple[Path, Path]:
    """Data, and a folder with config and processor of the model but without weights."""
    import numpy as np

    from benchmarks.train_overhead import IMAGE_TOKENS, lengths
    from tests.drawing import shapes
    from tests.drawing.models import tiny_llava

    model = tiny_llava(folder / "model", side=56 if shape == "tiny" else 336)
    config = json.loads((model / "config.json").read_text())
    config["text_config"] |= {**SHAPES[shape], "head_dim": SHAPES[shape]["hidden_size"] // SHAPES[shape]
                              ["num_attention_heads"], "max_position_embeddings": 4096}  # fmt: skip
    if shape != "tiny":
        config["vision_config"] |= {**TOWER, "projection_dim": 768}
    (model / "config.json").write_text(json.dumps(config))
    (model / "model.safetensors").unlink()
    words = np.random.default_rng(1)
    made = []
    for place, length in enumerate(lengths(rows, 3).tolist()):
        # The drawn tokenizer makes about one token of three letters of nonsense.
        said = " ".join("nevus" for _ in range(max(1, (length - IMAGE_TOKENS) // 2)))
        own = shapes.row(shapes.scene(place), "colour", completion=[{"role": "assistant", "content": said}])
        made.append({**own, "id": f"drawn/{place}-{words.integers(10**6)}"})
    return shapes.write_rows(folder / "data", {"train": made}), model


def random_weights(base: Any, arguments: Any, script: Any, training: Any) -> Any:
    """In the place of the recipe's ``load_weights``: the model of the config, its weights drawn where it will run."""
    import torch
    from transformers import AutoModelForImageTextToText

    from mmskin_hub.training.load import _attention

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    attention = _attention(arguments, script, dtype)
    with torch.device(device):
        torch.set_default_dtype(dtype)
        model = AutoModelForImageTextToText.from_config(base.config, attn_implementation=attention)
        torch.set_default_dtype(torch.float32)
    model.config.use_cache = False
    if script.fast_kernels and device == "cuda":
        import importlib.util

        training.use_liger_kernel = importlib.util.find_spec("liger_kernel") is not None
    return model


def peak_flops(seconds: float = 2.0) -> float:
    """FLOPs a second of a bf16 matrix product of 8,192 × 8,192 × 8,192 on the card (a small one on a CPU)."""
    import torch

    card = torch.cuda.is_available()
    side, device = (8192, "cuda") if card else (512, "cpu")
    one, other = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    rates = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        for _ in range(20):
            one @ other
        if card:
            torch.cuda.synchronize()
        rates.append(20 * 2 * side**3 / (time.perf_counter() - began))
    return statistics.median(rates)


def flops_a_token(config: Any, length: float) -> float:
    """Model FLOPs of a LoRA step for each token of a row of ``length`` tokens, the tower's share included."""
    text, sight = config.get_text_config(), config.vision_config
    head = text.hidden_size // text.num_attention_heads
    layer = text.hidden_size * (2 * text.hidden_size + 2 * head * text.num_key_value_heads)
    layer += 3 * text.hidden_size * text.intermediate_size
    weights = text.num_hidden_layers * layer + text.hidden_size * text.vocab_size
    # Scores and their product with the values, causal: half of length² · width · 2 · 2, once forward, twice backward.
    attention = 3 * text.num_hidden_layers * 2 * length * text.hidden_size
    tower = sight.num_hidden_layers * (4 * sight.hidden_size**2 + 2 * sight.hidden_size * sight.intermediate_size)
    patches = (sight.image_size // sight.patch_size) ** 2
    return 4 * weights + attention + 2 * tower * patches / length


def one(shape: str, option: str, steps: int, batch: int) -> dict[str, Any]:
    """One line of the table, in this process."""
    import torch

    import mmskin_hub.training.load as load
    from mmskin_hub.training.arguments import read_arguments
    from recipes import sft
    from tests.recipes.running import CONFIGS, arguments

    load.load_weights = random_weights
    card = torch.cuda.is_available()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data, model = draw(folder, shape, steps * batch)
        given = {
            "data": f"skinvl_sft={data}", "model_name_or_path": model, "output_dir": folder / "out", "max_steps": steps,
            "per_device_train_batch_size": batch, "logging_steps": 1, "log_to": "none", "eval_strategy": "no",
            "save_strategy": "no", "generate_every_epoch": 0, "data_version": "1.0.0", "bf16": card,
            **BASE, **OPTIONS[option],
        }  # fmt: skip
        script, training, named = read_arguments(arguments(CONFIGS / "skinvl_pubmm.yaml", **given))
        logged: list[dict[str, float]] = []
        _listen(logged)
        sft.main(script, training, named)
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(model)
    late = [each for each in logged if "tokens_per_second" in each][WARM:]
    rate = statistics.median(each["tokens_per_second"] for each in late)
    # Mean tokens of a row: what comes in a second, over the rows that do.
    length = statistics.mean(each["tokens_per_second"] / each["samples_per_second"] for each in late)
    peak = peak_flops()
    memory = torch.cuda.max_memory_allocated() / 1e9 if card else max(each["memory_gb"] for each in late)
    return {
        "tokens_a_second": rate, "share_of_peak": rate * flops_a_token(config, length) / peak,
        "peak_tflops": peak / 1e12, "memory_gb": memory, "tokens_a_row": length,
        "padding_share": statistics.mean(each["padding_share"] for each in late),
    }  # fmt: skip


def _listen(logged: list[dict[str, float]]) -> None:
    """Have every log line of the run put into ``logged``."""
    from transformers import TrainerCallback

    import mmskin_hub.training.watch as watch

    class Ear(TrainerCallback):  # type: ignore[misc]
        """Hears the trainer's log."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            logged.append(dict(logs))

    made = watch.make_callbacks
    watch.make_callbacks = lambda *args: [*made(*args), Ear()]


def table(shapes: list[str], steps: int, batches: list[int]) -> dict[str, dict[str, Any]]:
    """Each line in a process of its own; one that fails (no memory, say) is told as such."""
    found: dict[str, dict[str, Any]] = {}
    for shape in shapes:
        for option in OPTIONS:
            for batch in batches:
                command = [sys.executable, "-m", "benchmarks.train_gpu", "--one", shape, option, str(steps), str(batch)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                name = f"{shape}, {option}, {batch} rows"
                lines = [line for line in done.stdout.splitlines() if line.startswith('{"tokens_a_second"')]
                found[name] = json.loads(lines[-1]) if lines else {"failed": (done.stderr.strip() or "?")[-300:]}
                print(f"{name}: {found[name]}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """The whole table, or one line of it."""
    made = parser(__doc__)
    made.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=["7b", "1b"], help="default: 7b 1b")
    made.add_argument("--steps", type=int, default=12, help="steps of each line (default: %(default)s)")
    made.add_argument("--batches", type=int, nargs="+", default=[16], help="rows a step (default: 16)")
    made.add_argument("--cpu", action="store_true", help="go on without a GPU: to try the script out")
    made.add_argument("--one", nargs=4, metavar=("SHAPE", "OPTION", "STEPS", "ROWS"), help="one line, in this process")
    args = parse(made)
    if args.one:
        shape, option, steps, batch = args.one
        print(json.dumps(one(shape, option, int(steps), int(batch))), flush=True)
        return
    import torch

    if not torch.cuda.is_available() and not args.cpu:
        report(args, "train_gpu", {"measured": False}, [("training on a GPU", "", "not measured yet", "no GPU here")])
        return
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    found = table(args.shapes, args.steps, args.batches)
    rows = [
        (f"training, {name}", "", said.get("failed", "")[-80:] or f"{said['tokens_a_second']:,.0f} tokens a second",
         "" if "failed" in said else f"{said['share_of_peak']:.0%} of {said['peak_tflops']:.0f} TFLOP/s, "
         f"{said['memory_gb']:.1f} GB, padding {said['padding_share']:.1%}; {card}, torch {torch.__version__}")
        for name, said in found.items()
    ]  # fmt: skip
    figures = {
        name: {k: number(v) if isinstance(v, float) else v for k, v in said.items()} for name, said in found.items()
    }
    report(args, "train_gpu", {"card": card, "lines": figures}, rows)


if __name__ == "__main__":
    main()
