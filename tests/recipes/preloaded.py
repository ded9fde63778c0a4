"""What the server process that runs are forked from imports: everything heavy, and nothing that starts a thread."""

from __future__ import annotations

import peft  # noqa: F401
import torch
import transformers  # noqa: F401
import trl  # noqa: F401
from transformers import AutoModelForImageTextToText, AutoProcessor, LlavaForConditionalGeneration  # noqa: F401
from trl import ModelConfig, SFTConfig, SFTTrainer, TrlParser  # noqa: F401

torch.set_num_threads(1)
