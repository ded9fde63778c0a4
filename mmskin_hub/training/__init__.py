"""Supervised fine-tuning of vision-language models on mixtures, with exact resume."""
