"""The wordings of the rules as tables, one file a version; :mod:`mmskin_hub.derive.vqa.questions` reads them."""
