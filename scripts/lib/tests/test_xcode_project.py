"""The iOS demo's project is whole, and the check of it finds planted faults."""

import pathlib
import re
import shutil
import tempfile
import unittest

import demo_assets
import old_plist
import xcode_project

ROOT = pathlib.Path(__file__).resolve().parents[3]
APP = pathlib.Path("ios-demo/App")


class OldPlistTest(unittest.TestCase):
    def test_values_of_every_form(self):
        text = '// !$*UTF8*$!\n{ a = (1, "two /* no */", { b = c; },); /* note */ "d \\"e\\"" = ""; }'
        self.assertEqual(old_plist.parse(text), {"a": ["1", "two /* no */", {"b": "c"}], 'd "e"': ""})

    def test_what_is_none_is_refused_with_its_line(self):
        for text in (
            "",
            "{",
            "{ a = b }",
            "{ a = (b c); }",
            "{ a = b;\n a = c; }",
            "{ } }",
            "{ a = #; }",
            '{ a = "b; }',
        ):
            with self.subTest(text), self.assertRaisesRegex(old_plist.PlistError, r"^line \d"):
                old_plist.parse(text)


class ProjectTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        # What the project refers to, at the same places.
        shutil.copytree(ROOT / APP, self.root / APP)
        assets = ("android-demo/app/src/main/assets", "rust/cli/assets")
        for neighbour in (*assets, "bindings/conformance", "bindings/swift/Tests"):
            shutil.copytree(ROOT / neighbour, self.root / neighbour)
        for package in ("ios-demo", "bindings/swift"):
            shutil.copy(ROOT / package / "Package.swift", self.root / package)
        self.app = self.root / APP
        self.file = self.app / "TandemDemo.xcodeproj" / "project.pbxproj"

    def complaints(self):
        return "\n".join(xcode_project.Project(self.file.parent).check())

    def replace(self, path, old, new):
        text = path.read_text(encoding="utf-8")
        changed = re.sub(old, new, text, count=1)
        self.assertNotEqual(text, changed, "the fault was not planted")
        path.write_text(changed, encoding="utf-8")

    def test_the_project_is_whole(self):
        self.assertEqual(self.complaints(), "")

    def test_a_reference_to_nothing_is_found(self):
        self.replace(self.file, r"mainGroup = 7A0", "mainGroup = 7B0")
        self.assertIn("no object 7B0", self.complaints())

    def test_a_missing_file_is_found(self):
        (self.app / "TandemDemo/Views/PlanView.swift").unlink()
        self.assertIn("PlanView.swift", self.complaints())

    def test_a_source_in_no_target_is_found(self):
        (self.app / "TandemDemo/Views/New.swift").touch()
        self.assertIn("New.swift is in no target", self.complaints())

    def test_an_orphan_is_found(self):
        self.replace(self.file, r"\n\t*[0-9A-F]+ /\* PlanView.swift in Sources \*/,", "")
        self.assertIn("belongs to nothing", self.complaints())

    def test_a_missing_package_is_found(self):
        (self.root / "bindings/swift/Package.swift").unlink()
        self.assertIn("no package ../../bindings/swift", self.complaints())

    def test_a_broken_property_list_is_found(self):
        self.replace(self.app / "TandemDemo/Info.plist", "</dict>", "")
        self.assertIn("Info.plist", self.complaints())

    def test_a_privacy_manifest_without_a_key_is_found(self):
        self.replace(self.app / "TandemDemo/PrivacyInfo.xcprivacy", "<key>NSPrivacyTracking</key>", "<key>Other</key>")
        self.assertIn("has no NSPrivacyTracking", self.complaints())

    def test_a_missing_icon_is_found(self):
        (self.app / "TandemDemo/Assets.xcassets/AppIcon.appiconset/icon.png").unlink()
        self.assertIn("icon.png", self.complaints())

    def test_a_plan_for_another_target_is_found(self):
        self.replace(self.app / "TandemDemo.xctestplan", '"name" : "ConformanceTests"', '"name" : "Others"')
        self.assertIn("no target Others", self.complaints())

    def test_a_scheme_for_another_target_is_found(self):
        scheme = self.app / "TandemDemo.xcodeproj/xcshareddata/xcschemes/TandemDemo.xcscheme"
        self.replace(scheme, 'BlueprintName = "TandemDemo"', 'BlueprintName = "Others"')
        self.assertIn("no target Others", self.complaints())


class DemoAssetsTest(unittest.TestCase):
    def test_the_bundled_pictures_are_those_of_the_demo_model(self):
        made = demo_assets.pictures(ROOT / "rust/cli/assets/digits/pictures")
        self.assertEqual((ROOT / APP / "TandemDemo/Resources/pictures.json").read_text(encoding="utf-8"), made)

    def test_what_is_no_plain_grey_picture_is_refused(self):
        with self.assertRaises(ValueError):
            demo_assets.grey_pixels(b"GIF89a")
        with self.assertRaises(ValueError):
            demo_assets.grey_pixels(
                (ROOT / APP / "TandemDemo/Assets.xcassets/AppIcon.appiconset/icon.png").read_bytes()
            )


if __name__ == "__main__":
    unittest.main()
