"""Every row is looked at before the first step: what it holds, how long it is, whether its picture can be decoded.

What comes out is the *index*: one line of numbers a row, and the rows that were refused. It is kept in the output
folder, so that a run that goes on, and the other processes of a run, need not look again.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.engine.work import atomic, digest_of
from mmskin_hub.errors import MmskinError, WrongUse, describe
from mmskin_hub.training.collate import Renderer, answer_of

if TYPE_CHECKING:
    import pyarrow as pa

NEEDED = ("id", "images", "prompt", "completion")
"""The columns that a dataset must have."""
OPTIONAL = ("weight", "source", "config", "image_sha256")
_BATCH = 32
_FORM = 2
"""Number of the index's form; another one is made anew."""


@dataclass
class Looked:
    """What looking at a split found: ``index`` has a line for each row that fits, ``rejects`` one for every other."""

    index: pa.Table
    rejects: list[dict[str, Any]] = field(default_factory=list)
    read: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a row has to fulfil; ``tokens`` is the longest text, ``None`` for any."""

    tokens: int | None
    text_rows: bool = False
    pictures: str = "decode"
    workers: int = 0


class PictureTokens:
    """How many tokens a picture of a size stands for, beyond the one that stands for it in the text.

    Processors know it (transformers: ``_get_num_multimodal_tokens``) but for what they write around a picture; that is
    measured on a blank one, checked on another, and where it does not hold every size is measured.
    """

    def __init__(self, renderer: Renderer) -> None:
        self.renderer = renderer
        self.text = renderer.render([{"role": "user", "content": "?"}], "!", 1).full
        self._plain = len(renderer.tokens([self.text])[0])
        self._known: dict[tuple[int, int], int] = {}
        self._around: int | None = None
        try:
            differences = {self.measured(size) - self._told([size])[0] for size in ((64, 64), (97, 301), (480, 640))}
            self._around = differences.pop() if len(differences) == 1 else None
        except (AttributeError, KeyError, TypeError, NotImplementedError, IndexError):
            self._around = None

    def of(self, sizes: Sequence[tuple[int, int]]) -> list[int]:
        """For each (height, width) in pixels the tokens that such a picture adds."""
        new = sorted(set(sizes) - self._known.keys())
        if self._around is not None and new:
            self._known.update(zip(new, (told + self._around for told in self._told(new)), strict=True))
        else:
            self._known.update({size: self.measured(size) for size in new})
        return [self._known[size] for size in sizes]

    def measured(self, size: tuple[int, int]) -> int:
        """The same, found out on a blank picture of ``size``."""
        from PIL import Image

        blank = Image.new("RGB", (size[1], size[0]))
        special = self.renderer.adds_special(self.text)
        made = self.renderer.processor(text=[self.text], images=[[blank]], add_special_tokens=special)
        return len(made["input_ids"][0]) - self._plain

    def _told(self, sizes: Sequence[tuple[int, int]]) -> list[int]:
        told = self.renderer.processor._get_num_multimodal_tokens(image_sizes=[list(size) for size in sizes])
        return [int(number) for number in told["num_image_tokens"]]


def index_schema() -> pa.Schema:
    """The columns of the index.

    ``id``: of the row; ``place``: its number in the split (from 0); ``group``: of its row group; ``length`` and
    ``learned``: tokens in all and of the answer; ``weight``: as the dataset has it, 1 without; ``pool``: source/config.
    """
    import pyarrow as pa

    whole = {name: pa.int32() for name in ("place", "group", "length", "learned")}
    return pa.schema(
        [
            ("id", pa.string()),
            *whole.items(),
            ("weight", pa.float32()),
            ("pool", pa.dictionary(pa.int32(), pa.string())),
        ]
    )


def index_key(files: Mapping[str, str], processor: Any, limits: Limits) -> str:
    """A digest of everything that the index depends on; ``files``: name and SHA-256 of each."""
    image = processor.image_processor
    words = {
        "form": _FORM,
        "files": dict(files),
        "limits": [limits.tokens, limits.text_rows, limits.pictures],
        "processor": [type(processor).__name__, image.to_dict() if hasattr(image, "to_dict") else repr(image)],
        "more": {key: value for key, value in vars(processor).items() if isinstance(value, (int, str, bool))},
        "template": str(processor.chat_template),
        "tokenizer": processor.tokenizer.get_vocab() if not processor.tokenizer.is_fast else _backend(processor),
    }
    return digest_of(json.loads(json.dumps(words, default=repr)))


def _backend(processor: Any) -> str:
    return str(processor.tokenizer.backend_tokenizer.to_str())


def check_columns(files: Iterable[Path]) -> None:
    """Raise :class:`WrongUse` for the first file without the columns of a mixture, or with others of that name."""
    import pyarrow.parquet as pq

    for file in files:
        try:
            schema = pq.read_schema(file)
        except Exception as error:
            raise WrongUse(f"{file} cannot be read as Parquet ({describe(error)}).", "Build the data again.") from error
        for name in NEEDED:
            if name not in schema.names:
                what = f"has no column {name!r}; it has {', '.join(schema.names)}"
            elif not _is_of_kind(name, schema.field(name).type):
                what = f"has a column {name!r} of another kind, {schema.field(name).type}"
            else:
                continue
            raise WrongUse(f"{file} {what}.", "Training wants a mixture: mmskin build skinvl_sft")


def _is_of_kind(name: str, kind: pa.DataType) -> bool:
    """``id`` is text; the others are lists of messages (role, content) or of pictures (bytes)."""
    import pyarrow as pa

    if name == "id":
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
    parts = {"bytes"} if name == "images" else {"role", "content"}
    lists = (pa.types.is_list(kind), pa.types.is_large_list(kind), pa.types.is_fixed_size_list(kind))
    inner = kind.value_type if any(lists) else None
    return inner is not None and pa.types.is_struct(inner) and parts <= {field.name for field in inner}


def look(
    files: Sequence[Path],
    split: str,
    renderer: Renderer,
    limits: Limits,
    tell: Callable[[str], None] = lambda text: None,
) -> Looked:
    """Look at every row of ``files``, front to back, a few at a time.

    Rows longer than ``limits.tokens`` become rejects. Raises :class:`MmskinError` for what a training must not begin
    with: a row without picture, question or answer, or pictures that cannot be read; it names the first.
    """
    import pyarrow as pa

    sizes = PictureTokens(renderer)
    found = Looked(index_schema().empty_table())
    tables: list[pa.Table] = []
    broken: list[tuple[str, str, str]] = []
    with ThreadPoolExecutor(limits.workers or os.cpu_count() or 1) as pool:
        for file, first, group, rows in _rows(files):
            if found.read % 20_000 < _BATCH and found.read:
                tell(f"{split}: looked at {found.read:,} rows")
            _check(rows, file, found.read - first, limits, renderer)
            pictures = _pictures(rows, limits.pictures, pool)
            broken += [(row["id"], file.name, size) for row, size in zip(rows, pictures, strict=True) if _bad(size)]
            added = sizes.of([size for size in pictures if isinstance(size, tuple)])
            tables.append(_measured(rows, pictures, iter(added), found, (split, file.name, group), renderer, limits))
            found.read += len(rows)
    if broken:
        row, name, why = broken[0]
        raise MmskinError(
            f"{len(broken):,} rows of {split} have a picture that cannot be read; the first is {row} of {name}: {why}",
            "Build the dataset again without them; no step was made.",
        )
    if tables:
        found.index = pa.concat_tables(tables, promote_options="default").unify_dictionaries().combine_chunks()
    return found


def _bad(size: Any) -> bool:
    return isinstance(size, str)


def _rows(files: Sequence[Path]) -> Iterator[tuple[Path, int, int, list[dict[str, Any]]]]:
    """File, number of its first row in the split, number of the row group, and rows without their pictures' pixels."""
    import pyarrow.parquet as pq

    first = groups = 0
    for file in files:
        with pq.ParquetFile(file) as parquet:
            columns = [name for name in (*NEEDED, *OPTIONAL) if name in parquet.schema_arrow.names]
            for group in range(parquet.num_row_groups):
                for batch in parquet.iter_batches(_BATCH, row_groups=[group], columns=columns):
                    yield file, first, groups + group, batch.to_pylist()
            groups += parquet.num_row_groups
            first += parquet.metadata.num_rows


def _check(rows: Sequence[Mapping[str, Any]], file: Path, at: int, limits: Limits, renderer: Renderer) -> None:
    token = str(getattr(renderer.processor, "image_token", "") or "<image>")
    for number, row in enumerate(rows, at + 1):
        where = f"Row {number} of {file} ({row['id']})"
        remedy = "Build the dataset again without it: mmskin build skinvl_sft"
        prompt, completion = row["prompt"] or [], row["completion"] or []
        if any(message is None or message["content"] is None for message in (*prompt, *completion)):
            raise MmskinError(f"{where} has a message without words.", remedy)
        if not row["images"] and not limits.text_rows:
            raise MmskinError(f"{where} has no picture.", "Build the dataset without it, or say --text_rows true")
        if not any(message["role"] == "user" and message["content"] for message in prompt):
            raise MmskinError(f"{where} asks nothing: its prompt has no words of a user.", remedy)
        if [message["role"] for message in completion] != ["assistant"] or not completion[0]["content"].strip():
            raise MmskinError(f"{where} has no answer: its completion is not one message of the assistant.", remedy)
        if any(token in message["content"] for message in (*prompt, *completion)):
            raise MmskinError(f"{where} says {token}, which stands for a picture.", remedy)


def _pictures(rows: Sequence[Mapping[str, Any]], how: str, pool: ThreadPoolExecutor) -> list[Any]:
    """For each row ``None`` (no picture), (height, width), or why its picture cannot be read."""
    jobs: list[Any] = []
    last: tuple[Any, Any] = (None, None)
    for row in rows:
        if not row["images"]:
            jobs.append(None)
            continue
        name = row.get("image_sha256") or id(row)
        if name != last[0]:
            last = (name, pool.submit(_size, [image and image["bytes"] for image in row["images"]], how))
        jobs.append(last[1])
        row["images"][:] = [None] * len(row["images"])  # the bytes are with the pool now
    return [job if job is None else job.result() for job in jobs]


def _size(pictures: Sequence[bytes | None], how: str) -> tuple[int, int] | str:
    from PIL import Image

    try:
        if len(pictures) > 1:
            return "the row has more than one picture"
        with Image.open(io.BytesIO(pictures[0] or b"")) as image:
            width, height = image.size
            if how == "decode":
                # An eighth of the size in each direction: the file is read to its end, at a fraction of the cost.
                image.draft("RGB", (max(1, width // 8), max(1, height // 8)))
                image.load()
            # Pillow decodes all of a PNG to get at its EXIF, which hardly any has.
            turned = (how == "decode" or image.format != "PNG") and image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except Exception as error:
        return describe(error)
    return (width, height) if turned else (height, width)


def _measured(
    rows: Sequence[Mapping[str, Any]],
    pictures: Sequence[Any],
    added: Iterator[int],
    found: Looked,
    where: tuple[str, str, int],
    renderer: Renderer,
    limits: Limits,
) -> pa.Table:
    """The lines of the index for ``rows``; what is too long goes to the rejects."""
    import pyarrow as pa

    split, file, group = where
    rendered = [renderer.render(row["prompt"], answer_of(row), len(row["images"])) for row in rows]
    lines: list[dict[str, Any]] = []
    for number, (row, size, (tokens, learned)) in enumerate(
        zip(rows, pictures, renderer.learned(rendered), strict=True)
    ):
        length = tokens + (next(added) if isinstance(size, tuple) else 0)
        place = {"id": row["id"], "place": found.read + number}
        if limits.tokens is not None and length > limits.tokens:
            reject = {**place, "split": split, "file": file, "reason": "too_long", "tokens": length}
            found.rejects.append({**reject, "limit": limits.tokens})
            continue
        pool = f"{row.get('source') or ''}/{row.get('config') or ''}"
        weight = row.get("weight")
        numbers = {"group": group, "length": length, "learned": learned, "weight": 1.0 if weight is None else weight}
        lines.append({**place, **numbers, "pool": pool})
    return pa.Table.from_pylist(lines, schema=index_schema())


def keep(path: Path, key: str, looked: Looked) -> None:
    """Write what was found to ``path``, whole or not at all."""
    import pyarrow.parquet as pq

    said = {"key": key, "rejects": json.dumps(looked.rejects), "read": str(looked.read)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        pq.write_table(looked.index.replace_schema_metadata(said), temporary, compression="zstd")


def kept(path: Path, key: str) -> Looked | None:
    """What :func:`keep` wrote under this ``key``, or ``None``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid):
        return None
    said = {name.decode(): value.decode() for name, value in (table.schema.metadata or {}).items()}
    if said.get("key") != key:
        return None
    return Looked(table, json.loads(said["rejects"]), int(said["read"]))
