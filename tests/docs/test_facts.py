"""The tables of the pages name what the code has, all of it."""

from __future__ import annotations

import configparser
import re

from mmskin_hub.registry import PUBLIC
from mmskin_hub.schema import REJECT_REASONS, captions_features, open_vqa_features, public_features
from tests.docs.pages import ROOT, code, prose


def words(page: str) -> set[str]:
    """Every word that a page sets as code."""
    return {word for text in code(ROOT / "docs" / page) for word in re.split(r"[\s,]+", text)}


def test_reasons_and_columns() -> None:
    from mmskin_hub.engine.mixture.items import LEAKS, mixture_features
    from mmskin_hub.engine.public.spec import REASONS

    build, mixtures = words("build.md"), words("mixtures.md")
    assert REJECT_REASONS.keys() | REASONS.keys() <= build
    assert captions_features().keys() | open_vqa_features().keys() <= build
    assert public_features(()).keys() <= build
    assert set(LEAKS) | mixture_features().keys() <= mixtures


def test_extras() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    assert set(config["options.extras_require"]) <= words("README.md")


def test_recipes_and_configs_of_accelerate() -> None:
    assert {path.stem for path in (ROOT / "recipes" / "configs").glob("*.yaml")} <= words("training.md")
    assert {path.stem for path in (ROOT / "recipes" / "accelerate").glob("*.yaml")} <= words("scaling.md")


def test_groups_of_tasks_and_kinds_of_overlap() -> None:
    from mmskin_hub.evals.answers import Outcome
    from mmskin_hub.evals.overlap.rows import KINDS
    from mmskin_hub.evals.probes import GROUPS as PROBES
    from mmskin_hub.evals.protocol import GROUPS

    assert GROUPS.keys() | PROBES.keys() | KINDS.keys() | {each.value for each in Outcome} <= words("evaluation.md")


def test_checks_of_the_gate() -> None:
    from mmskin_hub.hub.gate import checks

    assert checks("dataset").keys() | checks("model").keys() <= words("release.md")


def test_every_public_dataset_has_its_class_of_rights() -> None:
    from mmskin_hub.hub.rights import source_of

    rows = dict(re.findall(r"^\| (open|attribution|agreement|none) \| (?!whole|as a)(.+) \|$", text(), re.MULTILINE))
    for name in PUBLIC:
        spelled = {"ham10000": "HAM10000", "isic2019": "ISIC2019", "pad_ufes_20": "PAD-UFES-20", "patch16": "PATCH16",
                   "fitzpatrick17k": "Fitzpatrick17k", "dermnet": "Dermnet", "derm1m": "Derm1M",
                   "mm_skin_release": "mm_skin_release"}.get(name, name.upper())  # fmt: skip
        assert spelled in rows[source_of(name).redistribution], name


def text() -> str:
    """The page about rights."""
    return prose(ROOT / "docs" / "rights.md")


def test_flags_of_the_original_script_stand_in_the_recipe() -> None:
    recipe = (ROOT / "recipes" / "configs" / "skinvl_pubmm.yaml").read_text(encoding="utf-8")
    page = prose(ROOT / "docs" / "from_the_original_scripts.md")
    flags = set(re.findall(r"script: (--\w+)", recipe))
    assert len(flags) >= 20
    assert flags <= set(re.findall(r"--\w+", page))
    rows = re.findall(r"^\|.*\|$", page.partition("## finetune_lora.sh")[2].partition("\n## ")[0], re.MULTILINE)
    settings = set(re.findall(r"`(\w+: [^`]+)`", "\n".join(rows)))
    assert len(settings) >= 20
    assert all(re.search(rf"^{re.escape(setting)}(?:\s|$)", recipe, re.MULTILINE) for setting in settings)


ORIGINAL = {
    "ZS_classification.py": "experiment model_path model-base model-name load-8bit load-4bit temperature top_p "
    "num_beams image-folder conv_mode result-path",
    "SFT_classification.py": "experiment model_path result_dir",
    "VQA_test.py": "model-path model-base model-name result-dir conv-mode captions-file image-folder dataset-file "
    "temperature top_p num_beams load-8bit load-4bit device",
    "finetune_lora.sh": "lora_enable lora_r lora_alpha mm_projector_lr deepspeed model_name_or_path version data_path "
    "image_folder vision_tower mm_vision_select_layer mm_use_im_start_end mm_use_im_patch_token image_aspect_ratio "
    "group_by_modality_length bf16 output_dir num_train_epochs per_device_train_batch_size per_device_eval_batch_size "
    "gradient_accumulation_steps evaluation_strategy save_strategy save_steps save_total_limit learning_rate "
    "weight_decay warmup_ratio lr_scheduler_type logging_steps tf32 model_max_length gradient_checkpointing "
    "dataloader_num_workers lazy_preprocess report_to",
    "merge_lora_weights.py": "model-path model-base save-model-path",
}
"""The flags of the original release's scripts, as its commits d0dd102 and later have them."""


def test_every_flag_of_the_original_scripts_has_its_line() -> None:
    page = prose(ROOT / "docs" / "from_the_original_scripts.md")
    for script, flags in ORIGINAL.items():
        part = page.partition(f"## {script}")[2].partition("\n## ")[0]
        assert part, script
        told = set(re.findall(r"--([\w-]+)", part))
        assert set(flags.split()) <= told, f"{script}: {sorted(set(flags.split()) - told)}"
