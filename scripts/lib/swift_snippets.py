"""Makes a Swift package of the Swift examples in documents, so that the compiler says whether they hold.

usage: swift_snippets.py --tandem FOLDER --out FOLDER DOCUMENT...

Every block of ```swift becomes a file. Declarations stand for themselves; statements go into a function, whose
parameters are the values that the text around an example speaks of. Errors name the document and its line. Prints how
many there were.
"""

import argparse
import re
from pathlib import Path

BLOCK = re.compile(r"^```swift\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DECLARATION = re.compile(r"^(@\w+|final class|class|struct|enum|actor|extension|func|protocol)\b")
# What examples leave to the reader.
GIVEN = {
    "runtime": "Runtime",
    "model": "Model",
    "cloud": "Endpoint",
    "pixels": "[Float]",
    "url": "URL",
    "folder": "URL",
    "digest": "String",
    "pem": "String",
    "token": "String",
}
MANIFEST = """\
// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "Snippets",
    platforms: [.iOS(.v17), .macOS(.v14)],
    dependencies: [.package(path: "%s")],
    targets: [.target(name: "Snippets", dependencies: [.product(name: "Tandem", package: "swift")])],
    swiftLanguageModes: [.v6]
)
"""


def paragraphs(block):
    """The block's parts between blank lines, each with the number of lines before it."""
    parts, lines = [], block.split("\n")
    for number, line in enumerate(lines):
        # What is indented, or closes something, goes on with the part before.
        if line and not line[0].isspace() and line[0] not in ")}]" and (number == 0 or not lines[number - 1]):
            parts.append((number, []))
        if parts:
            parts[-1][1].append(line)
    return parts


def snippet(block, number, document, line):
    """The Swift file of one block, which begins on that line of its document."""
    imports = {"import Foundation", "import Observation", "import Tandem"}
    imports |= set(re.findall(r"^import \w+$", block, re.MULTILINE))
    block = re.sub(r"^import \w+$", "", block, flags=re.MULTILINE)
    declared, done = [], []
    for offset, lines in paragraphs(block):
        target = declared if DECLARATION.match(lines[0]) else done
        # Ended at once, because the compiler passes over functions when it only wants to know what is declared.
        target += [f'#sourceLocation(file: "{document}", line: {line + offset})', *lines, "#sourceLocation()"]
    parts = [*sorted(imports), *declared]
    if done:
        text = "\n".join(done)
        given = [f"{name}: {kind}" for name, kind in GIVEN.items() if not re.search(rf"\b(let|var) {name}\b", text)]
        parts += [f"func snippet{number}({', '.join(given)}) async throws {{", *done, "}"]
    return "\n".join([*parts, ""])


def snippets(document, text):
    """The Swift file of every block of a document."""
    for number, match in enumerate(BLOCK.finditer(text)):
        line = text.count("\n", 0, match.start(1)) + 1
        name = re.sub(r"\W", "_", document)
        yield f"{name}_{number}.swift", snippet(match[1], f"{name}_{number}", document, line)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tandem", type=Path, required=True, help="the folder of the Swift package")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("documents", nargs="+", help="paths as errors should show them")
    options = parser.parse_args()
    sources = options.out / "Sources" / "Snippets"
    sources.mkdir(parents=True)
    (options.out / "Package.swift").write_text(MANIFEST % options.tandem, encoding="utf-8")
    count = 0
    for document in options.documents:
        for name, text in snippets(document, Path(document).read_text(encoding="utf-8")):
            (sources / name).write_text(text, encoding="utf-8")
            count += 1
    print(count)


if __name__ == "__main__":
    main()
