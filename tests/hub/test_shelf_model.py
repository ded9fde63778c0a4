"""A model in a folder: what it was trained on is found beside it, and transformers loads it without a network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mmskin_hub.builders import skinvl_sft
from mmskin_hub.errors import MmskinError
from mmskin_hub.hub.push.manifest import decoded
from mmskin_hub.hub.release import Request, release
from tests.hub.gate.made import run_record, weights_in
from tests.hub.releases import ham
from tests.hub.test_shelf import offline, read

LOAD = """
import sys
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor
repo, folder, home = sys.argv[1:]
place = dict(revision="v0.1.0", cache_dir=folder, local_files_only=True)
model = AutoModelForImageTextToText.from_pretrained(repo, **place)
assert type(AutoProcessor.from_pretrained(repo, **place)) is type(AutoProcessor.from_pretrained(home))
same = AutoModelForImageTextToText.from_pretrained(home).state_dict()
assert same.keys() == model.state_dict().keys()
assert all(torch.equal(value, same[name]) for name, value in model.state_dict().items())
again = AutoModelForImageTextToText.from_pretrained(repo, revision="v0.1.0")
print(type(again).__name__)
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A mixture, version 1.2.0."""
    out = tmp_path / "sft"
    skinvl_sft.build(skinvl_sft.Request("pub", (f"ham10000={ham(tmp_path, '1.0.0', 20, 100)}",), out, "1.2.0"))
    return out


def recorded(model: Path, data: Path) -> Path:
    """``model`` with the record of its training on ``data``."""
    (model / "run.json").write_text(json.dumps(run_record(model, data)), encoding="utf-8")
    return model


def test_what_a_model_was_trained_on_is_found_beside_it(data: Path, tmp_path: Path) -> None:
    to, model = tmp_path / "hub", recorded(weights_in(tmp_path / "merged"), data)
    released = release(Request("dataset", data, "me/sft", to=to))
    assert released["status"] == "released"

    def of(place: str) -> Request:
        return Request("model", model, "me/skinvl", to=to, data=(place,), force=True, reason="Drawn.")

    with pytest.raises(MmskinError, match=r"there is no v9\.9\.9"):
        release(of("me/sft@v9.9.9"))
    report = release(of("me/sft@v1.2.0"))
    assert (report["status"], report["version"]) == ("released", "0.1.0")
    assert {each["check"]: each["passed"] for each in report["verdicts"]}["training_data"] is True
    assert "me/sft" in report["card"].partition("\n---\n")[0]
    made_from = decoded((Path(report["url"]) / "release.json").read_bytes()).made_from
    assert made_from["data"] == [{"place": "me/sft", "revision": "v1.2.0", "commit": released["commit"],
                                  "dataset": "skinvl_sft", "version": "1.2.0"}]  # fmt: skip
    # The same again is the same version; other files are the next one.
    assert release(of("me/sft@v1.2.0"))["status"] == "already released"
    shutil.copy(model / "config.json", model / "more.json")
    assert release(of("me/sft@v1.2.0"))["version"] == "0.2.0"


@pytest.mark.slow
def test_transformers_loads_a_model(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.drawing.models import tiny_llava

    to, model = tmp_path / "hub", recorded(tiny_llava(tmp_path / "merged"), data)
    report = release(Request("model", model, "me/skinvl", to=to, force=True, reason="Drawn."))
    assert read(to, "v0.1.0", repo="me/skinvl", kind="model")["refs"]["main"] == report["commit"]
    assert "Llava" in offline(to, "-c", LOAD, "me/skinvl", str(to), str(model))
