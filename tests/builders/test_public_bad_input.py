"""What can be wrong with a download: each ends in a named error or a reject row, never in a wrong label."""

from __future__ import annotations

import importlib
import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from mmskin_hub.cli import main
from mmskin_hub.engine.public import build as core
from mmskin_hub.errors import MmskinError, NothingUsable, OutputExists, WrongUse
from mmskin_hub.registry import PUBLIC
from tests.builders.drawn_public import lay, picture, table, zipped

HAM = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")


def row(name: str, dx: str = "nv", lesion: str = "", age: str = "50") -> tuple[str, ...]:
    return (lesion or f"HAM_{name}", name, dx, "histo", age, "male", "back")


def ham(root: Path, rows: list[tuple[str, ...]], pictures: list[str], **more: bytes) -> Path:
    files = {f"HAM10000_images_part_1/{name}.jpg": picture(name) for name in pictures}
    return lay(root, {"HAM10000_metadata": table(HAM, rows), **files, **more})


def build(name: str, raw: Path, out: Path, **options: Any) -> dict[str, Any]:
    spec = importlib.import_module(PUBLIC[name].module).SPEC
    record = core.build(spec, core.Request(raw=raw, out=out, threads=2, **options))
    assert record["counts"]["read"] == record["counts"]["published"] + record["counts"]["rejected"]
    return record


def rejects(out: Path) -> dict[str, str]:
    return {r["image_id"]: r["reason"] for r in pq.read_table(out / "rejects.parquet").to_pylist()}


GOOD = [f"ISIC_00000{n:02d}" for n in range(10)]


def test_a_label_that_is_no_class_is_a_reject_row(tmp_path: Path) -> None:
    raw = ham(tmp_path / "raw", [*map(row, GOOD), row("ISIC_1", "scc"), row("ISIC_2", "")], [*GOOD, "ISIC_1", "ISIC_2"])
    build("ham10000", raw, tmp_path / "out")
    assert rejects(tmp_path / "out") == {"ISIC_1": "unknown_label", "ISIC_2": "no_label"}


def test_duplicate_ids(tmp_path: Path) -> None:
    rows = [*map(row, GOOD), row(GOOD[0]), row("ISIC_1", "nv"), row("ISIC_1", "mel")]
    build("ham10000", ham(tmp_path / "raw", rows, [*GOOD, "ISIC_1"]), tmp_path / "out")
    found = pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()
    assert sorted((r["image_id"], r["reason"]) for r in found) == [
        (GOOD[0], "duplicate_id"),
        ("ISIC_1", "conflicting_id"),
        ("ISIC_1", "conflicting_id"),
    ]


@pytest.mark.parametrize("name", ["../secret", "..\\secret", "/etc/passwd", "a/../../secret", "C:\\secret", ""])
def test_an_id_that_leads_out_of_its_folder(tmp_path: Path, name: str) -> None:
    lay(tmp_path, {"secret.jpg": picture("secret")})
    build("ham10000", ham(tmp_path / "raw", [*map(row, GOOD), row(name)], GOOD), tmp_path / "out")
    assert list(rejects(tmp_path / "out").values()) == ["bad_id"]


def test_broken_pictures_are_reject_rows(tmp_path: Path) -> None:
    whole = picture("whole", (400, 300))
    broken = {"ISIC_1": whole[: len(whole) // 2], "ISIC_2": b"not a picture", "ISIC_3": b""}
    files = {f"HAM10000_images_part_2/{name}.jpg": data for name, data in broken.items()}
    raw = ham(tmp_path / "raw", [*map(row, GOOD), *map(row, broken)], GOOD, **files)
    build("ham10000", raw, tmp_path / "out")
    assert rejects(tmp_path / "out") == dict.fromkeys(broken, "unreadable_picture")


def test_a_picture_of_too_many_pixels(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(out, "PNG")
    raw = ham(tmp_path / "raw", [*map(row, GOOD), row("ISIC_1")], GOOD, **{"ISIC_1.png": out.getvalue()})
    build("ham10000", raw, tmp_path / "out")
    assert rejects(tmp_path / "out")["ISIC_1"] in ("too_large", "unreadable_picture")


def test_a_zip_made_to_burst(tmp_path: Path) -> None:
    bomb = zipped({"ISIC_1.jpg": bytes(64 << 20)})
    raw = ham(tmp_path / "raw", [*map(row, GOOD), row("ISIC_1")], GOOD, **{"part_2.zip": bomb})
    build("ham10000", raw, tmp_path / "out")
    assert rejects(tmp_path / "out") == {"ISIC_1": "unreadable_picture"}
    with pytest.raises(MmskinError, match="would unpack to"):
        build("ham10000", lay(tmp_path / "nested", {"a.zip": zipped({"b.zip": bytes(64 << 20)})}), tmp_path / "x")


def test_a_member_larger_than_it_says(tmp_path: Path) -> None:
    data = bytearray(zipped({"ISIC_1.jpg": bytes(100_000)}))
    for start in (data.find(b"PK\x03\x04") + 22, data.find(b"PK\x01\x02") + 24):
        data[start : start + 4] = (100).to_bytes(4, "little")
    raw = ham(tmp_path / "raw", [*map(row, GOOD), row("ISIC_1")], GOOD, **{"part_2.zip": bytes(data)})
    build("ham10000", raw, tmp_path / "out")
    assert rejects(tmp_path / "out") == {"ISIC_1": "unreadable_picture"}


def test_a_damaged_member_of_a_zip(tmp_path: Path) -> None:
    good = picture("ISIC_1", (300, 200))
    data = zipped({"ISIC_1.jpg": good}, zipfile.ZIP_STORED).replace(good[200:210], bytes(10), 1)
    assert zlib.crc32(data)
    raw = ham(tmp_path / "raw", [*map(row, GOOD), row("ISIC_1")], GOOD, **{"part_2.zip": data})
    build("ham10000", raw, tmp_path / "out")
    assert rejects(tmp_path / "out") == {"ISIC_1": "unreadable_picture"}


def test_half_a_zip_is_an_error_that_names_it(tmp_path: Path) -> None:
    whole = zipped({f"{name}.jpg": picture(name) for name in GOOD})
    raw = lay(
        tmp_path / "raw", {"HAM10000_metadata": table(HAM, map(row, GOOD)), "part_1.zip": whole[: len(whole) // 2]}
    )
    with pytest.raises(MmskinError, match=r"part_1\.zip below --raw is no whole zip"):
        build("ham10000", raw, tmp_path / "out")


def test_a_zip_whose_members_lead_out_of_it(tmp_path: Path) -> None:
    raw = ham(tmp_path / "raw", [*map(row, GOOD)], GOOD, **{"evil.zip": zipped({"../../x.jpg": picture(1)})})
    with pytest.raises(MmskinError, match="leads out of it"):
        build("ham10000", raw, tmp_path / "out")


def test_a_half_finished_download_is_refused_and_named(tmp_path: Path) -> None:
    raw = ham(tmp_path / "raw", [*map(row, GOOD)], GOOD[:6], **{"ISIC_0000007.jpg.part": b"half"})
    with pytest.raises(MmskinError, match=r"4 of 10 pictures .* are missing .*ISIC_0000006"):
        build("ham10000", raw, tmp_path / "out")
    record = build("ham10000", raw, tmp_path / "out", allow_missing=True)
    assert record["counts"]["rejects"] == {"missing_picture": 4}
    with pytest.raises(NothingUsable, match="10 of 10"):
        build("ham10000", ham(tmp_path / "none", [*map(row, GOOD)], []), tmp_path / "o2", allow_missing=True)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_the_wrong_folder(tmp_path: Path, name: str) -> None:
    lay(tmp_path / "raw", {"holiday/beach.jpg": picture(1), "notes.txt": b"x"})
    with pytest.raises((WrongUse, NothingUsable)) as caught:
        build(name, tmp_path / "raw", tmp_path / "out")
    assert str(tmp_path / "raw") in str(caught.value) and caught.value.remedy
    assert not (tmp_path / "out").exists()


def test_a_table_without_its_columns(tmp_path: Path) -> None:
    raw = lay(tmp_path / "raw", {"metadata.csv": b"img_id,label\na.png,NEV\n", "a.png": picture(1, kind="PNG")})
    with pytest.raises(WrongUse, match="has no column patient_id"):
        build("pad_ufes_20", raw, tmp_path / "out")


def test_lines_with_too_few_cells(tmp_path: Path) -> None:
    good = table(HAM, map(row, GOOD)) + b"HAM_1,ISIC_1,nv\n"
    raw = lay(tmp_path / "raw", {"HAM10000_metadata": good, **{f"{name}.jpg": picture(name) for name in GOOD}})
    build("ham10000", raw, tmp_path / "out")
    assert list(rejects(tmp_path / "out").values()) == ["bad_row"]


def test_two_tables_that_differ(tmp_path: Path) -> None:
    more = {"copy/HAM10000_metadata": table(HAM, [row(name, "mel") for name in GOOD])}
    with pytest.raises(WrongUse, match="differ"):
        build("ham10000", ham(tmp_path / "raw", [*map(row, GOOD)], GOOD, **more), tmp_path / "out")


def test_a_table_that_is_not_text(tmp_path: Path) -> None:
    raw = lay(tmp_path / "raw", {"HAM10000_metadata": table(HAM, [row("é")]).decode().encode("latin-1")})
    with pytest.raises(MmskinError, match="not UTF-8"):
        build("ham10000", raw, tmp_path / "out")


def test_ages_nobody_understands_become_null_and_are_counted(tmp_path: Path) -> None:
    rows = [*map(row, GOOD[:8]), row(GOOD[8], age="old"), row(GOOD[9], age="-3")]
    record = build("ham10000", ham(tmp_path / "raw", rows, GOOD), tmp_path / "out")
    assert record["counts"]["cells_not_understood"] == {"age_years": 2}


def test_options_that_cannot_be(tmp_path: Path) -> None:
    raw = ham(tmp_path / "raw", [*map(row, GOOD)], GOOD)
    with pytest.raises(WrongUse, match="no test list of pad_ufes_20"):
        build("pad_ufes_20", raw, tmp_path / "out", split="paper")
    with pytest.raises(WrongUse, match="lie in each other"):
        build("ham10000", raw, raw / "out")
    with pytest.raises(WrongUse, match="None of the pictures"):
        build("ham10000", raw, tmp_path / "out", split="paper")
    build("ham10000", raw, tmp_path / "out")
    with pytest.raises(OutputExists):
        build("ham10000", raw, tmp_path / "out", version="0.2.0")


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = ham(tmp_path / "raw", [*map(row, GOOD)], GOOD[:9])
    command = ["build", "ham10000", "--raw", str(raw), "--out", str(tmp_path / "out")]
    assert main(command) == 1
    assert "1 of 10 pictures" in capsys.readouterr().err
    assert main([*command, "--allow-missing", "--workers", "1"]) == 0
    printed = capsys.readouterr()
    assert "9 published" in printed.out and "missing_picture" in printed.err and "10,015" in printed.err
    assert main(["build", "ham10000", "--raw", str(tmp_path / "nowhere"), "--out", str(tmp_path / "x")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_datasets_tells_how_to_get_each(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    assert main(["datasets"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in PUBLIC)
    assert main(["datasets", "bcn20000", "ddi"]) == 0
    told = capsys.readouterr().out
    assert "isic image download --collections 249" in told and "gated" in told
    assert main(["datasets", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [found["name"] for found in rows] == list(PUBLIC) and sum(found["benchmark"] for found in rows) == 8
    assert main(["datasets", "nothing"]) == 2


def test_a_split_that_is_not_offered_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["build", "pad_ufes_20", "--raw", str(tmp_path), "--out", str(tmp_path / "out"), "--split", "paper"]
    assert main(command) == 2
    assert "no test list of pad_ufes_20" in capsys.readouterr().err
