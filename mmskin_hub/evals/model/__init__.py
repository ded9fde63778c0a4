"""Models under test.

::

    model = load_model("owner/name", adapter="runs/skinvl", dtype="bfloat16")
    model.generate([Ask("ISIC_0024306", "Which diagnosis is this?", (picture,))], max_new_tokens=64)
    model.choose([Ask("ISIC_0024306", "Which diagnosis is this?", (picture,))], [["melanoma", "nevus"]])

=====================  ==================================================================================
``api``                what can be asked of a model; needs no torch
``load``               from a name to a model: weights, adapter, processor, server
``vlm``                a model in this process; ``prompts``, ``inputs``, ``images``, ``batches`` are its parts
``choices``, ``tree``  the likelihood of every choice after one reading of picture and prompt
``generate``           answers in words
``adapter``            a LoRA adapter on top of it
``endpoint``           a model behind an OpenAI-compatible API
``lm``                 a model in this process for lm-eval, registered there as ``mmskin-vlm`` on import
=====================  ==================================================================================
"""
