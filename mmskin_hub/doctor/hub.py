"""Whether the Hub knows who is here, without asking it and without showing the token.

``huggingface_hub.get_token`` is not called: from version 2 on it may go to the network (it trades an OIDC token where
``HF_OIDC_RESOURCE`` is set, and refreshes an OAuth token that is about to end). Here the same places are looked into,
in its order (``huggingface_hub/utils/_auth.py``, read: 1.31 and 2.4).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mmskin_hub.doctor.findings import Findings
from mmskin_hub.errors import describe


def look_at_hub(told: Findings) -> dict[str, Any]:
    """``login`` (bool), ``login_by`` (where the token is kept, "" where there is none), ``endpoint``, ``offline``.

    An address is told without name and password; a token file that cannot be read is a problem.
    """
    nothing = {"login": False, "login_by": "", "endpoint": "", "offline": False}
    try:
        from huggingface_hub import constants

        parts = urlsplit(str(constants.ENDPOINT))
    except ImportError:
        return nothing  # the packages are told elsewhere
    except ValueError as error:
        # A number or an address among its environment variables is none; the value itself is not repeated.
        told.broken(f"huggingface_hub cannot be used ({type(error).__name__}).", "Look at the variables HF_…: env")
        return nothing
    by = _login(Path(constants.HF_TOKEN_PATH), told)
    if constants.HF_HUB_OFFLINE:
        told.note("Offline mode is on (HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE): the Hub is not asked.")
    return {
        "login": bool(by),
        "login_by": by,
        "endpoint": parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl(),
        "offline": bool(constants.HF_HUB_OFFLINE),
    }


def _login(file: Path, told: Findings) -> str:
    if os.environ.get("HF_OIDC_RESOURCE"):
        return "HF_OIDC_RESOURCE"
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if os.environ.get(name, "").strip():
            return name
    try:
        return str(file) if file.read_text(encoding="utf-8").strip() else ""
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        told.broken(f"The token file {file} cannot be read ({describe(error)}).", "Log in again: hf auth login")
        return ""
