"""The card (``README.md``) of a model: rendered from run.json, results.json, the audits and the records of its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmskin_hub.hub.cards import evaluated, trained
from mmskin_hub.hub.cards.carbon import metadata
from mmskin_hub.hub.cards.citations import bibtex
from mmskin_hub.hub.cards.eval_results import metrics_of, model_index
from mmskin_hub.hub.cards.known_limits import of_model
from mmskin_hub.hub.cards.licences import attributions, licence_name, strictest
from mmskin_hub.hub.cards.markdown import by_split, code
from mmskin_hub.hub.cards.metadata import TAGS
from mmskin_hub.hub.cards.templates import environment, tidy
from mmskin_hub.hub.cards.told import NOBODY, Told
from mmskin_hub.hub.subject import Subject, TrainingData
from mmskin_hub.schema import MODALITIES

PIPELINE = "image-text-to-text"


def render_model_card(subject: Subject, told: Told = NOBODY) -> str:
    """The text of ``README.md`` of the model ``subject``; ``told`` is what a release adds."""
    run, results = subject.record, subject.results
    base, licences = trained.base_of(run), trained.licences_of(subject.data)
    worst = strictest(text for found in licences.values() for text in found) if licences else ""
    adapter = trained.is_adapter(run)
    title = trained.title_of(run, told.repo, subject.name)
    text = environment().get_template("model.md.jinja")
    return tidy(
        text.render(
            run=run,
            results=results,
            title=title,
            version=told.version or subject.version,
            base=base,
            adapter=adapter,
            variant=trained.TITLES.get(_script(run).get("variant") or ""),
            front=_front(subject, base, adapter, worst, title),
            worst=worst,
            tables=_tables(subject, licences),
            evaluation=_evaluation(results) if results else None,
            data=[_counted(each) for each in subject.data],
            outcome=trained.outcome(run),
            hardware=trained.hardware(run),
            energy=trained.energy(run),
            merged=trained.merged(run),
            compared=evaluated.compared(results, subject.audits),
            limits=of_model(run, results, subject.audits, [each.record for each in subject.data]),
            citation=bibtex(_cited(run, base, licences)),
            told=told,
        )
    )


def _script(run: Mapping[str, Any]) -> Mapping[str, Any]:
    return (run.get("configuration") or {}).get("script") or {}


def _tables(subject: Subject, licences: Mapping[str, set[str]]) -> dict[str, str]:
    run = subject.record
    return {
        "settings": trained.settings(run),
        "rows": trained.data_rows(run),
        "sources": trained.data_sources(run, subject.data),
        "weights": trained.digests((run.get("merge") or {}).get("result") or run.get("weights")),
        "overlap": evaluated.overlap(subject.results, subject.audits),
        "attributions": attributions(licences),
    }


def _evaluation(results: Mapping[str, Any]) -> dict[str, Any]:
    """The evaluation as the template shows it: figures by mode and kind, the rows, groups, how it was asked."""
    return {
        "strict": [evaluated.figures(tasks) for tasks in evaluated.kinds(results, "strict").values()],
        "paper": [evaluated.figures(tasks) for tasks in evaluated.kinds(results, "paper").values()],
        "benchmarks": evaluated.benchmarks(results),
        "asked": evaluated.asked(results),
        "skin_tones": evaluated.skin_tones(results),
        "worst": evaluated.worst_groups(results),
        "without": evaluated.without_overlap(results),
    }


def _counted(data: TrainingData) -> dict[str, str]:
    """The rows of one dataset by modality and skin tone, where its record counts them."""
    counts = data.record.get("counts") or {}
    return {
        "name": code(trained.repository(data)),
        "modalities": by_split(counts.get("split_modalities"), "split", MODALITIES, always=True),
        "skin_tones": by_split(counts.get("split_skin_tones"), "split"),
    }


def _cited(run: Mapping[str, Any], base: Mapping[str, Any], licences: Mapping[str, Any]) -> list[str]:
    names = ["mm_skin", *licences]
    if "llava-med" in f"{base.get('repository', '')} {base.get('name', '')}".casefold():
        names.append("llava-med")
    if ((run.get("configuration") or {}).get("model") or {}).get("use_peft"):
        names.append("lora")
    if run.get("energy"):
        names.append("green-algorithms")
    return names


def _front(subject: Subject, base: Mapping[str, Any], adapter: bool, worst: str, title: str) -> str:
    """The YAML block of the card, without its ``---`` lines."""
    from huggingface_hub import ModelCardData

    run, results = subject.record, subject.results
    repository = base.get("repository") or None
    index = model_index(results) if results else []
    data = ModelCardData(
        language="en",
        license="other" if worst else "unknown",
        license_name=licence_name("training data", worst) if worst else None,
        library_name="peft" if adapter else "transformers",
        pipeline_tag=PIPELINE,
        tags=[*TAGS, "vision-language", "skinvl", "mm-skin", *(["lora"] if adapter else [])],
        base_model=repository,
        base_model_relation=("adapter" if adapter else "finetune") if repository else None,
        datasets=_datasets(subject.data) or None,
        metrics=metrics_of(results) or None if results else None,
        co2_eq_emissions=metadata(run),
        model_name=title if index else None,
        eval_results=index or None,
    )
    return str(data.to_yaml()).rstrip("\n")


def _datasets(data: Sequence[TrainingData]) -> list[str]:
    """The repositories it was trained on, and of a mixture those its sources came from."""
    found = [trained.repository(each) for each in data if each.commit]
    for each in data:
        found += [source["repository"] for source in each.record.get("inputs") or () if source.get("repository")]
    return list(dict.fromkeys(found))
