"""Documents made for tests: small PDFs drawn line by line, and files that mean harm."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable

Line = tuple[float, float, float, str, str]  # x, y from the top, size, font, text

_FONTS = {"text": "Helvetica", "bold": "Helvetica-Bold", "mono": "Courier"}
A4 = (595, 842)

PROSE = (
    "A cell is the smallest unit of life. Every cell is surrounded by a membrane that decides what may enter and what "
    "may leave. Inside of it the nucleus keeps the instructions, and the mitochondria release the energy that the cell "
    "needs to grow, to move and to divide. Plants have chloroplasts as well, which catch the light of the sun. "
)


def wrap(text: str, width: int) -> list[str]:
    """Break a text into lines of so many letters at most."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line]


def paragraph(text: str, *, x: float = 72, y: float = 100, width: int = 90, size: float = 10) -> list[Line]:
    """Lay a paragraph out in lines of the body's type."""
    return [(x, y + at * size * 1.25, size, "text", line) for at, line in enumerate(wrap(text, width))]


def pdf(
    pages: Iterable[Iterable[Line]],
    *,
    title: str | None = None,
    page_size: tuple[float, float] = A4,
    image: tuple[int, int, bytes] | None = None,
    count: int | None = None,
) -> bytes:
    """Draw a PDF; ``image`` is a grey picture that fills every page, ``count`` a number of pages to lie about."""
    width, height = page_size
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    fonts = " ".join(f"/{name} {at} 0 R" for at, name in enumerate(_FONTS, start=3))
    objects += [
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{base} /Encoding /WinAnsiEncoding >>".encode()
        for base in _FONTS.values()
    ]
    picture = ""
    if image:
        data = zlib.compress(image[2])
        head = (
            f"<< /Type /XObject /Subtype /Image /Width {image[0]} /Height {image[1]} /ColorSpace /DeviceGray "
            f"/BitsPerComponent 8 /Filter /FlateDecode /Length {len(data)} >>"
        )
        objects.append(_stream(head, data))
        picture = f"/XObject << /Im {len(objects)} 0 R >>"
    kids = []
    for lines in pages:
        drawn = [f"q {width} 0 0 {height} 0 0 cm /Im Do Q"] if image else []
        drawn += [
            f"BT /{font} {size} Tf {x} {height - y} Td ({_escaped(text)}) Tj ET" for x, y, size, font, text in lines
        ]
        data = zlib.compress("\n".join(drawn).encode("cp1252", "replace"))
        objects.append(_stream(f"<< /Filter /FlateDecode /Length {len(data)} >>", data))
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents {len(objects)} 0 R "
            f"/Resources << /Font << {fonts} >> {picture} >> >>".encode()
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {count or len(kids)} >>".encode()
    info = ""
    if title:
        objects.append(f"<< /Title ({_escaped(title)}) >>".encode())
        info = f"/Info {len(objects)} 0 R"
    return assemble(objects, info)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _stream(head: str, data: bytes) -> bytes:
    return head.encode() + b"\nstream\n" + data + b"\nendstream"


def assemble(objects: list[bytes], trailer: str = "") -> bytes:
    """Number the objects and write the file around them; the first one is the catalog."""
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n" % number + body + b"\nendobj\n")
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns='
    '"http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type='
    '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>'
    "</Relationships>"
)


def word(body: str, *, before: str = "", extra: dict[str, bytes] | None = None) -> bytes:
    """Zip a minimal DOCX around the XML of its body."""
    document = (
        f'<?xml version="1.0"?>{before}<w:document xmlns:w='
        f'"http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>'
    )
    parts = {"[Content_Types].xml": _TYPES, "_rels/.rels": _RELATIONS, "word/document.xml": document}
    return zipped({**{name: text.encode() for name, text in parts.items()}, **(extra or {})})


def zipped(files: dict[str, bytes]) -> bytes:
    """Zip files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()
