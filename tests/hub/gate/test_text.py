"""What is taken for a secret, a path or an address, and what is not: records of dermatology are full of slashes."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mmskin_hub.hub.checks.patterns import (
    EMAILS,
    EMAILS_COARSE,
    PATHS,
    PATHS_COARSE,
    SECRETS,
    SECRETS_COARSE,
    matches,
)
from mmskin_hub.hub.checks.text import leaves, without_paths

# Put together here, so that no scanner takes this file for a leak.
TOKENS = {
    "a Hugging Face token": ("hf_" + "aBcDe" * 7, "token=hf_" + "Q1" * 17, "api_org_" + "x" * 34),
    "a GitHub token": ("ghp_" + "a1B2" * 9, "ghs_" + "a1B2" * 9, "github_pat_" + "1aB_" * 20),
    "a GitLab token": ("glpat-" + "a1-b" * 5,),
    "an AWS access key": ("AKIA" + "ABCDEFGH23456723", "id: ASIA" + "QWERTYUI234567QW"),
    "an AWS secret key": ("aws_secret_access_key = " + "abCD/+12" * 5, 'AWS_SECRET_KEY: "' + "zzYY/+34" * 5 + '"'),
    "an OpenAI key": ("sk-" + "a1B2" * 12, "sk-proj-" + "a_1-" * 10, "key sk-svcacct-" + "a1" * 20),
    "an Anthropic key": ("sk-ant-" + "api03-" + "a1B2" * 8,),
    "a Google key": ("AIza" + "SyA1-" * 7, "ya29." + "a0Af" * 10),
    "a Slack token": ("xox" + "b-1234567890-abcdef",),
    "a Stripe key": ("sk_" + "live_" + "a1B2" * 6,),
    "a package registry's token": ("npm_" + "a1B2" * 9, "pypi-" + "AgEI" + "a1B2" * 15),
    "a JSON web token": ("eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0In0" + "." + "abcDEF123_-xyz",),
    "a private key": ("-----BEGIN " + "RSA PRIVATE KEY-----", "-----BEGIN " + "OPENSSH PRIVATE KEY-----"),
    "a password in an address": ("https://anna:" + "s3cret@hub.example.org/x",),
    "an authorization header": ("Authorization: " + "Bearer abcdefghijklmnop1234",),
}
HARMLESS = (
    "SHA-256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "sk-in lesion", "hf_short", "risk-adjusted task-specific ask-me-anything-about-everything-you-want-to-know",
    "AKIA", "the ASIAN population", "https://huggingface.co/me/repo", "sha256:" + "ab" * 32,
    "Desk-based, mask-like facies", "private key opinion leaders", "owner/name@v1.2.0", "http://localhost:8000/v1",
)  # fmt: skip
LOCAL = (
    "/home/anna/books/atlas.pdf", "see /Users/anna/x", "C:\\Users\\anna\\x.pdf", "file:///srv/x/y", "/tmp/x/y",
    "(/mnt/data/run)", "'/scratch/me/out'", "~anna/books", "skinvl_sft=/data/pubmm/x", "\\\\server\\share",
    "/workspace/run 1/model",
)  # fmt: skip
NOT_LOCAL = (
    "and/or", "erythema/scale", "head/neck", "1/2 cm", "male/female 3/4", "https://hub.example.org/home/x",
    "owner/name/data/x", "data/train-00000-of-00001.parquet", "i.v./p.o.", "mm_skin/captions", "~5 mm", "~/books",
    "papules/tmp", "me/work/out", "(a/b/c)", "captions/data/x.parquet", "0.5/dev", "a: b", "C:D ratio", "e.g. \\beta",
    "mmskin build ham10000 --raw DIR", "hf://datasets/me/x/data/y",
)  # fmt: skip
ADDRESSES = ("anna.b+c@clinic.example.org", "mail to <a@b.de>.", "(X_Y@uni-heidelberg.de)", "a@b.co.uk,")
NO_ADDRESSES = (
    "me/pubmm@v1.2.0", "owner/name@0123abc", "git@github.com:me/x", "p@5 and r@10", "@misc{key", "a @ b.c",
    "name@main", "40x@0.25", "torch@2.5.0rc1", "https://hub.example.org/@me",
)  # fmt: skip


def found(text: str, shapes: Iterable[object]) -> list[str]:
    return [name for name, _ in matches(text, tuple(shapes))]  # type: ignore[arg-type]


def coarse(text: str, pattern: str) -> bool:
    return bool(pc.match_substring_regex(pa.array([text]), pattern)[0].as_py())


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in TOKENS.items() for text in texts])
def test_secrets(name: str, text: str) -> None:
    for around in (text, f"Plaque. {text}", f'{{"key": "{text}"}}', f"{text}\n"):
        assert name in found(around, SECRETS), around
        assert coarse(around, SECRETS_COARSE)


@pytest.mark.parametrize("text", HARMLESS)
def test_no_secrets(text: str) -> None:
    assert not found(text, SECRETS)


@pytest.mark.parametrize("text", LOCAL)
def test_paths(text: str) -> None:
    assert found(text, PATHS) and coarse(text, PATHS_COARSE)


@pytest.mark.parametrize("text", NOT_LOCAL)
def test_no_paths(text: str) -> None:
    assert not found(text, PATHS)


@pytest.mark.parametrize("text", ADDRESSES)
def test_addresses(text: str) -> None:
    assert found(text, EMAILS) and coarse(text, EMAILS_COARSE)


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_no_addresses(text: str) -> None:
    assert not found(text, EMAILS)


def test_a_record_without_the_paths_in_it() -> None:
    record = {
        "base": {"name": "/models/llava med", "revision": None},
        "data": ["skinvl_sft=/home/anna/pubmm", "skinvl_sft=me/pubmm@v1.0.0"],
        "windows": "D:\\runs\\out",
        "kept": ["owner/name", "data/x.parquet", "https://hub.example.org/a/b", "a: /b", "", 3, True, "/"],
    }
    held = str(record)
    assert without_paths(record) == {
        "base": {"name": "llava med", "revision": None},
        "data": ["skinvl_sft=pubmm", "skinvl_sft=me/pubmm@v1.0.0"],
        "windows": "out",
        "kept": record["kept"],
    }
    assert str(record) == held


def test_text_is_found_however_deep_it_lies() -> None:
    rows = [{"a": [{"b": ["x", None]}], "c": "y"}, {"a": None, "c": None}, {"a": [{"b": []}, {"b": ["z"]}], "c": "w"}]
    kind = pa.schema([("a", pa.list_(pa.struct([("b", pa.list_(pa.string()))]))), ("c", pa.large_string())])
    (batch,) = pa.Table.from_pylist(rows, schema=kind).to_batches()
    told = [
        (path, values.to_pylist(), places)
        for name, array in zip(batch.schema.names, batch.columns, strict=True)
        for path, values, places in leaves(name, array, [0, 1, 2])
    ]
    assert told == [("a.b", ["x", None, "z"], [0, 0, 2]), ("c", ["y", None, "w"], [0, 1, 2])]
