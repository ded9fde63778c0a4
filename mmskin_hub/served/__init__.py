"""Asking models that a server holds, through the OpenAI-compatible API: vLLM, TGI, ``transformers serve``, HF Inference
Providers.

:mod:`~mmskin_hub.served.client` sends one request, :mod:`~mmskin_hub.served.faults` says what its failure means,
:mod:`~mmskin_hub.served.pool` sends many, waits and tries again. Whoever asks (the writer of questions in
:mod:`mmskin_hub.derive.vqa.endpoint`, the scorer in :mod:`mmskin_hub.evals.model.endpoint`) says how a user calls its
settings with :class:`~mmskin_hub.served.faults.Options`, so that an error names the option to change.
"""
