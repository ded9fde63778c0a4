"""Rasters as PDF files really store them: JPEG, CMYK, Flate with a soft mask, JPEG 2000, CCITT and JBIG2."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageOps
from reportlab.pdfbase import pdfdoc

from tests.drawing.pictures import Encoded


def jpeg(image: Image.Image, quality: int = 88) -> Encoded:
    """DCT, in grey where the picture is grey."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Encoded(out.getvalue(), *image.size, ("DCTDecode",), "DeviceGray" if image.mode == "L" else "DeviceRGB")


def cmyk(image: Image.Image) -> Encoded:
    """A four-colour JPEG, inverted as Photoshop (and Pillow) writes it, so that /Decode must turn it back."""
    out = io.BytesIO()
    image.convert("CMYK").save(out, "JPEG", quality=90)
    return Encoded(out.getvalue(), *image.size, ("DCTDecode",), "DeviceCMYK", extra=(("Decode", "[1 0 1 0 1 0 1 0]"),))


def flate(image: Image.Image) -> Encoded:
    """Plain samples, deflated."""
    space = "DeviceGray" if image.mode == "L" else "DeviceRGB"
    return Encoded(zlib.compress(image.tobytes(), 1), *image.size, ("FlateDecode",), space)


def indexed(image: Image.Image) -> Encoded:
    """A palette of 256 colours, as old books on CD-ROM have."""
    small = image.quantize(256, dither=Image.Dither.NONE)
    table = bytes(small.getpalette() or []).ljust(768, b"\0")[:768]
    return Encoded(
        zlib.compress(small.tobytes(), 1), *image.size, ("FlateDecode",), f"[/Indexed /DeviceRGB 255 <{table.hex()}>]"
    )


def jpx(image: Image.Image) -> Encoded:
    """JPEG 2000 without a colour space entry, which the format allows."""
    out = io.BytesIO()
    image.save(out, "JPEG2000", quality_mode="rates", quality_layers=[12])
    data = out.getvalue()
    return Encoded(data, *image.size, ("JPXDecode",), "DeviceRGB")


def _group4(image: Image.Image) -> bytes:
    """Group 4 data in which black is 1, which is what Pillow's encoder makes of white."""
    out = io.BytesIO()
    negative = ImageOps.invert(image.convert("L")).convert("1")
    negative.save(out, "TIFF", compression="group4", tiffinfo={278: image.height})
    with Image.open(io.BytesIO(out.getvalue())) as tiff:
        where, length = tiff.tag_v2[273][0], tiff.tag_v2[279][0]  # type: ignore[attr-defined]
    return out.getvalue()[where : where + length]


def ccitt(image: Image.Image) -> Encoded:
    """One bit a pixel, fax group 4."""
    wide, high = image.size
    parms = f"[<< /K -1 /Columns {wide} /Rows {high} /BlackIs1 false >>]"
    return Encoded(_group4(image), wide, high, ("CCITTFaxDecode",), "DeviceGray", 1, (("DecodeParms", parms),))


def jbig2(image: Image.Image) -> Encoded:
    """One bit a pixel: an embedded JBIG2 page with one immediate generic region, MMR coded (ITU-T T.88, 7.4.6)."""
    wide, high = image.size
    page = struct.pack(">IIIIBH", wide, high, 0, 0, 0, 0)
    region = struct.pack(">IIIIB", wide, high, 0, 0, 0) + b"\x01" + _group4(image)
    segments = ((48, page), (38, region))  # page information, immediate generic region
    data = b"".join(struct.pack(">IBBBI", k, kind, 0, 1, len(body)) + body for k, (kind, body) in enumerate(segments))
    return Encoded(data, wide, high, ("JBIG2Decode",), "DeviceGray", 1)


class Raster(pdfdoc.PDFImageXObject):  # type: ignore[misc]
    """An image object made of :class:`Encoded` as it is: nothing is decoded on the way, so that drawing is quick."""

    def __init__(self, encoded: Encoded, mask: Any = None) -> None:
        digest = hashlib.md5(encoded.stream + repr(encoded.extra).encode(), usedforsecurity=False)
        super().__init__("img" + digest.hexdigest() + ("m" if mask else ""))
        self.encoded, self.smask = encoded, mask

    def format(self, document: Any) -> bytes:
        """The object's bytes in the file."""
        encoded = self.encoded
        stream = pdfdoc.PDFStream(content=encoded.stream)
        space = encoded.space if encoded.space.startswith("[") else "/" + encoded.space
        stream.dictionary.dict.update(
            {
                "Type": pdfdoc.PDFName("XObject"),
                "Subtype": pdfdoc.PDFName("Image"),
                "Width": encoded.width,
                "Height": encoded.height,
                "BitsPerComponent": encoded.bits,
                "Length": len(encoded.stream),
                "ColorSpace": _Literal(space),
                "Filter": pdfdoc.PDFArray([pdfdoc.PDFName(f) for f in encoded.filters]),
                **{key: _Literal(value) for key, value in encoded.extra},
                **({"SMask": self.smask} if self.smask else {}),
            }
        )
        result: bytes = stream.format(document)
        return result


class _Literal(pdfdoc.PDFObject):  # type: ignore[misc]
    def __init__(self, text: str) -> None:
        self.text = text

    def format(self, _document: Any) -> bytes:
        return self.text.encode("latin-1")


def register(canvas: Any, raster: Raster) -> str:
    """Put a raster (and its soft mask) into the file once; the name for ``canvas.doForm``."""
    document = canvas._doc
    name = document.getXObjectName(raster.name)
    if document.idToObject.get(name) is None:
        canvas._setXObjects(raster)
        if isinstance(raster.smask, Raster):
            mask_name = document.getXObjectName(raster.smask.name)
            canvas._setXObjects(raster.smask)
            raster.smask = document.Reference(raster.smask, mask_name)
        document.Reference(raster, name)
        document.addForm(raster.name, raster)
    return str(raster.name)
