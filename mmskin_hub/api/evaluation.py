"""``mm.evaluate`` and ``mm.audit``: what a model can do, and whether its test was fair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from mmskin_hub.api.arguments import (
    Names,
    Place,
    Places,
    check_choice,
    check_whole,
    named,
    names_of,
    path_of,
    path_or_none,
    teller,
    text_of,
    where_of,
)

if TYPE_CHECKING:
    from mmskin_hub.api.records import AuditReport
    from mmskin_hub.evals.results import Results

Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Features = Literal["auto", "projector", "pooled", "cls", "mean"]
ProbeMode = Literal["strict", "paper"]


def evaluate(
    model: Place,
    *,
    tasks: Names,
    out: Place,
    data: Places = (),
    adapter: Place | None = None,
    revision: str | None = None,
    dtype: Dtype = "auto",
    device: str | None = None,
    batch_size: int | Literal["auto"] = "auto",
    template: Place | None = None,
    served_model: str | None = None,
    trust_remote_code: bool = False,
    pickle: bool = False,
    limit: int | None = None,
    seed: int = 0,
    audit: Place | None = None,
    calibrate: bool = False,
    bertscore: Place | None = None,
    features: Features = "auto",
    probe_mode: ProbeMode = "strict",
    feature_cache: Place | None = None,
    overwrite: bool = False,
) -> Results:
    """Ask ``model`` about the test pictures of each task, as ``mmskin eval`` does, and return ``results.json``.

    The folder ``out`` also gets ``report.html`` and a Parquet row a sample. The same call goes on with a run that was
    stopped; nothing is asked twice.

    Example::

        results = mm.evaluate("out/tiny", tasks="mmskin_ham10000_gen", data={"ham10000": "data/ham10000"}, out="runs/a")
        results["tasks"]["mmskin_ham10000_gen"]["metrics"]["accuracy"]["value"]

    Args:
        model: A folder (a whole model, or an adapter that names its base), ``owner/name`` on the Hub, or the address
            of a server (``http://HOST/v1``; its key is read from ``MMSKIN_EVAL_KEY``).
        tasks: Tasks, groups (skinvl8, mm_skin_vqa) and probes (probe8); ``mmskin tasks`` lists them.
        out: Folder for the results.
        data: Where each dataset is: a folder that was built, or ``owner/name@revision``.
        adapter: A LoRA adapter on top of ``model``.
        revision: Of ``model`` on the Hub.
        dtype: Of the weights; "auto" as they are stored.
        device: cpu, cuda, cuda:1, …; by default a GPU where there is one.
        batch_size: Samples at once; "auto" for as many as fit.
        template: How a question is put: llava-med, vicuna, plain, or a file; by default the model's chat template.
        served_model: Which model of a server to ask, where it serves several.
        trust_remote_code: Run the Python code that comes with ``model`` (it can do anything).
        pickle: Load weights that are not safetensors (they may run code, too).
        limit: Only the first samples of each task.
        seed: For sampling, folds and intervals.
        audit: ``report.json`` of an audit: its warnings go into the report.
        calibrate: Also report choices after contextual calibration.
        bertscore: Encoder to score answers to questions with, by BERTScore, too.
        features: Of probes: which output of the encoder; "auto" for the best that it has.
        probe_mode: Of probes: our protocol, or that of the original release.
        feature_cache: Of probes: where features are kept; by default in the cache of Hugging Face.
        overwrite: Throw away the run that is in ``out``.

    Returns:
        What ``results.json`` holds; nothing in every process but the first, where ``accelerate launch`` runs several.

    Raises:
        WrongUse: A task, a dataset or an option that is not there.
        OutputExists: ``out`` holds something else.
        MissingExtra: A package of the extra ``eval`` is missing.
        MmskinError: The model cannot be loaded, the server or the Hub not be reached; what was scored is kept.
    """
    check_choice("dtype", dtype, Dtype)
    check_choice("features", features, Features)
    check_choice("probe_mode", probe_mode, ProbeMode)
    check_whole("limit", limit)
    check_whole("seed", seed, 0, optional=False)
    if batch_size != "auto":
        check_whole("batch_size", batch_size)
    from mmskin_hub.evals.run import Request
    from mmskin_hub.evals.run import evaluate as run

    request = Request(
        model=text_of(model),
        tasks=names_of(tasks),
        data=where_of(data),
        out=path_of(out),
        adapter=None if adapter is None else text_of(adapter),
        revision=revision,
        dtype=dtype,
        device=device,
        batch_size=batch_size,
        limit=limit,
        seed=seed,
        audit=path_or_none(audit),
        calibrate=calibrate,
        bertscore=None if bertscore is None else text_of(bertscore),
        template=None if template is None else text_of(template),
        served_model=served_model,
        trust_remote_code=trust_remote_code,
        pickle=pickle,
        overwrite=overwrite,
        probes={"features": features, "mode": probe_mode, "cache": path_or_none(feature_cache)},
    )
    return run(request, teller())


def audit(
    train: Places,
    *,
    against: Places,
    out: Place | None = None,
    fix: Place | None = None,
    ignore: Names = "",
    radius: int = 36,
    quick: bool = False,
    embeddings: Place = "",
    similarity: float = 0.95,
    overwrite: bool = False,
) -> AuditReport:
    """Find the rows of training sets that repeat what test sets hold, as ``mmskin audit`` does.

    Example::

        report = mm.audit({"isic": "data/isic2019"}, against={"ham": "data/ham10000"}, out="audit")
        report["contaminated"], report["exclude"]["isic"]

    Args:
        train: Training sets: folders that were built, lists of ids, folders of pictures, or ``owner/name@revision``.
        against: Test sets, likewise.
        out: Folder for ``report.json``, lists of ids to exclude, and a sheet of pictures; by default nothing is
            written.
        fix: Folder for the training set without those rows (of several: a folder each in it).
        ignore: Kinds of overlap that are told but exclude nothing: same_series, …
        radius: Bits, of 256, up to which two pictures are near-duplicates; 0 to 60.
        quick: Trust the hashes stored with training sets; test pictures that were cropped out of them are then missed.
        embeddings: An image encoder of transformers to compare by, too (extra ``audit``).
        similarity: Cosine from which two pictures are the same to the encoder; above 0, at most 1.
        overwrite: Replace whatever ``fix`` holds.

    Returns:
        The report; ``contaminated`` is true where a row has to be excluded, also where ``fix`` wrote the set without.

    Raises:
        WrongUse: A set or an option that is not there; nothing was written.
        NothingUsable: A set holds no row.
        OutputExists: ``fix`` holds something else.
        MissingExtra: A package of the extra ``audit`` is missing.
    """
    from mmskin_hub.evals.overlap import Request
    from mmskin_hub.evals.overlap import audit as run

    request = Request(
        train=named(train),
        against=named(against),
        out=path_or_none(out),
        fix=path_or_none(fix),
        embeddings=text_of(embeddings),
        similarity=similarity,
        radius=radius,
        ignore=names_of(ignore),
        quick=quick,
        overwrite=overwrite,
    )
    return cast("AuditReport", run(request, teller()))
