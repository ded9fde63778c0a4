"""Configs of the recipe: what is trained."""
