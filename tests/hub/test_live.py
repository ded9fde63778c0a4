"""The round trip before the real Hub: opt-in, by ``MMSKIN_LIVE_HUB=1`` and a token that huggingface_hub finds.

    MMSKIN_LIVE_HUB=1 HF_TOKEN=hf_… python -m pytest tests/hub/test_live.py

It makes private repositories of its own under the account of the token (``…-mmskin-test-…``) and removes them at the
end. Everything goes through subprocesses: the tests' own process may not leave this machine.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.places import Place
from tests.hub.test_round_trip import check_dataset, check_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.environ.get("MMSKIN_LIVE_HUB") != "1", reason="opt-in: MMSKIN_LIVE_HUB=1 and a token"),
]
WHO = "import json\nfrom huggingface_hub import HfApi\nprint(json.dumps(HfApi().whoami()['name']))"
REMOVE = """
import json, sys
from huggingface_hub import HfApi
for kind in ("dataset", "model"):
    for name in sys.argv[1:]:
        HfApi().delete_repo(name, repo_type=kind, missing_ok=True)
print(json.dumps(None))
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """The real Hub, and names nobody else uses."""
    token = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser() / "token"
    environment = {**os.environ, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_DATASETS_CACHE": str(tmp_path / "datasets")}
    if "HF_TOKEN" not in environment and not token.exists():
        pytest.fail("MMSKIN_LIVE_HUB=1 needs a token: set HF_TOKEN, or hf auth login")
    asking = Place(environment, "")
    made = Place(environment, asking.python(WHO), f"-mmskin-test-{secrets.token_hex(4)}")
    yield made
    made.python(REMOVE, *(made.repo(name) for name in ("ham", "pub", "merged", "adapter")))


def test_a_dataset_in_two_versions(place: Place, tmp_path: Path) -> None:
    check_dataset(place, tmp_path)


def test_a_model_and_its_adapter(place: Place, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    check_model(place, tmp_path)
