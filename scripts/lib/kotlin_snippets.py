"""Writes each Kotlin block of Markdown files as a file that the compiler checks.

    kotlin_snippets.py OUT FILE...

A block that declares something at its top level stands as it is. Any other becomes the body of a suspending function
that has what such blocks take for granted: a context, a runtime, a model, the pixels of a picture.
"""

import pathlib
import re
import sys

BLOCK = re.compile(r"^```kotlin\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DECLARATION = re.compile(
    r"^(?:(?:public|internal|private|suspend|data|open|abstract|@\w+.*) )*(?:class|object|interface|fun) "
)

IMPORTS = """
import android.app.Activity
import android.app.Application
import android.content.Context
import dev.tandem.*
import dev.tandem.android.*
import kotlinx.coroutines.*
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
"""

GIVEN = "context: Context, runtime: Runtime, model: Model, pixels: FloatArray"


def blocks(text):
    """The Kotlin blocks of a Markdown text."""
    return BLOCK.findall(text)


def source(block, package):
    """A Kotlin file with the block in it."""
    lines = block.splitlines()
    imports = [line for line in lines if line.startswith("import ")]
    rest = [line for line in lines if not line.startswith("import ")]
    if any(DECLARATION.match(line) for line in rest):
        body = "\n".join(rest)
    else:
        inner = "\n".join(f"    {line}" if line else "" for line in rest)
        body = f"internal suspend fun CoroutineScope.snippet({GIVEN}) {{\n{inner}\n}}"
    head = '@file:Suppress("unused", "UNUSED_VARIABLE", "UNUSED_PARAMETER")'
    return f"{head}\n\npackage {package}\n{IMPORTS}" + "\n".join(imports) + f"\n\n{body}\n"


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    for name in sys.argv[2:]:
        found = blocks(pathlib.Path(name).read_text(encoding="utf-8"))
        if not found:
            sys.exit(f"{name} has no Kotlin block")
        for block in found:
            count += 1
            (out / f"Snippet{count}.kt").write_text(source(block, f"snippet{count}"), encoding="utf-8")
    print(f"{count} Kotlin snippets")


if __name__ == "__main__":
    main()
