"""The gate for the XCFramework, with one framework for each fault."""

import plistlib
import tempfile
import unittest
from pathlib import Path

import apple_gate
import apple_package
import frameworks
from frameworks import FACADE

LIMIT = 20_000


class AppleGateTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)

    def complaints(self, framework: Path, limit: int = LIMIT) -> str:
        return "\n".join(apple_gate.Gate(framework, limit, [str(self.work)]).check())

    def assert_found(self, text: str, framework: Path, limit: int = LIMIT):
        self.assertIn(text, self.complaints(framework, limit))

    def test_a_framework_without_a_fault(self):
        calls = "void *malloc(unsigned long); void *uniffi_tandem_ffi_fn_run(void) { return malloc(1); }"
        self.assertEqual(self.complaints(frameworks.framework(self.work, calls)), "")

    def test_a_member_for_another_platform(self):
        made = frameworks.framework(self.work, FACADE, target="arm64-apple-macos12.0")
        self.assert_found("part0.o is for macos (12, 0), expected ios (15, 0)", made)

    def test_a_member_for_the_simulator_in_the_device_s_library(self):
        made = frameworks.framework(self.work, FACADE, target=frameworks.SIMULATOR)
        self.assert_found("part0.o is for ios-simulator", made)

    def test_a_member_that_wants_a_newer_system(self):
        made = frameworks.framework(self.work, FACADE, target="arm64-apple-ios17.0")
        self.assert_found("is for ios (17, 0), expected ios (15, 0)", made)

    def test_a_member_of_another_processor(self):
        made = frameworks.framework(self.work, FACADE, target="x86_64-apple-ios15.0-simulator")
        self.assert_found("ios-arm64 is for ['x86_64'], Info.plist says ['arm64']", made)

    def test_a_member_that_is_no_object(self):
        made = frameworks.framework(self.work)
        library = made / "ios-arm64/libtandem.a"
        library.write_bytes(library.read_bytes().replace(b"\xcf\xfa\xed\xfe", b"BC\xc0\xde"))
        self.assert_found("part0.o is no 64-bit Mach-O object", made)

    def test_a_library_without_the_facade(self):
        self.assert_found("offers nothing of the facade", frameworks.framework(self.work, "static int x = 1;"))

    def test_a_name_that_another_library_may_have_too(self):
        made = frameworks.framework(self.work, FACADE, "int png_init(void) { return 0; }")
        self.assert_found("offers _png_init", made)

    def test_a_name_that_carries_the_version_of_its_library(self):
        loops = "int arm64simd_mmm_f32_8x8_gen_0_23_9(void) { return 0; }"
        self.assertEqual(self.complaints(frameworks.framework(self.work, FACADE, loops)), "")

    def test_a_name_that_lacks_it(self):
        loops = "int arm64simd_mmm_f32_8x8_gen(void) { return 0; }"
        self.assert_found("offers _arm64simd_mmm", frameworks.framework(self.work, FACADE, loops))

    def test_a_name_that_only_the_library_itself_sees(self):
        hidden = '__attribute__((visibility("hidden"))) int png_init(void) { return 0; }'
        self.assertEqual(self.complaints(frameworks.framework(self.work, FACADE, hidden)), "")

    def test_functions_of_libraries_that_an_app_does_not_link_by_itself(self):
        calls = "void SecItemAdd(void); void _ZN3foo3barEv(void);"
        calls += "void uniffi_tandem_ffi_fn_run(void) { SecItemAdd(); _ZN3foo3barEv(); }"
        found = self.complaints(frameworks.framework(self.work, calls))
        self.assertIn("wants _SecItemAdd", found)
        self.assertIn("wants __ZN3foo3barEv", found)

    def test_a_function_whose_reason_is_declared(self):
        calls = "int stat(void); int uniffi_tandem_ffi_fn_run(void) { return stat(); }"
        self.assertEqual(self.complaints(frameworks.framework(self.work, calls)), "")

    def test_a_function_whose_reason_is_not_declared(self):
        calls = "int statfs(void); int uniffi_tandem_ffi_fn_run(void) { return statfs(); }"
        self.assert_found("lacks NSPrivacyAccessedAPICategoryDiskSpace", frameworks.framework(self.work, calls))

    def test_no_privacy_manifest(self):
        made = frameworks.framework(self.work)
        (made / "ios-arm64/PrivacyInfo.xcprivacy").unlink()
        self.assert_found("PrivacyInfo.xcprivacy", made)

    def test_a_module_map_at_the_top_of_the_headers(self):
        made = frameworks.framework(self.work)
        place = made / "ios-arm64/Headers"
        (place / "tandem_ffiFFI/module.modulemap").rename(place / "module.modulemap")
        self.assert_found("headers are not in the folder tandem_ffiFFI", made)

    def test_a_header_that_is_missing(self):
        made = frameworks.framework(self.work)
        (made / "ios-arm64/Headers/tandem_ffiFFI/tandem_ffiFFI.h").unlink()
        self.assert_found("no header tandem_ffiFFI.h", made)

    def test_a_broken_property_list(self):
        made = frameworks.framework(self.work)
        (made / "Info.plist").write_text("<plist><dict>")
        self.assert_found("Info.plist", made)

    def test_a_library_that_is_not_named(self):
        made = frameworks.framework(self.work)
        (made / "macos-arm64").mkdir()
        self.assert_found("Info.plist does not name macos-arm64", made)

    def test_a_library_that_is_missing(self):
        made = frameworks.framework(self.work)
        (made / "ios-arm64/libtandem.a").unlink()
        self.assert_found("no library ios-arm64/libtandem.a", made)

    def test_a_property_list_of_something_else(self):
        made = frameworks.framework(self.work)
        (made / "Info.plist").write_bytes(plistlib.dumps({"CFBundlePackageType": "APPL"}))
        self.assert_found("not that of an XCFramework", made)

    def test_a_library_that_is_too_large(self):
        made = frameworks.framework(
            self.work, FACADE, f"static char large[{LIMIT}] = {{1}}; char *x(void) {{ return large; }}"
        )
        self.assert_found(f"the limit is {LIMIT}", made)

    def test_a_path_of_this_machine(self):
        made = frameworks.framework(self.work, f'const char *uniffi_tandem_ffi_fn_at(void) {{ return "{self.work}"; }}')
        self.assert_found(f"holds the path {self.work}", made)

    def test_the_same_content_gives_the_same_archive(self):
        made = frameworks.framework(self.work)
        first = apple_package.pack(made)
        (made / "Info.plist").touch()
        self.assertEqual(apple_package.pack(made), first)


if __name__ == "__main__":
    unittest.main()
