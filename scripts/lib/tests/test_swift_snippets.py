"""The Swift examples of documents as a package."""

import unittest

import swift_snippets

TEXT = """# Title

```swift
import Tandem

let model = try await runtime.load(.file(url))
print(model)

struct Thing {
    let x = 1

    let y = 2
}

use(
    model
)
```

```sh
not swift
```

```swift
print(pixels)
```
"""


class SwiftSnippetsTest(unittest.TestCase):
    def setUp(self):
        self.files = dict(swift_snippets.snippets("docs/guide.md", TEXT))

    def test_every_block_of_swift_is_a_file(self):
        self.assertEqual(list(self.files), ["docs_guide_md_0.swift", "docs_guide_md_1.swift"])

    def test_declarations_stand_for_themselves_and_statements_in_a_function(self):
        text = self.files["docs_guide_md_0.swift"]
        before, after = text.split("func snippet")
        self.assertIn("struct Thing {\n    let x = 1\n\n    let y = 2\n}", before)
        self.assertIn("print(model)", after)
        self.assertIn("use(\n    model\n)", after)
        self.assertEqual(text.count("import Tandem"), 1)

    def test_only_what_is_not_declared_is_given(self):
        head = self.files["docs_guide_md_0.swift"].split("func ")[1].split("\n")[0]
        self.assertIn("runtime: Runtime", head)
        self.assertNotIn("model: Model", head)

    def test_errors_name_the_line_of_the_document(self):
        lines = TEXT.split("\n")
        for text in self.files.values():
            shown = text.split("\n")
            for number, line in enumerate(shown):
                if line.startswith("#sourceLocation(file"):
                    at = int(line.split("line: ")[1].rstrip(")"))
                    self.assertEqual(lines[at - 1], shown[number + 1])


if __name__ == "__main__":
    unittest.main()
