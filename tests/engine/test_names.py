"""A picture has one name in all datasets that hold it."""

from __future__ import annotations

import pytest

from mmskin_hub.engine.names import picture_key, space_of


@pytest.mark.parametrize(
    ("name", "image_id", "key"),
    [
        ("ham10000", "ISIC_0024306", ("isic", "isic_0024306")),
        ("isic2019", "ISIC_0024306_downsampled", ("isic", "isic_0024306")),
        ("BCN", "BCN20000\\ISIC_0024306_downsampled.JPG", ("isic", "isic_0024306")),
        ("anything", "isic_0024306.jpg", ("isic", "isic_0024306")),
        ("ddi", "DDI/000001.png", ("ddi", "000001")),
        ("scin", "000001", ("scin", "000001")),
        ("Fitzpatrick_test", "Fitzpatrick/AB12.jpg", ("fitzpatrick17k", "ab12")),
        (
            "Dermnet",
            "Dermnet/test/Bullous Disease Photos/pemphigus-1.jpg",
            ("dermnet", "bullous disease photos/pemphigus-1"),
        ),
        ("pad", "PAT_1516_1765_530.png", ("pad_ufes_20", "pat_1516_1765_530")),
        ("mm_skin_release", "bk5_630.png", ("mm_skin", "bk5_630")),
        ("scin", "isic_0024306", ("isic", "isic_0024306")),
        ("mm_skin", "0444cdf8b089-p0003-f2", ("mm_skin", "0444cdf8b089-p0003-f2")),
        ("patch16", "tumor_skin_epithelial_bcc_ws_12_34.jpg", ("patch16", "tumor_skin_epithelial_bcc_ws_12_34")),
        ("ddi", " ", None),
        ("ddi", "", None),
    ],
)
def test_the_name_of_a_picture_in_all_datasets(name: str, image_id: str, key: tuple[str, str] | None) -> None:
    assert picture_key(space_of(name), image_id) == key
