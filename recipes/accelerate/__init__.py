"""Configs of accelerate: on what a recipe is trained."""
