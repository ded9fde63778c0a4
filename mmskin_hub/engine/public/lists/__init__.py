"""The test lists of the original MM-Skin release: picture ids and classes only, read by engine.public.paper_lists."""
