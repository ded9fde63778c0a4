"""Records as builds, trainings and evaluations leave them: real ones of drawn data, and whole ones of models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmskin_hub.builders import skinvl_sft
from mmskin_hub.engine.public.build import Request, build
from mmskin_hub.registry import DATASETS
from tests.builders.drawn_public import lay, picture, table
from tests.engine.mixture.drawn import mm_skin

TONES = ("12", "34", "56")


def ddi(folder: Path, rows: int = 40) -> Path:
    """A drawn DDI, built: every skin tone, both classes."""
    lines = [
        (n, f"{n:06d}.png", TONES[n % 3], n % 4 == 0, "melanoma" if n % 4 == 0 else "melanocytic-nevi")
        for n in range(1, rows + 1)
    ]
    head = ("DDI_ID", "DDI_file", "skin_tone", "malignant", "disease")
    files = {f"{n:06d}.png": picture(("ddi", n), kind="PNG") for n in range(1, rows + 1)}
    raw = lay(folder / "raw", {"ddi_metadata.csv": table(head, lines), **files})
    build(DATASETS["ddi"].load().SPEC, Request(raw, folder / "ddi", "1.0.0"))
    return folder / "ddi"


def mixture(folder: Path, public: Path) -> Path:
    """A mixture of it and a drawn MM-Skin."""
    books = mm_skin(folder / "mm")
    data = (f"mm_skin={books}", f"ddi={public}")
    skinvl_sft.build(skinvl_sft.Request("pubmm", data, folder / "pubmm", "1.2.0"))
    return folder / "pubmm"


def record_of(folder: Path) -> dict[str, Any]:
    """The ``build.json`` of ``folder``."""
    found: dict[str, Any] = json.loads((folder / "build.json").read_text(encoding="utf-8"))
    return found


def figure(value: float = 0.6) -> dict[str, float]:
    """A figure with its interval."""
    return {"value": value, "low": value - 0.05, "high": value + 0.05}


def books() -> dict[str, Any]:
    """The ``build.json`` of a dataset built from books, with everything in it."""
    return {
        "dataset": "mm_skin",
        "version": "1.2.0",
        "options": {"configs": ["captions", "open_vqa"], "ocr": "auto", "min_size": 96, "vqa": "rules"},
        "tools": {"python": "3.11.7", "pymupdf": "1.27.0"},
        "inputs": [
            {"name": "secret name.pdf", "sha256": "ab" * 32, "size": 10, "pages": 30},
            {"name": "broken.pdf", "sha256": "cd" * 32, "size": 0, "pages": 0, "rejected": "empty_file"},
        ],
        "counts": {
            "books": {"given": 2, "read": 1, "rejected": 1},
            "pages": 30, "scanned_pages": 7, "pictures": 12, "panel_extra": 1, "pairs": 9, "published": 6,
            "figures": 5, "rejected_pictures": 4, "rejected_pairs": 3, "rejects": {"no_caption": 4, "annotated": 3},
            "modalities": {"clinical": 4, "dermoscopic": 2, "pathology": 0},
            "splits": {"train": 4, "validation": 1, "test": 1},
            "split_modalities": {"train": {"clinical": 3, "dermoscopic": 1}, "test": {"clinical": 1}},
            "questions": {
                "writer": "rules", "pictures": 6, "asked": 5, "not_asked": {"short": 1}, "written": 15,
                "published": 12, "rejected": {"ungrounded": 2, "cause": 1}, "closed": 6, "yes": 3, "no": 3,
                "types": {"diagnosis": 7, "colour": 5},
            },
        },
        "configs": {
            "captions": {"train": {"rows": 4, "bytes": 900}, "test": {"rows": 2, "bytes": 100}},
            "open_vqa": {"train": {"rows": 9, "bytes": 950}, "test": {"rows": 3, "bytes": 150}},
        },
        "files": {
            "captions/train-00000-of-00001.parquet": {"sha256": "0" * 64, "size": 1000},
            "captions/test-00000-of-00001.parquet": {"sha256": "0" * 64, "size": 500},
            "open_vqa/train-00000-of-00001.parquet": {"sha256": "0" * 64, "size": 1100},
            "open_vqa/test-00000-of-00001.parquet": {"sha256": "0" * 64, "size": 600},
            "rejects.parquet": {"sha256": "0" * 64, "size": 77},
        },
        "run": {"workers": 2, "seconds": 17.0},
    }  # fmt: skip


def run(**changes: Any) -> dict[str, Any]:
    """The ``run.json`` of a LoRA training that was merged, with everything in it."""
    record: dict[str, Any] = {
        "form": 1,
        "status": "finished",
        "data": {
            "sources": [{"name": "skinvl_sft", "kind": "hub", "repository": "me/pubmm", "revision": "v1.2.0",
                         "commit": "c" * 40, "dataset": "skinvl_sft", "version": "1.2.0"}],
            "counts": {
                "train": {"read": 400, "used": 390, "too_long": 4, "capped": 6, "tokens": 35_900, "learned": 2_030,
                          "longest": 250, "pools": {"ddi/default": 390}},
                "validation": {"read": 80, "used": 80, "too_long": 0, "capped": 0, "tokens": 8_300, "learned": 518,
                               "longest": 250, "pools": {"ddi/default": 80}},
            },
        },
        "base": {
            "name": "/models/llava-med", "sha256": {"model.safetensors": "9" * 64},
            "converted_from": {"folder": "f" * 40, "architecture": "LlavaMistralForCausalLM",
                               "repository": "microsoft/llava-med-v1.5-mistral-7b", "revision": "f" * 40},
        },
        "configuration": {
            "script": {"data": ["skinvl_sft=me/pubmm@v1.2.0"], "variant": "pubmm", "train_projector": True,
                       "open_vision_tower": False, "projector_learning_rate": 2e-5, "vision_learning_rate": None,
                       "use_row_weights": True, "weights": None, "caps": {"ddi": 100}, "group_by_length": True},
            "training": {"learning_rate": 5e-5, "lr_scheduler_type": "cosine", "warmup_steps": 0.02,
                         "optim": "adamw_torch_fused", "weight_decay": 0.01, "max_grad_norm": 1.0,
                         "num_train_epochs": 1.0, "max_steps": -1, "per_device_train_batch_size": 16,
                         "gradient_accumulation_steps": 1, "max_length": 2048, "bf16": True, "fp16": False,
                         "gradient_checkpointing": True},
            "model": {"use_peft": True, "lora_r": 128, "lora_alpha": 64, "lora_dropout": 0.05, "use_rslora": False,
                      "use_dora": False, "load_in_4bit": False, "load_in_8bit": False, "dtype": "bfloat16"},
        },
        "versions": {"python": "3.11.7", "torch": "2.15.0", "transformers": "5.23.0"},
        "seed": 42,
        "data_seed": None,
        "sessions": [
            {"began": "2026-11-20T08:43:31+00:00", "processes": 2, "machines": 1, "seconds": 17.1},
            {"began": "2026-11-21T08:43:31+00:00", "processes": 2, "machines": 1, "seconds": 19.1,
             "hardware": [{"cores": 16, "memory_gb": 128.5, "processor": "A Processor", "system": "Linux",
                           "processes": 2, "accelerator": {"name": "An Accelerator", "memory_gb": 79.5}}]},
        ],
        "hours": 12.5,
        "energy": {
            "kwh": 3.21, "covers": ["cpu", "gpu"], "without": "cooling (PUE), memory, disks, network",
            "parts": {"gpu": {"kwh": 3.0, "source": "NVML total energy counter", "estimate": False},
                      "cpu": {"kwh": 0.21, "source": "estimate: core seconds x TDP / cores", "estimate": True}},
        },
        "result": {"step": 800, "steps": 800, "epoch": 1.0, "loss": 1.25, "train_loss": 1.31, "eval_loss": 1.42},
        "weights": {"adapter_model.safetensors": "7" * 64},
        "merge": {
            "base": {"name": "llava-med", "revision": None, "sha256": {"model.safetensors": "9" * 64}},
            "adapter": {"name": "skinvl", "sha256": {"adapter_model.safetensors": "7" * 64}, "r": 128},
            "result": {"model-00001-of-00002.safetensors": "5" * 64, "model-00002-of-00002.safetensors": "6" * 64},
            "dtype": "bfloat16", "merged_in": "float32", "questions": 12, "largest_logit": 21.5,
            "effect_of_adapter": 3.4, "rounding_floor": 2e-5, "adapter_vs_merged": 1e-5, "rounding_to_dtype": 0.05,
            "merged_vs_reloaded": 2e-7,
        },
    }  # fmt: skip
    return {**record, **changes}


def task(kind: str, dataset: str, where: str, revision: str, mode: str = "strict") -> dict[str, Any]:
    """One task of a ``results.json``."""
    names = {
        "gen": ("accuracy", "balanced_accuracy", "macro_f1", "unmatched"),
        "choice": ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "unmatched"),
        "vqa": ("exact_match", "token_f1", "rouge_l", "meteor"),
    }[kind]
    main = "token_f1" if kind == "vqa" else "balanced_accuracy"
    group = {"n": 44, "clusters": 40, "small": False, main: figure()}
    found: dict[str, Any] = {
        "kind": kind,
        "mode": mode,
        "version": "1.0",
        "data": {"dataset": dataset, "where": where, "split": "test", "revision": revision, "rows": 66,
                 "left_out": {"no_label": 3}},
        "classes": ["Non-Malignant", "Malignant"],
        "samples": 66,
        "outcomes": {"matched": 60, "none": 6},
        "metrics": {"n": 66, "clusters": 60, "few_clusters": False, **{name: figure() for name in names}},
        "slices": {
            "skin_tone": {
                "groups": [{**group, "value": "I-II"}, {**group, "value": "V-VI", "small": True}],
                "worst": {main: {"value": "V-VI", "n": 22, "figure": 0.4}},
                "gap": {main: 0.2},
            }
        },
        "seconds": 6.1,
        "file": "samples.parquet",
        "overlap": {"samples": 5, "without": None if kind == "vqa" else {"balanced_accuracy": 0.55}},
    }  # fmt: skip
    if kind != "choice":
        found["generation"] = {"do_sample": False, "num_beams": 1, "max_new_tokens": 64}
    return found


def results(**changes: Any) -> dict[str, Any]:
    """A ``results.json``: a dataset of the Hub, a local one, questions, and a task of the original release."""
    hub = ("me/ddi@v1.0.0", "d" * 40)
    record: dict[str, Any] = {
        "format": 1,
        "mmskin_hub": "0.1.0",
        "model": {"name": "merged", "revision": f"sha256:{'a' * 64}", "weights": f"sha256:{'a' * 64}"},
        "settings": {"tasks": ["skinvl8"], "limit": None, "seed": 0},
        "packages": {"torch": "2.15.0"},
        "tasks": {
            "mmskin_ddi_gen": task("gen", "ddi", *hub),
            "mmskin_ddi_choice": task("choice", "ddi", *hub),
            "mmskin_ham10000_gen": task("gen", "ham10000", "ham10000", "e" * 64),
            "mmskin_vqa_open": task("vqa", "mm_skin", "me/mm-skin@v1.0.0", "b" * 40),
            "mmskin_ddi_paper": task("gen", "ddi", *hub, mode="paper"),
        },
        "means": [],
        "audit": {
            "sha256": "1" * 64,
            "train": [{"name": "pubmm", "rows": 470}],
            "against": [{"name": "ddi", "rows": 66}],
            "counts": [{"train": "pubmm", "test": "ddi", "kind": "near_duplicate", "train_rows": 4, "test_rows": 5,
                        "meaning": "nearly the same", "here": True, "fixed": False}],
            "unaudited": ["ham10000"],
        },
        "seconds": 44.0,
    }  # fmt: skip
    return {**record, **changes}
