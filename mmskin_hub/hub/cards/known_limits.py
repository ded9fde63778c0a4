"""What a reader must know before use, as sentences: some hold for everything of a kind, others follow from a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmskin_hub.hub.cards.markdown import UNKNOWN, listed, plain


def of_books(build: Mapping[str, Any]) -> list[str]:
    """The limits of a dataset built from books; ``build`` is its ``build.json``."""
    counts = build.get("counts") or {}
    found = [
        "Everything was decided by software. `pair_score` and `modality_score` (0 to 1) say how sure it was; look at "
        "the lowest before use.",
        "Captions, ages and sexes are what the book prints. They were not checked against patients' records, and a "
        "diagnosis in a caption is the author's.",
        "Age and sex are null where the caption does not state them, which says nothing about the patient.",
    ]
    if "open_vqa" in build["configs"]:
        found.append(
            "Whoever wrote the questions saw the caption and not the picture. An answer says what the caption says; a "
            '"no" is given only where the caption settles it, so it is never news. What the caption leaves out is not '
            "asked about."
        )
    found += [
        "A face the detector misses may be in the dataset. Remove it, and report it, rather than publish it.",
        "Textbooks show what is typical and severe, and show light skin more often than dark: how common a disease or "
        "a skin tone is cannot be read from this dataset.",
    ]
    if counts.get("scanned_pages") and counts.get("pages"):
        found.append(
            f"{counts['scanned_pages']:,} of {counts['pages']:,} pages are scans: their captions were recognised, and "
            "may hold errors of recognition."
        )
    return found


def of_public(build: Mapping[str, Any]) -> list[str]:
    """The limits of a public dataset; ``build`` is its ``build.json``."""
    counts, split = build["counts"], build["split"]
    found = ["Labels are those of the source, with their errors; how common a disease is cannot be read from it."]
    if resized := split.get("pictures_resized"):
        side = build["options"]["max_side"]
        found.append(
            f"{resized:,} pictures were reduced to {side} pixels on the longer side; finer structures are lost."
        )
    if differs := counts.get("differs"):
        gaps = listed(f"{plain(name)} {each['here']:,} of {each['expected']:,}" for name, each in differs.items())
        found.append(f"It is not the full release: {gaps}.")
    if split.get("divided"):
        found.append(
            f"{split['divided']:,} of {split['groups']:,} groups have rows in several splits: scores on its test rows "
            "are the better for it."
        )
    if unread := counts.get("cells_not_understood"):
        cells = listed(f"{number:,} of {plain(name)}" for name, number in unread.items())
        found.append(f"Cells that were not understood are null: {cells}.")
    found.append(_tones(counts.get("split_skin_tones")))
    return [each for each in found if each]


def of_mixture(build: Mapping[str, Any]) -> list[str]:
    """The limits of a training mixture; ``build`` is its ``build.json``."""
    counts, leakage = build["counts"], build["leakage"]
    found = ["Answers are captions, questions and class names of the sources, with their errors."]
    if not leakage["checked_against"]:
        found.append("There was no test split to compare with: whether its rows repeat test rows is not known.")
    elif leakage["rows"] and leakage["allowed"]:
        found.append(
            "It holds rows that repeat test rows: scores on these test sets mean nothing for a model trained on it."
        )
    if leakage["train_seen_in_validation"]:
        found.append(
            "Some training rows repeat pictures of the validation rows: validation losses are the lower for it."
        )
    found.append(_tones(counts.get("split_skin_tones")))
    found.append("How common a disease or a skin tone is cannot be read from a mixture.")
    return [each for each in found if each]


def _tones(counts: Mapping[str, Mapping[str, int]] | None) -> str:
    """How many rows have a skin tone; "" where nobody counted."""
    if not counts:
        return ""
    rows = sum(sum(row.values()) for row in counts.values())
    without = sum(row.get(UNKNOWN, 0) for row in counts.values())
    if without == rows:
        return "Skin tone is not recorded: whether it serves all skins alike cannot be told from it."
    return f"{without:,} of {rows:,} rows have no skin tone." if without else ""


def of_model(
    run: Mapping[str, Any],
    results: Mapping[str, Any] | None,
    audits: Sequence[Mapping[str, Any]],
    data: Sequence[Mapping[str, Any]] = (),
) -> list[str]:
    """The limits of a model.

    ``run`` is its ``run.json``, ``results`` its ``results.json``, ``audits`` are reports of ``mmskin audit``, ``data``
    the ``build.json`` of each dataset it was trained on.
    """
    found = [
        "It answers whatever it is asked, also about pictures that show no skin, no disease, or a disease it has never "
        "seen, and it does not say when it guesses.",
        "The questions and answers it was trained on are in English.",
        *(
            f"Of what it was trained on: {tones[0].lower()}{tones[1:]}"
            for each in data
            if (tones := _tones(_counted(each)))
        ),
    ]
    if run.get("status") not in (None, "finished"):
        found.append(f"Its training did not end: {plain(run['status'])}.")
    if results is None:
        return [*found, "**It has not been evaluated**: nothing is known of what its answers are worth."]
    return [*found, *_of_figures(results), *_of_audits(results, audits)]


def _counted(build: Mapping[str, Any]) -> Mapping[str, Mapping[str, int]] | None:
    return (build.get("counts") or {}).get("split_skin_tones")


def _of_figures(results: Mapping[str, Any]) -> list[str]:
    """What the figures of an evaluation do not say."""
    tasks = results["tasks"]
    found = [
        "Each figure is for the classes and the pictures of its benchmark, and says nothing about other diseases, "
        "other cameras or other clinics."
    ]
    if limit := results["settings"].get("limit"):
        found.append(f"Each task was asked about its first {limit:,} rows only.")
    if few := [name for name, task in tasks.items() if task["metrics"].get("few_clusters")]:
        found.append(f"Too few patients or lesions for an interval to keep its word: {listed(f'`{n}`' for n in few)}.")
    if not any("skin_tone" in task["slices"] for task in tasks.values()):
        found.append("**How it does on dark skin is not known**: no task of its evaluation has skin tones.")
    return found


def _of_audits(results: Mapping[str, Any], audits: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the model may have seen of its benchmarks."""
    kept = results.get("audit")
    if not audits and not kept:
        return ["No overlap audit was made: whether benchmarks repeat its training data is not known."]
    found, shared = [], set()
    for report in audits or [kept or {}]:
        fixed = {each["train"] for each in report.get("fixed") or ()}
        shared |= {c["test"] for c in report["counts"] if not c.get("fixed", c["train"] in fixed)}
    if shared:
        names = listed(f"`{name}`" for name in sorted(shared))
        found.append(f"Its training data shares something with {names}: figures there may be too good.")
    if unaudited := (kept or {}).get("unaudited"):
        found.append(f"No audit compared its training data with {listed(f'`{name}`' for name in unaudited)}.")
    return found
