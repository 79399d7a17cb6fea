"""Pictures inside the page: a map of shades as a PNG, which is a header, a palette and packed rows."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from functools import cache

ENDS = ((13, 8, 45), (120, 28, 109), (213, 72, 66), (251, 155, 6), (252, 255, 164))
"""From dark to bright, even steps to the eye and legible to the colour-blind."""


def data_uri(shades: Sequence[Sequence[int]]) -> str:
    """The PNG of rows of shades 0..255, as a `data:` address."""
    height, width = len(shades), len(shades[0]) if shades else 0
    rows = b"".join(b"\0" + bytes(row) for row in shades)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", _palette()), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    image = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)
    return "data:image/png;base64," + base64.b64encode(image).decode()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@cache
def _palette() -> bytes:
    colours = bytearray()
    for shade in range(256):
        place = shade / 255 * (len(ENDS) - 1)
        low = min(int(place), len(ENDS) - 2)
        part = place - low
        mixed = (x + (y - x) * part for x, y in zip(ENDS[low], ENDS[low + 1], strict=True))
        colours.extend(round(colour) for colour in mixed)
    return bytes(colours)
