"""What is taken out of Markdown to be compiled."""

import unittest

import kotlin_snippets

TEXT = "a\n```kotlin\nval a = 1\n```\n```sh\nls\n```\n```kotlin\nimport x.Y\n\nclass B\n```\n"


class KotlinSnippetsTest(unittest.TestCase):
    def test_only_kotlin_blocks_are_taken(self):
        self.assertEqual(kotlin_snippets.blocks(TEXT), ["val a = 1\n", "import x.Y\n\nclass B\n"])

    def test_statements_become_the_body_of_a_function(self):
        source = kotlin_snippets.source("val a = 1\n", "p")
        self.assertIn("package p\n", source)
        self.assertIn(") {\n    val a = 1\n}\n", source)

    def test_declarations_stand_as_they_are_and_imports_go_to_the_head(self):
        source = kotlin_snippets.source('import x.Y\n\n@Deprecated("") class B\n', "p")
        self.assertNotIn("fun snippet", source)
        self.assertLess(source.index("import x.Y"), source.index("class B"))


if __name__ == "__main__":
    unittest.main()
