"""What the doctor finds: in this environment, and where packages, folders and tokens are not as they should be."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Sequence
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from mmskin_hub.doctor.packages import FOR
from tests.commands.at_terminal import MMSKIN, ROOT, piped

SECRET = "hf_thisMustNeverBeShown"
OURS = ["numpy>=1", 'alpha>=1; extra == "good"', 'nowhere-at-all>=3; extra == "absent"']


def write_package(place: Path, name: str, version: str, needs: Sequence[str] = (), url: str = "") -> None:
    """The metadata of an installed distribution, as pip writes it."""
    folder = place / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    extras = sorted({found[1] for line in needs if (found := re.search(r'extra == "(\w+)"', line))})
    lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}"]
    lines += [*(f"Provides-Extra: {extra}" for extra in extras), *(f"Requires-Dist: {line}" for line in needs)]
    (folder / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if url:
        (folder / "direct_url.json").write_text(url, encoding="utf-8")


def examined(place: Path | None = None, status: int | None = None, **more: str) -> dict[str, Any]:
    """What the command says with the packages in ``place`` before all others."""
    path = f"{place}:{ROOT}" if place else str(ROOT)
    done = piped([*MMSKIN, "doctor", "--json"], PYTHONPATH=path, **more)
    assert not done.stderr
    assert SECRET not in done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == bool(found["problems"])
    if status is not None:
        assert done.returncode == status, found["problems"]
    return found


def told(entries: list[dict[str, str]]) -> str:
    assert all(entry["what"] for entry in entries)
    return "\n".join(f"{entry['what']} {entry['remedy']}" for entry in entries)


def test_this_environment() -> None:
    found = examined(HF_TOKEN=SECRET, HF_ENDPOINT="https://me:secret@hub.example/x?key=secret", HF_HUB_OFFLINE="1")
    assert found["python"]["place"] == sys.executable
    assert Path(found["mmskin"]["place"]) == ROOT / "mmskin_hub"
    assert set(found["core"]["installed"]) >= {"datasets", "numpy", "rich"}
    assert found["machine"]["cores"] >= 1
    assert [place["writable"] for place in found["disk"]] == [True] * 3
    assert all(place["free"] > 0 for place in found["disk"])
    assert found["hub"] == {"login": True, "login_by": "HF_TOKEN", "endpoint": "https://hub.example/x", "offline": True}
    assert "Offline mode" in told(found["notes"])


def test_people_read_the_same() -> None:
    done = piped([*MMSKIN, "doctor"], HF_TOKEN=SECRET)
    assert SECRET not in done.stdout + done.stderr
    assert all(
        re.search(rf"^  {name}  ", done.stdout, re.MULTILINE) for name in ("build", "scans", "GPU", "disk", "Hub")
    )
    assert "logged in (HF_TOKEN)" in done.stdout
    assert max(map(len, piped([*MMSKIN, "doctor"], COLUMNS="70").stdout.splitlines())) < 120


def test_nothing_heavy_is_loaded_and_nobody_is_asked() -> None:
    code = """
import socket, sys
def refuse(*_): raise AssertionError("the network was asked")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from mmskin_hub.doctor import examine
examine()
print({"torch", "transformers", "cv2", "pymupdf", "onnxruntime", "datasets", "pandas"} & set(sys.modules))
"""
    done = piped([sys.executable, "-c", code], HF_OIDC_RESOURCE="models/me/x", GITHUB_ACTIONS="true")
    assert done.stdout == "set()\n", done.stderr


def test_every_extra_has_its_purpose_on_the_page_too() -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    assert set(config["options.extras_require"]) == set(FOR)
    page = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    table = page.partition("| extra | for |")[2].partition("\n\n")[0].replace("`", "")
    assert dict(re.findall(r"^\| (\w+) \| (.+) \|$", table, re.MULTILINE)) == FOR


def test_extras_are_those_of_the_metadata(tmp_path: Path) -> None:
    more = ['alpha>=1; extra == "same"', 'mmskin-hub[absent,good,same]; extra == "both"']
    write_package(tmp_path, "mmskin-hub", "9.0", [*OURS, *more])
    write_package(tmp_path, "alpha", "1.5")
    extras = examined(tmp_path, 0)["extras"]
    assert extras["good"]["installed"] == {"alpha": "1.5"}
    assert extras["good"]["complete"]
    assert (extras["absent"]["missing"], extras["absent"]["complete"]) == (["nowhere-at-all>=3"], False)
    assert (extras["both"]["installed"], extras["both"]["missing"]) == ({"alpha": "1.5"}, ["nowhere-at-all>=3"])
    assert extras["absent"]["pip"] == 'pip install "mmskin-hub[absent]"'


@pytest.mark.parametrize(
    ("url", "pip"),
    [
        ('{"url": "file:///my%20code", "dir_info": {"editable": true}}', 'pip install -e "/my code[absent]"'),
        ('{"url": "file:///a.whl", "archive_info": {}}', 'pip install "/a.whl[absent]"'),
        ('{"url": "https://me:pass@host/a.git", "vcs_info": {}}', 'pip install "mmskin-hub[absent]"'),
    ],
)
def test_the_command_fits_the_installation(url: str, pip: str, tmp_path: Path) -> None:
    write_package(tmp_path, "mmskin-hub", "9.0", OURS, url)
    assert examined(tmp_path)["extras"]["absent"]["pip"] == pip


def test_versions_that_do_not_fit_are_problems(tmp_path: Path) -> None:
    needs = ["numpy>=999", "gone>=1", 'alpha>=2; extra == "good"', 'alpha>=2; extra == "half"', 'gone; extra == "half"']
    write_package(tmp_path, "mmskin-hub", "9.0", needs)
    write_package(tmp_path, "alpha", "1.5")
    problems = told(examined(tmp_path, 1)["problems"])
    assert "mmskin-hub needs numpy>=999; 2." in problems
    assert "mmskin-hub needs gone>=1, which is not installed." in problems
    assert 'The extra good needs alpha>=2; 1.5 is here. pip install "alpha>=2"' in problems
    assert "half" not in problems, "an extra that is not all there was not asked for"


def test_what_packages_need_of_each_other_is_followed(tmp_path: Path) -> None:
    write_package(tmp_path, "mmskin-hub", "9.0", OURS)
    write_package(tmp_path, "alpha", "1.5", ["beta[more]==2.*", 'unused; extra == "other"'])
    write_package(tmp_path, "beta", "1.0", ["alpha", 'gamma; extra == "more"', 'windows; sys_platform == "win32"'])
    problems = told(examined(tmp_path, 1)["problems"])
    assert 'alpha 1.5 needs beta==2.*; 1.0 is here. pip install --upgrade "beta==2.*"' in problems
    assert "beta needs gamma, which is not installed." in problems
    assert "unused" not in problems
    assert "windows" not in problems


def test_a_library_of_the_system_that_is_missing(tmp_path: Path) -> None:
    write_package(tmp_path, "mmskin-hub", "9.0", ['opencv-python-headless; extra == "build"'])
    write_package(tmp_path, "opencv-python-headless", "5.0")
    (tmp_path / "cv2").mkdir()
    fault = "raise ImportError('libGL.so.1: cannot open shared object file')"
    (tmp_path / "cv2" / "__init__.py").write_text(fault, encoding="utf-8")
    problems = told(examined(tmp_path, 1)["problems"])
    assert "libGL.so.1" in problems
    assert "apt-get install libgl1" in problems


def test_a_library_that_crashes_does_not_take_the_doctor_along(tmp_path: Path) -> None:
    write_package(tmp_path, "mmskin-hub", "9.0", ['onnxruntime; extra == "build"'])
    write_package(tmp_path, "onnxruntime", "1.0")
    (tmp_path / "onnxruntime.py").write_text(
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", encoding="utf-8"
    )
    assert "it died by signal 11" in told(examined(tmp_path, 1)["problems"])


@pytest.mark.parametrize("name", ["HF_HOME", "TMPDIR"])
def test_a_folder_that_cannot_be_written(name: str, tmp_path: Path) -> None:
    write_package(tmp_path, "mmskin-hub", "9.0", OURS)
    (tmp_path / "file").touch()
    found = examined(tmp_path, 1, **{name: str(tmp_path / "file" / "below")})
    assert f"{name} ({tmp_path / 'file' / 'below'}) cannot be written" in told(found["problems"])
    assert f"Point {name} at a folder" in told(found["problems"])


def test_a_cache_that_is_not_there_yet_is_made_by_nobody(tmp_path: Path) -> None:
    write_package(tmp_path / "packages", "mmskin-hub", "9.0", OURS)
    found = examined(tmp_path / "packages", 0, HF_HOME=str(tmp_path / "new" / "cache"))
    assert [place["writable"] for place in found["disk"]] == [True] * 3
    assert not (tmp_path / "new").exists()
    assert found["hub"]["login"] is False


def test_a_token_file_counts_as_a_login(tmp_path: Path) -> None:
    write_package(tmp_path, "mmskin-hub", "9.0", OURS)
    home = tmp_path / "home"
    home.mkdir()
    (home / "token").write_text(SECRET, encoding="utf-8")
    more = {"HF_HOME": str(home), "HF_TOKEN": "", "HUGGING_FACE_HUB_TOKEN": ""}
    found = examined(tmp_path, 0, **more)
    assert (found["hub"]["login"], found["hub"]["login_by"]) == (True, str(home / "token"))
    (home / "token").unlink()
    (home / "token").mkdir()
    assert "hf auth login" in told(examined(tmp_path, 1, **more)["problems"])


def test_doctr_without_weights_is_told(tmp_path: Path) -> None:
    write_package(tmp_path, "mmskin-hub", "9.0", OURS)
    write_package(tmp_path, "python-doctr", "1.0")
    (tmp_path / "doctr").mkdir()
    (tmp_path / "doctr" / "__init__.py").touch()
    weights = tmp_path / "cache" / "models"
    found = examined(tmp_path, 0, DOCTR_CACHE_DIR=str(tmp_path / "cache"))
    assert found["ocr"]["auto"] == "rapidocr"
    assert found["ocr"]["doctr"]["missing"] == ["fast_base", "crnn_vgg16_bn"]
    assert "DOCTR_CACHE_DIR" in told(found["notes"])
    weights.mkdir(parents=True)
    for name in found["ocr"]["doctr"]["missing"]:
        (weights / f"{name}-1.pt").write_bytes(b"1")
    found = examined(tmp_path, 0, DOCTR_CACHE_DIR=str(tmp_path / "cache"))
    assert (found["ocr"]["auto"], found["ocr"]["doctr"]["missing"]) == ("doctr", [])


def test_a_gpu_that_this_pytorch_cannot_use_is_told(tmp_path: Path) -> None:
    write_package(tmp_path, "mmskin-hub", "9.0", OURS)
    write_package(tmp_path, "torch", "2.9.0+cpu")
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise SystemExit('loaded')", encoding="utf-8")
    version = "cuda: Optional[str] = None\nhip: Optional[str] = None\n"
    (tmp_path / "torch" / "version.py").write_text(version, encoding="utf-8")
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'NVIDIA H100 80GB HBM3, 81559'\n", encoding="utf-8")
    program.chmod(0o755)
    found = examined(tmp_path, 0, PATH=f"{program.parent}:/usr/bin:/bin")
    assert found["gpu"]["driver"] == [{"name": "NVIDIA H100 80GB HBM3", "memory": 81559 << 20}]
    assert (found["gpu"]["backend"], found["gpu"]["build"]) == ("", "cpu")
    assert "NVIDIA H100 80GB HBM3 stays idle" in told(found["notes"])


@pytest.mark.slow
def test_pytorch_itself_answers_what_it_is_asked() -> None:
    pytest.importorskip("torch")
    from mmskin_hub.doctor import parts

    found, fault = parts._end(parts._start(parts._GPU))
    assert not fault
    assert bool(found["backend"]) == bool(found["devices"])
    assert re.fullmatch(r"cpu|(cuda|hip|xpu) [\d.]+", parts._torch_build())


@pytest.mark.parametrize("name", ["HF_ENDPOINT", "HF_HUB_ETAG_TIMEOUT"])
def test_a_variable_that_cannot_be_read_is_told_without_its_value(name: str) -> None:
    done = piped([*MMSKIN, "doctor", "--json"], **{name: "https://[secret"})
    found = json.loads(done.stdout)
    assert done.returncode == 1 and "secret" not in done.stdout
    assert any("huggingface_hub cannot be used" in problem["what"] for problem in found["problems"])


def test_a_folder_that_was_removed_is_no_reason_to_fall_over(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    command = f"cd gone && rmdir ../gone && {shlex.join(MMSKIN)} doctor --json && {shlex.join(MMSKIN)} demo"
    done = piped(["sh", "-c", command.replace("--json &&", "--json;")], cwd=tmp_path)
    assert json.loads(done.stdout)["disk"] and "is not there any more" in done.stderr and done.returncode == 2
