"""Chat templates in the words the original models were trained on.

Neither writes the BOS token: the tokenizer does. Messages hold text, or parts (``{"type": "image"}``,
``{"type": "text", "text": …}``); pictures come first in a message, each followed by a line break, wherever they stand.
Source: ``conversation.py`` of LLaVA, ``mistral_instruct`` (separator style LLAMA_2) and ``vicuna_v1`` (style TWO).
"""

from __future__ import annotations

VICUNA_SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)
# What a message holds, as text; IMAGE stands for the image token with what surrounds it.
_CONTENT = (
    "{%- macro words(message) -%}"
    "{%- if message['content'] is string -%}{{- message['content'] -}}{%- else -%}"
    "{%- for part in message['content'] -%}{%- if part['type'] == 'image' -%}{{- 'IMAGE\n' -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- for part in message['content'] -%}{%- if part['type'] == 'text' -%}{{- part['text'] -}}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}{%- endmacro -%}"
)
_SYSTEM = (
    "{%- if messages[0]['role'] == 'system' -%}{%- set system = words(messages[0]) -%}"
    "{%- set turns = messages[1:] -%}{%- else -%}{%- set system = SYSTEM -%}{%- set turns = messages -%}{%- endif -%}"
)
_MISTRAL = (
    "{%- for message in turns -%}{%- if message['role'] == 'user' -%}{{- '[INST] ' -}}"
    "{%- if loop.first and system -%}{{- '<<SYS>>\n' + system + '\n<</SYS>>\n\n' -}}{%- endif -%}"
    "{{- words(message) + ' [/INST]' -}}"
    "{%- else -%}{{- ' ' + words(message) + ' ' + eos_token -}}{%- endif -%}{%- endfor -%}"
)
_VICUNA = (
    "{{- system + ' ' if system else '' -}}"
    "{%- for message in turns -%}{%- if message['role'] == 'user' -%}{{- 'USER: ' + words(message) + ' ' -}}"
    "{%- else -%}{{- 'ASSISTANT: ' + words(message) + eos_token -}}{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- 'ASSISTANT:' -}}{%- endif -%}"
)


def chat_template(family: str, image: str = "<image>") -> str:
    """The template of ``"mistral"`` (LLaVA-Med 1.5) or ``"llama"`` (LLaVA 1.5); ``image`` stands for a picture.

    ``[INST] <image>\\nquestion [/INST] answer </s>`` and ``system USER: <image>\\nquestion ASSISTANT: answer</s>``.
    """
    turns = _MISTRAL if family == "mistral" else _VICUNA
    system = "" if family == "mistral" else VICUNA_SYSTEM
    quoted = '"' + system + '"'
    return _CONTENT.replace("IMAGE", image) + _SYSTEM.replace("SYSTEM", quoted) + turns
