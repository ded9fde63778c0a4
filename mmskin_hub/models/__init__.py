"""Weights: conversion of the original LLaVA-Med, merging of LoRA adapters, checks of what fits what."""
