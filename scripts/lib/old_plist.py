"""Reads property lists in NeXTSTEP's form, which Xcode's project files have and Python's plistlib does not read."""

import re

TOKEN = re.compile(
    r"""\s+|//[^\n]*|/\*.*?\*/          # blanks and comments
    |(?P<mark>[{}()=;,])
    |"(?P<quoted>(?:[^"\\]|\\.)*)"
    |(?P<bare>[A-Za-z0-9_./$:-]+)""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {"n": "\n", "t": "\t"}


class PlistError(ValueError):
    """What is wrong, and on which line."""


def tokens(text):
    """Kind, value and line of every token."""
    at, line = 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise PlistError(f"line {line}: unexpected {text[at]!r}")
        kind = match.lastgroup
        if kind == "quoted":
            yield "text", re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), match["quoted"]), line
        elif kind:
            yield ("text" if kind == "bare" else "mark"), match[kind], line
        line += match[0].count("\n")
        at = match.end()
    yield "end", "the end", line


class Reader:
    """One value after another."""

    def __init__(self, text):
        self.rest = tokens(text)
        self.kind, self.value, self.line = next(self.rest)

    def take(self, kind, value=None):
        """The present token, which must be that one."""
        if self.kind != kind or value not in (None, self.value):
            raise PlistError(f"line {self.line}: expected {value or kind}, got {self.value!r}")
        taken = self.value
        if self.kind != "end":
            self.kind, self.value, self.line = next(self.rest)
        return taken

    def at(self, mark):
        """Whether the present token is that mark."""
        return (self.kind, self.value) == ("mark", mark)

    def any(self):
        """A dictionary, an array or a text."""
        if self.at("{"):
            return self.dictionary()
        if self.at("("):
            return self.array()
        return self.take("text")

    def dictionary(self):
        """`{ KEY = VALUE; … }`, no key twice."""
        self.take("mark", "{")
        entries = {}
        while not self.at("}"):
            line, key = self.line, self.take("text")
            if key in entries:
                raise PlistError(f"line {line}: {key!r} a second time")
            self.take("mark", "=")
            entries[key] = self.any()
            self.take("mark", ";")
        self.take("mark", "}")
        return entries

    def array(self):
        """`( VALUE, … )`."""
        self.take("mark", "(")
        values = []
        while not self.at(")"):
            values.append(self.any())
            if not self.at(")"):
                self.take("mark", ",")
        self.take("mark", ")")
        return values


def parse(text):
    """The dictionary of a file."""
    reader = Reader(text)
    result = reader.dictionary()
    reader.take("end")
    return result
