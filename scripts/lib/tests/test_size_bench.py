"""The table of what makes a library large."""

import unittest

import size_bench


class GroupTest(unittest.TestCase):
    def test_a_function_belongs_to_the_crate_its_path_begins_with(self):
        cases = {
            "tract_core::ops::conv::eval": "tract",
            "<tract_core::ops::Conv as tract_core::ops::Op>::name": "tract",
            "core::ptr::drop_in_place<tract_core::Tensor>": "standard library",
            "<&mut dyn core::fmt::Write as core::fmt::Write>::write_str": "standard library",
            "tandem_engine::load": "our crates",
            "tandem::model::Model::run": "our crates",
            "<[tandem_core::Tensor] as core::fmt::Debug>::fmt": "our crates",
            "_$LT$tract_core..ops..Conv$u20$as$u20$tract_core..ops..Op$GT$::name::h0123456789abcdef": "tract",
            "_$LT$$RF$mut$u20$serde_json..de..Deserializer$LT$R$GT$$GT$::parse": "serde",
            "hyper::client::connect": "hyper, tokio",
            "ringbuffer::push": "other crates",
            "arm64simd_mmm_f32_8x8_gen": "assembly and C",
        }
        for name, row in cases.items():
            self.assertEqual(size_bench.group(name), row, name)

    def test_a_place_with_two_names_counts_once_and_data_not_at_all(self):
        symbols = (
            "0000000000001000 0000000000000010 t tract_core::a\n"
            "0000000000001000 0000000000000010 T alias\n"
            "0000000000002000 0000000000000020 t tract_core::b\n"
            "0000000000003000 0000000000000040 r tract_core::TABLE\n"
            "0000000000004000 T no_size\n"
        )
        self.assertEqual(size_bench.code(symbols), {"tract": 0x30})
