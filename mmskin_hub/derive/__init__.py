"""A clean pair becomes published rows: ``captions`` (MM-Skin-C) and ``demographics`` (MM-Skin-D)."""
