"""``python -m mmskin_hub`` is ``mmskin``."""

from __future__ import annotations

import sys

from mmskin_hub.cli import main

if __name__ == "__main__":
    sys.exit(main())
