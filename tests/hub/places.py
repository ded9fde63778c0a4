"""Where releases go and are read back: subprocesses with unmodified clients; the test-time Hub or the real one."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from tests.hub.releases import ROOT, Done


@dataclass(frozen=True)
class Place:
    """``environment`` leads to a Hub; repositories are made under ``owner``, their names end with ``ending``."""

    environment: dict[str, str]
    owner: str
    ending: str = ""

    def repo(self, name: str) -> str:
        """The name of a repository here."""
        return f"{self.owner}/{name}{self.ending}"

    def run(self, *command: str, **more: str) -> Done:
        """A Python process: ``-c CODE …`` or ``-m MODULE …``."""
        found = subprocess.run(
            [sys.executable, *command],
            env=self.environment | more, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return Done(found.returncode, found.stdout, found.stderr)

    def python(self, code: str, *arguments: str) -> Any:
        """What ``code`` prints as JSON; its failure is the test's."""
        done = self.run("-c", code, *arguments)
        assert done.status == 0, done.text
        return json.loads(done.out)

    def release(self, kind: str, folder: object, name: str, *options: str) -> Done:
        """``mmskin release``, with a report in JSON."""
        return self.run("-m", "mmskin_hub", "release", kind, str(folder), "--repo", self.repo(name), "--json", *options)

    def released(self, kind: str, folder: object, name: str, *options: str) -> dict[str, Any]:
        """The report of a release that must go well."""
        done = self.release(kind, folder, name, *options)
        assert done.status == 0, done.text
        report: dict[str, Any] = json.loads(done.out)
        return report


REFS = """
import json, sys
from huggingface_hub import HfApi
refs = HfApi().list_repo_refs(sys.argv[1], repo_type=sys.argv[2])
print(json.dumps({each.name: each.target_commit for each in [*refs.branches, *refs.tags]}))
"""
SNAPSHOT = """
import hashlib, json, sys
from pathlib import Path
from huggingface_hub import snapshot_download
place = Path(snapshot_download(sys.argv[1], repo_type=sys.argv[2], revision=sys.argv[3]))
print(json.dumps({path.relative_to(place).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                  for path in place.rglob("*") if path.is_file()}))
"""
ROWS = """
import hashlib, json, sys
from datasets import Image, load_dataset
def digest(rows):
    whole = hashlib.sha256()
    for row in rows:
        for key in sorted(row):
            whole.update(row[key]["bytes"] if key == "image" else repr((key, row[key])).encode())
    return whole.hexdigest()
repo, config, *revisions = sys.argv[1:]
found = {}
for revision in revisions:
    whole = load_dataset(repo, config, revision=revision).cast_column("image", Image(decode=False))
    flow = load_dataset(repo, config, revision=revision, streaming=True).cast_column("image", Image(decode=False))
    assert set(whole) == set(flow)
    found[revision] = {split: [len(whole[split]), digest(whole[split]), digest(flow[split])] for split in whole}
print(json.dumps(found))
"""
