"""Checks B 23, 25-28: one rule from bytes to pixels, damage named, nothing allocated on a claim."""

import io
import pickle
import struct
import zlib

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageOps

from folds.decoding import decode
from folds.images import ImageReader
from folds.orientation import orientation
from workspace.errors import DataError

NAME = "ISIC_0000001"


def picture(height=40, width=60):
    x = np.linspace(40, 200, width)[None, :, None]
    y = np.linspace(0, 40, height)[:, None, None]
    return (x + y + np.array([0, 10, 20])).clip(0, 255).astype(np.uint8)


def encoded(image: Image.Image, form="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def test_a_jpeg_is_close_to_what_was_encoded():
    pixels = decode(simplejpeg.encode_jpeg(picture(), quality=95), NAME)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (40, 60, 3)
    assert np.abs(pixels.astype(int) - picture()).mean() < 2


@pytest.mark.parametrize(
    ("mode", "form"),
    [("L", "JPEG"), ("CMYK", "JPEG"), ("L", "PNG"), ("P", "PNG"), ("RGBA", "PNG"), ("RGB", "PNG")],
)
def test_other_colour_modes_become_rgb(mode, form):
    image = Image.fromarray(picture())
    image = (
        image.convert("P", palette=Image.Palette.ADAPTIVE) if mode == "P" else image.convert(mode)
    )
    pixels = decode(encoded(image, form), NAME)
    assert pixels.shape == (40, 60, 3)
    expected = np.asarray(image.convert("RGB"), np.float64).mean((0, 1))
    assert np.abs(pixels.mean((0, 1)) - expected).max() < 2.5


def test_16_bits_are_scaled_not_clipped():
    deep = (picture()[..., 0].astype(np.uint16)) * 257
    pixels = decode(encoded(Image.fromarray(deep)), NAME)
    assert np.abs(pixels[..., 0].astype(int) - picture()[..., 0]).max() <= 2


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("number", range(1, 9))
def test_check_26_a_picture_is_turned_as_its_exif_says(form, number):
    exif = Image.Exif()
    exif[0x0112] = number
    data = encoded(Image.fromarray(picture()), form, exif=exif)
    assert orientation(data) == number
    seen = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))  # the slow twin
    difference = decode(data, NAME).astype(int) - np.asarray(seen.convert("RGB"), int)
    assert np.abs(difference).max() <= 2  # decoders of JPEG differ a little


def with_exif(exif):
    """A JPEG with this between its first two segments."""
    jpeg = simplejpeg.encode_jpeg(picture(), quality=95)
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif
    return jpeg[:2] + segment + jpeg[2:]


TIFF = b"II*\0" + struct.pack("<IHHHIHH", 8, 1, 0x0112, 3, 1, 6, 0)


@pytest.mark.parametrize(
    "exif",
    [
        b"", b"II*\0", TIFF[:-4], TIFF[:4] + struct.pack("<I", 2**31) + TIFF[8:], b"XX" + TIFF[2:],
        TIFF[:8] + struct.pack("<H", 65535) + b"\0" * 40, TIFF[:-4] + struct.pack("<HH", 9, 0),
        TIFF[:-4] + struct.pack("<HH", 0, 0),
    ],
)  # fmt: skip
def test_exif_that_is_none_leaves_the_picture_as_it_is(exif):
    assert orientation(with_exif(TIFF)) == 6
    assert orientation(with_exif(exif)) == 1
    assert decode(with_exif(exif), NAME).shape == (40, 60, 3)
    assert [orientation(data) for data in (b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n\0\0")] == [1, 1, 1]


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1)])
def test_odd_shapes_decode(shape):
    assert decode(simplejpeg.encode_jpeg(picture(*shape)), NAME).shape == (*shape, 3)


WHOLE = simplejpeg.encode_jpeg(picture(200, 200), quality=90)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Image ISIC_0000001 is empty."),
        (b"<html>sign in</html>", "Image ISIC_0000001 is neither a JPEG nor a PNG."),
        (
            b"\xff\xd8\xff" + bytes(range(200)),
            "Image ISIC_0000001 is damaged and cannot be decoded.",
        ),
        (WHOLE[: len(WHOLE) // 2], "Image ISIC_0000001 is damaged and cannot be decoded."),
        (b"\x89PNG\r\n\x1a\n", "Image ISIC_0000001 is damaged and cannot be decoded."),
    ],
)
def test_check_23_damage_is_an_error_with_the_name(data, message):
    with pytest.raises(DataError) as refused:
        decode(data, NAME)
    assert str(refused.value) == message


def png_claiming(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )


def jpeg_claiming(width, height):
    data = bytearray(simplejpeg.encode_jpeg(picture()))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize("size", [(60000, 60000), (10000, 12000)])
@pytest.mark.parametrize("claim", [png_claiming, jpeg_claiming])
def test_check_28_a_huge_claim_is_refused_before_it_is_allocated(claim, size):
    width, height = size
    with pytest.raises(DataError) as refused:
        decode(claim(width, height), NAME)
    assert str(refused.value) == (
        f"Image ISIC_0000001 is {width}x{height}; limit is 100000000 pixels (data.pixel_limit)."
    )


def test_the_limit_is_the_recipes(tmp_path):
    data = encoded(Image.fromarray(picture()))
    assert decode(data, NAME, pixel_limit=2400).shape == (40, 60, 3)
    (tmp_path / "a.png").write_bytes(data)
    reader = pickle.loads(pickle.dumps(ImageReader(tmp_path, 2399)))
    with pytest.raises(DataError) as refused:
        reader.pixels("a.png")
    assert str(refused.value) == ("Image a is 60x40; limit is 2399 pixels (data.pixel_limit).")


def chunk(kind, data, claims=None):
    length = len(data) if claims is None else claims
    return struct.pack(">I", length) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PICTURE = encoded(Image.fromarray(picture()))
HEAD, REST = PICTURE[:33], PICTURE[33:]


@pytest.mark.parametrize(
    "data",
    [
        HEAD + chunk(b"abCd", b"", claims=0xFFFFFFF0) + REST,
        HEAD + struct.pack(">I", 0x60000000) + REST[4:],  # of the pixels themselves
        HEAD + chunk(b"zTXt", b"x\0\0" * 9, claims=len(REST) + 99) + REST,
        PICTURE[:-1],
        PICTURE[:-12],
        HEAD,
    ],
    ids=["unknown", "pixels", "text", "cut", "no-end", "head"],
)
def test_no_decoder_sees_a_png_whose_chunks_do_not_end_within_it(data, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", None)
    with pytest.raises(DataError) as refused:
        decode(data, NAME)
    assert str(refused.value) == "Image ISIC_0000001 is damaged and cannot be decoded."


@pytest.mark.parametrize("extra", [chunk(b"abCd", b"x" * 99), chunk(b"tEXt", b"a\0b"), b""])
def test_whatever_else_a_png_holds_and_what_lies_behind_it_is_no_matter(extra):
    assert decode(HEAD + extra + REST + b"behind", NAME).shape == (40, 60, 3)


def jpeg_of_scans(count):
    """A JPEG whose last pass over the picture is repeated."""
    data = encoded(Image.fromarray(picture()), "JPEG", progressive=True)
    last = data[data.rindex(SCAN) : -2]
    return data[:-2] + last * (count - data.count(SCAN)) + data[-2:]


SCAN = b"\xff\xda"


def test_a_jpeg_of_endless_passes_is_refused_before_the_first(monkeypatch):
    monkeypatch.setattr(simplejpeg, "decode_jpeg", None)
    with pytest.raises(DataError) as refused:
        decode(jpeg_of_scans(101), NAME)
    assert str(refused.value) == "Image ISIC_0000001 has 101 scans; limit is 100."


def test_what_only_looks_like_a_scan_is_none():
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 400) + SCAN * 200
    progressive = encoded(Image.fromarray(picture()), "JPEG", progressive=True)
    data = WHOLE[:2] + comment + WHOLE[2:]
    for one in (data, progressive + SCAN * 101):  # a film behind the picture
        assert decode(one, NAME).ndim == 3


def test_a_size_that_opencv_refuses_is_damage(monkeypatch):
    def refuse(*_):
        raise cv2.error("imgcodecs")

    monkeypatch.setattr(cv2, "imdecode", refuse)
    with pytest.raises(DataError, match=r"^Image ISIC_0000001 is damaged and cannot be decoded\.$"):
        decode(PICTURE, NAME)
