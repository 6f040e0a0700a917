"""What is taken for a kernel's innermost work, and what it may cost."""

import unittest

from neon_loops import Limit, check, functions, limits, longest_work

DISASSEMBLY = """\
library.so:     file format elf64-littleaarch64

0000000000001000 <kernel::tile>:
    1000:       mov     x9, #0
    1004:       ldr     q0, [x1], #16
    1008:       fmla    v1.4s, v0.4s, v2.s[0]
    100c:       fmla    v3.4s, v0.4s, v2.s[1]
    1010:       b.ne    0x1004 <kernel::tile+0x4>
    1014:       fmla    v1.4s, v0.4s, v2.s[0]
    1018:       ret

000000000000101c <kernel::in_memory>:
    101c:       ldr     q1, [sp]
    1020:       fmla    v1.4s, v0.4s, v2.s[0]
    1024:       str     q1, [sp], #16
    1028:       cbnz    x10, 0x101c <kernel::in_memory>

000000000000102c <kernel::halves>:
    102c:       fmla    v1.8h, v0.8h, v2.8h
    1030:       cbnz    x10, 0x102c <kernel::halves>

0000000000001034 <kernel::bytes>:
    1034:       sdot    v1.4s, v0.16b, v2.16b
    1038:       ret
"""


class LongestWork(unittest.TestCase):
    def setUp(self):
        self.bodies = list(functions(DISASSEMBLY.splitlines()))

    def work(self, name, multiply_add="fmla"):
        return longest_work(name, dict(self.bodies)[name], multiply_add)

    def test_what_lies_between_a_target_and_a_branch_is_one_work(self):
        work = self.work("kernel::tile")
        self.assertEqual((work.instructions, work.multiply_adds, work.stores), (4, 2, 0))
        self.assertEqual(work.cost, 2.0)

    def test_accumulators_in_memory_show_as_stores(self):
        self.assertEqual(self.work("kernel::in_memory").stores, 1)

    def test_other_vectors_and_other_instructions_are_no_multiply_adds(self):
        self.assertIsNone(self.work("kernel::halves"))
        self.assertIsNone(self.work("kernel::bytes"))
        self.assertEqual(self.work("kernel::bytes", "sdot").multiply_adds, 1)

    def test_every_function_that_matches_is_held_to_the_limit(self):
        results = list(check(self.bodies, Limit(3.0, "fmla", "kernel::(tile|in_memory)")))
        self.assertEqual([good for good, _ in results], [True, False])
        self.assertIn("4 for 1, 1 of them stores, in kernel::in_memory", results[1][1])
        self.assertEqual([good for good, _ in check(self.bodies, Limit(None, "fmla", "in_memory"))], [True])

    def test_a_limit_for_no_function_fails(self):
        self.assertEqual([good for good, _ in check(self.bodies, Limit(3.0, "fmla", "elsewhere"))], [False])

    def test_limits_have_comments(self):
        text = "# why\n\n1.5 fmla ^a b$\n- sdot c\n"
        self.assertEqual(limits(text), [Limit(1.5, "fmla", "^a b$"), Limit(None, "sdot", "c")])


if __name__ == "__main__":
    unittest.main()
