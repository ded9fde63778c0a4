"""The vocabulary of dermatology as tables; :mod:`mmskin_hub.derive.vqa.vocabulary` reads them. Each names its
sources."""
