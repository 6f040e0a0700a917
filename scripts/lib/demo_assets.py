"""Makes the iOS demo's resources: the demo model's pictures as JSON, and the manifest of its cuts without times.

usage: demo_assets.py [--check] PICTURES MANIFEST FOLDER
"""

import base64
import json
import pathlib
import struct
import sys
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY = (8, 0, 0, 0, 0)  # bits, colour type, compression, filter, interlace


def chunks(data):
    """Name and body of every chunk of a PNG file."""
    if not data.startswith(SIGNATURE):
        raise ValueError("not a PNG file")
    at = len(SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def grey_pixels(data):
    """The pixels of a grey PNG picture whose rows are unfiltered, row by row."""
    parts = list(chunks(data))
    width, height, *form = struct.unpack(">IIBBBBB", dict(parts)[b"IHDR"])
    rows = zlib.decompress(b"".join(body for name, body in parts if name == b"IDAT"))
    if tuple(form) != GREY or len(rows) != height * (width + 1) or any(rows[:: width + 1]):
        raise ValueError("expected 8 bits of grey, not interlaced, not filtered")
    return b"".join(rows[row * (width + 1) + 1 : (row + 1) * (width + 1)] for row in range(height))


def pictures(folder):
    """The pictures DIGIT-INDEX.png of a folder as JSON, one on each line."""
    entries = []
    for path in sorted(folder.glob("*.png")):
        pixels = base64.b64encode(grey_pixels(path.read_bytes())).decode()
        entries.append(json.dumps({"digit": int(path.stem.split("-")[0]), "pixels": pixels}))
    return "[\n" + ",\n".join(entries) + "\n]\n"


def cuts(text):
    """The manifest without the times, which are of the machine that measured them."""
    manifest = json.loads(text)
    for cut in manifest["manifest"]["cuts"]:
        cut["time"] = None
    return json.dumps(manifest, indent=1) + "\n"


def lasting(text):
    """What a manifest says that no processor's rounding changes: no errors, nothing made from measured ranges."""
    manifest = json.loads(text)
    for cut in manifest["manifest"]["cuts"]:
        for form in cut["forms"]:
            del form["error"]
            if form["name"] == "u8":
                del form["model"], form["sha256"], form["tensors"]
    return manifest


def same(name, found, made):
    """Whether a resource is what was made, whichever processor made it."""
    return found == made or (name == "digits.tandem.json" and lasting(found) == lasting(made))


def main():
    arguments = sys.argv[1:]
    check = "--check" in arguments
    folder, manifest, target = (pathlib.Path(a) for a in arguments if a != "--check")
    made = {"pictures.json": pictures(folder), "digits.tandem.json": cuts(manifest.read_text(encoding="utf-8"))}
    for name, text in made.items():
        path = target / name
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or not same(name, path.read_text(encoding="utf-8"), text):
            sys.exit(f"{path} is not what the demo model's files give: run scripts/lib/demo_assets.py")


if __name__ == "__main__":
    main()
