"""A run of the writer in a process of its own, to be killed: ``python endpoint_process.py URL CACHE CAPTIONS``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from mmskin_hub.derive.vqa.endpoint import EndpointSettings, EndpointWriter
from mmskin_hub.schema import Asked


def main(url: str, cache: str, number: str) -> None:
    """Ask about so many captions and print what was written as JSON."""
    asked = [Asked(f"{n:04}", f"plaque {n}", "clinical") for n in range(int(number))]
    writer = EndpointWriter(EndpointSettings(url, "tiny", concurrency=4, backoff=0.01), Path(cache))
    print(json.dumps([asdict(written) for written in writer.write_all(asked)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
