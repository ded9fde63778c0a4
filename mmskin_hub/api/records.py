"""What the functions of the API return: the very records that the files beside the data, the results and the models
hold, and that ``--json`` prints."""

from typing import Any, Literal, NotRequired, TypedDict


class SplitSize(TypedDict):
    """How large one split of one config is."""

    rows: int
    bytes: int


class BuildRecord(TypedDict):
    """``build.json`` of a dataset. ``options`` are those that decide what is published; ``files`` maps a path in the
    folder to its ``size`` in bytes and its ``sha256``; ``configs`` maps a config to its splits."""

    dataset: str
    version: str
    options: dict[str, Any]
    tools: dict[str, str]
    inputs: list[dict[str, Any]]
    counts: dict[str, Any]
    """What was read and what became of it; it balances. ``rejects`` counts by reason what is not published."""
    configs: dict[str, dict[str, SplitSize]]
    files: dict[str, dict[str, Any]]
    run: dict[str, Any]
    """Seconds and speed: the only part that is not the same in every build."""
    variant: NotRequired[str]
    """Of a mixture: mm, pub or pubmm."""
    against: NotRequired[list[dict[str, Any]]]
    """Of a mixture: the datasets whose test splits were compared besides its own."""
    absent: NotRequired[list[str]]
    """Of a mixture: the sources it could have and was not given."""
    recipe: NotRequired[Any]
    """Of a mixture: caps and weights, by source and config."""
    leakage: NotRequired[dict[str, Any]]
    """Of a mixture: the rows that repeat what a test split holds."""
    title: NotRequired[str]
    licence: NotRequired[str]
    may_push: NotRequired[str]
    """Of a public dataset: what may go to a public repository (yes, no, labels, gated)."""
    source: NotRequired[str]
    how_to_get: NotRequired[str]
    full_release: NotRequired[dict[str, Any]]
    classes: NotRequired[list[str]]
    group_by: NotRequired[list[str]]
    split: NotRequired[dict[str, Any]]
    """Of a public dataset: how it was split."""
    sets: NotRequired[dict[str, Any]]
    """Of a public dataset with several configs: counts and split of each further one."""


class AuditReport(TypedDict):
    """``report.json`` of an audit."""

    audit: str
    """The version of mmskin-hub."""
    contaminated: bool
    """Whether any row has to be excluded."""
    settings: dict[str, Any]
    train: list[dict[str, Any]]
    """Each training set with ``name``, ``rows``, ``to_exclude`` and what could not be read."""
    against: list[dict[str, Any]]
    kinds: Any
    """The kinds of overlap, the surest first."""
    counts: list[dict[str, Any]]
    """By training set, test set and kind: ``train_rows`` and ``test_rows``."""
    exclude: dict[str, list[str]]
    """The ids to exclude of each training set."""
    pairs: list[dict[str, Any]]
    unlike: list[dict[str, Any]]
    """Pairs as near as near-duplicates whose pictures, looked at, are not alike."""
    fixed: list[dict[str, Any]]
    """What ``fix`` wrote: ``train``, ``kept``, ``dropped``."""


class ReleaseReport(TypedDict):
    """What came of a release."""

    status: Literal["released", "already released", "refused", "dry run"]
    kind: Literal["dataset", "model"]
    name: str
    version: str
    tag: str
    repo: str
    url: str
    """Where the release is found: an address or, with ``to``, the folder to load."""
    to: str
    """The folder that stood in for the Hub, "" for the Hub itself."""
    private: bool
    form: Literal["full", "locator"]
    """A locator has no picture and no sentence, but all it takes to make the same dataset again."""
    rights: dict[str, Any]
    notes: list[str]
    left_at_home: list[str]
    """Files that training left beside the model, and that are not part of a release."""
    previous_version: NotRequired[str]
    verdicts: NotRequired[list[dict[str, Any]]]
    """Of the gate: ``check``, ``passed`` (None: does not apply), ``found``, ``wanted``, ``remedy``."""
    forced_reason: NotRequired[str]
    files: NotRequired[dict[str, dict[str, Any]]]
    card: NotRequired[str]
    commit: NotRequired[str]
    verified: NotRequired[dict[str, Any]]
    """``files`` and ``bytes`` that were read back and compared."""


class RematerializeReport(TypedDict):
    """Whether the dataset is the one of the locator. ``files`` maps a path to "identical", "differs", "missing" or
    "unexpected"; ``out`` is where the dataset lies, "" where none could be made."""

    dataset: str
    version: str
    identical: bool
    out: str
    files: dict[str, str]
    differences: list[dict[str, Any]]
    """Each with its ``kind`` and a ``text`` for people."""


class TrainRecord(TypedDict, total=False):
    """``run.json`` of a training. Of a dry run there are only ``status`` and ``command``."""

    form: int
    status: str
    """"finished"; while it runs "running" and "trained"; "stopped" where it ended before its time; "dry run"."""
    command: list[str]
    data: Any
    base: dict[str, Any]
    configuration: dict[str, Any]
    versions: dict[str, str]
    seed: int
    data_seed: int | None
    sessions: list[dict[str, Any]]
    hours: float
    energy: dict[str, Any]
    result: dict[str, Any]
    weights: dict[str, str]
    """SHA-256 of each file of weights."""


class MergeRecord(TypedDict):
    """The part "merge" of ``run.json``. The figures are differences of logits: see ``mmskin merge --help``."""

    base: dict[str, Any]
    adapter: dict[str, Any]
    result: dict[str, str]
    dtype: str
    merged_in: str
    questions: int
    largest_logit: float
    effect_of_adapter: float
    rounding_floor: float
    adapter_vs_merged: float
    rounding_to_dtype: float
    merged_vs_reloaded: float


ConvertRecord = TypedDict(
    "ConvertRecord",
    {
        "from": dict[str, Any],
        "weights": dict[str, str],
        "vision_tower": dict[str, Any],
        "warnings": list[str],
        "vocabulary": dict[str, int],
        "dtype": str,
        "parameters": int,
        "buffers_left_out": Any,
        "result": dict[str, str],
    },
)
"""The part "convert" of ``run.json``; ``warnings`` are sentences for people."""
