"""``mm.build``: one function for every dataset of the registry.

A dataset is made of books, of the files of a public source, or of other datasets. What each of the three takes stands
in :data:`FITS`; an option that belongs to another kind is refused, as the command line refuses it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from mmskin_hub.api.arguments import (
    Names,
    Place,
    Places,
    available_cores,
    check_choice,
    check_whole,
    named,
    names_of,
    path_of,
    path_or_none,
    several,
    teller,
)
from mmskin_hub.errors import WrongUse
from mmskin_hub.registry import DATASETS, Dataset

if TYPE_CHECKING:
    from mmskin_hub.api.records import BuildRecord

Ocr = Literal["auto", "rapidocr", "doctr", "none"]
SplitBy = Literal["auto", "book", "figure"]
Duplicates = Literal["pair", "picture"]
Writer = Literal["rules", "endpoint"]
Split = Literal["grouped", "paper", "official"]
Variant = Literal["mm", "pub", "pubmm"]
Executor = Literal["local"]

EVERY = ("out", "version", "overwrite")
FITS: Mapping[str, tuple[str, ...]] = {
    "books": (
        "books", "workers", "configs", "ocr", "split_by", "duplicates", "min_size", "work", "executor",
        "vqa", "vqa_endpoint", "vqa_model", "vqa_prompt", "vqa_concurrency", "vqa_time_limit", "vqa_prices",
        "vqa_cache",
    ),
    "public": ("raw", "workers", "split", "allow_missing", "max_side"),
    "mixture": ("variant", "data", "mixture", "against", "allow_leakage", "seed"),
}  # fmt: skip
"""What a dataset takes besides :data:`EVERY`, by what it is made from (``Dataset.source``); the first is needed."""
EXAMPLES = {"books": '"~/books"', "raw": '"~/raw/ham10000"', "variant": '"mm", data={"mm_skin": "data/mm-skin"}'}


def build(
    dataset: str,
    *,
    out: Place,
    version: str = "0.1.0",
    overwrite: bool = False,
    workers: int | None = None,
    # made of books
    books: Sequence[Place] | Place = (),
    configs: Names = "captions,open_vqa,demographics",
    ocr: Ocr = "auto",
    split_by: SplitBy = "auto",
    duplicates: Duplicates = "pair",
    min_size: int = 64,
    work: Place | None = None,
    executor: Executor = "local",
    vqa: Writer | None = None,
    vqa_endpoint: str | None = None,
    vqa_model: str | None = None,
    vqa_prompt: str = "open_vqa-1",
    vqa_concurrency: int = 8,
    vqa_time_limit: int | None = None,
    vqa_prices: tuple[float, float] = (0.0, 0.0),
    vqa_cache: Place | None = None,
    # made of public data
    raw: Place | None = None,
    split: Split = "grouped",
    allow_missing: bool = False,
    max_side: int = 512,
    # made of datasets
    variant: Variant | None = None,
    data: Places = (),
    mixture: Place | None = None,
    against: Places = (),
    allow_leakage: bool = False,
    seed: int = 0,
) -> BuildRecord:
    """Build one dataset into the folder ``out``, as ``mmskin build`` does, and return its ``build.json``.

    Examples::

        mm.build("mm_skin", books="~/books", out="data/mm-skin", version="1.0.0")
        mm.build("ham10000", raw="~/raw/ham10000", out="data/ham10000", version="1.0.0")
        mm.build("skinvl_sft", variant="mm", data={"mm_skin": "data/mm-skin"}, out="data/sft-mm", version="1.0.0")

    Args:
        dataset: A name of the registry; ``mmskin datasets`` lists them.
        out: Folder to write into, put together beside it and renamed into place: it holds a whole dataset or is left
            as it was.
        version: X.Y.Z, of the dataset.
        overwrite: Replace whatever ``out`` holds.
        workers: Processes (books) or threads (public data); all cores by default. The bytes do not depend on it.

        books: *Of books:* PDF files, folders that hold some, or glob patterns; one or several.
        configs: Which to build, of captions, open_vqa and demographics.
        ocr: Engine for scanned pages; "auto" is docTR where its weights are, otherwise RapidOCR.
        split_by: What stays together in a split; "auto" is book from five books on, otherwise figure.
        duplicates: What stands only once: a picture with its words, or a picture, whatever its words.
        min_size: Pictures with a shorter side in pixels are rejected.
        work: Folder for intermediate results, kept; by default ``out`` with ``.work`` added, removed at the end.
        executor: Where the work runs.
        vqa: Who writes the questions of open_vqa: the rules (no model, no network), or an endpoint.
        vqa_endpoint: Base URL of an OpenAI-compatible server, or "hf"; its key is read from ``MMSKIN_VQA_KEY``.
        vqa_model: The model as the endpoint knows it.
        vqa_prompt: Version of the prompt.
        vqa_concurrency: Requests under way at most.
        vqa_time_limit: Ask no longer than so many minutes; the same call goes on later.
        vqa_prices: Prices of a million tokens in and out, to show the cost so far.
        vqa_cache: Folder the answers are kept in; by default ``mmskin/vqa`` in the cache of Hugging Face.

        raw: *Of public data:* folder of the download; zips in it are read unopened.
        split: "grouped" keeps patients, lesions and near-duplicates together, "paper" has the original release's
            test list, "official" the source's own; not every dataset has all three.
        allow_missing: Build what is there; rows without a picture are rejected.
        max_side: Longer side of a published picture in pixels; 0 copies every picture as it is.

        variant: *Of datasets:* mm (MM-Skin), pub (the public sets) or pubmm (both).
        data: The sources: folders that were built, ``owner/name@revision``, or tables of the original release
            (``train.json:IMAGES``).
        mixture: YAML with weights and caps; by default the shipped one.
        against: More datasets whose test split must not be seen.
        allow_leakage: Keep the rows that test splits know; they are counted.
        seed: Decides what a cap leaves, and the order.

    Raises:
        WrongUse: The dataset or an option is not known or does not fit; nothing was read or written.
        NothingUsable: There is nothing to publish; nothing was written.
        OutputExists: ``out`` holds something else.
        MissingExtra: A package is missing; the error has the line that installs it.
        MmskinError: Anything else a user can mend, such as a full disk; the same call goes on.
    """
    given: dict[str, Any] = dict(locals())  # the first line: nothing but the arguments
    found = _dataset(given.pop("dataset"))
    _check(found, given)
    return cast("BuildRecord", _BUILDERS[found.source](found, given))


def _dataset(name: str) -> Dataset:
    if name not in DATASETS:
        near = difflib.get_close_matches(str(name), DATASETS, 1, 0.5)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise WrongUse(f"There is no dataset {name!r}.", f"{hint}There are: {', '.join(DATASETS)}")
    return DATASETS[name]


def _check(dataset: Dataset, given: Mapping[str, Any]) -> None:
    """Refuse what argparse refuses on the command line: options of others, unknown choices, numbers out of range."""
    fitting = (*EVERY, *FITS[dataset.source])
    defaults = build.__kwdefaults__ or {}
    others = [name for name, value in given.items() if name not in fitting and value != defaults[name]]
    if others:
        raise WrongUse(f"{dataset.name} takes no {', no '.join(others)}.", f"It takes: {', '.join(fitting)}")
    for name, kind in (("ocr", Ocr), ("split_by", SplitBy), ("duplicates", Duplicates), ("split", Split),
                       ("executor", Executor)):  # fmt: skip
        check_choice(name, given[name], kind)
    if given["vqa"] is not None:
        check_choice("vqa", given["vqa"], Writer)
    for name, least in (("workers", 1), ("min_size", 1), ("vqa_concurrency", 1), ("vqa_time_limit", 1),
                        ("max_side", 0), ("seed", 0)):  # fmt: skip
        check_whole(name, given[name], least, optional=defaults[name] is None)
    needed = FITS[dataset.source][0]
    if not given[needed]:
        raise WrongUse(f"{dataset.name} cannot be built without {needed}.", f"Say {needed}={EXAMPLES[needed]}")


def _of_books(dataset: Dataset, given: Mapping[str, Any]) -> dict[str, Any]:
    from mmskin_hub.engine.limits import worker_context

    worker_context()  # its server loads what the workers need while this process loads what the builder needs
    module = dataset.load()
    same = ("version", "ocr", "split_by", "duplicates", "min_size", "overwrite")
    request = module.Request(
        books=several(given["books"]),
        out=path_of(given["out"]),
        configs=names_of(given["configs"]),
        workers=given["workers"] or available_cores(),
        work=path_or_none(given["work"]),
        **_endpoint(given),
        **{name: given[name] for name in same},
    )
    return cast("dict[str, Any]", module.build(request))


def _endpoint(given: Mapping[str, Any]) -> dict[str, Any]:
    """The endpoint's part of the request, empty for the rules."""
    vqa, url, model = given["vqa"], given["vqa_endpoint"], given["vqa_model"]
    if vqa == "rules" and url:
        raise WrongUse("--vqa rules and --vqa-endpoint exclude each other.", "Leave out one of them.")
    if vqa == "endpoint" and not url:
        raise WrongUse("--vqa endpoint needs the address of the endpoint.", "Give it with --vqa-endpoint URL.")
    if not url:
        if model:
            raise WrongUse("--vqa-model needs an endpoint.", "Give its address with --vqa-endpoint URL.")
        return {}
    if not model:
        raise WrongUse("--vqa-endpoint needs a model.", "Name it with --vqa-model NAME.")
    from mmskin_hub.derive.vqa.endpoint import EndpointSettings

    price_in, price_out = given["vqa_prices"]
    limit = given["vqa_time_limit"]
    settings = EndpointSettings(
        url="" if url == "hf" else url,
        model=model,
        prompt=given["vqa_prompt"],
        concurrency=given["vqa_concurrency"],
        time_limit=60.0 * limit if limit else None,
        price_in=price_in,
        price_out=price_out,
    )
    return {"endpoint": settings, "cache": path_of(given["vqa_cache"] or _answers())}


def _answers() -> Path:
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME) / "mmskin" / "vqa"


def _of_public(dataset: Dataset, given: Mapping[str, Any]) -> dict[str, Any]:
    spec = dataset.load().SPEC
    from mmskin_hub.engine.public.build import Request
    from mmskin_hub.engine.public.build import build as build_public

    same = ("version", "split", "allow_missing", "max_side", "overwrite")
    request = Request(
        raw=path_of(given["raw"]),
        out=path_of(given["out"]),
        threads=given["workers"] or available_cores(),
        **{name: given[name] for name in same},
    )
    return build_public(spec, request, teller())


def _of_datasets(dataset: Dataset, given: Mapping[str, Any]) -> dict[str, Any]:
    module = dataset.load()
    same = ("variant", "version", "allow_leakage", "seed", "overwrite")
    request = module.Request(
        data=named(given["data"]),
        out=path_of(given["out"]),
        mixture=path_or_none(given["mixture"]),
        against=named(given["against"]),
        threads=available_cores(),
        **{name: given[name] for name in same},
    )
    return cast("dict[str, Any]", module.build(request, teller()))


_BUILDERS = {"books": _of_books, "public": _of_public, "mixture": _of_datasets}
