"""Says what in an Xcode project would keep it from opening or building: as far as that shows without Xcode.

usage: xcode_project.py NAME.xcodeproj
"""

import json
import pathlib
import plistlib
import re
import struct
import sys
import xml.etree.ElementTree

import old_plist

ID = re.compile(r"[0-9A-F]{24}")
# What these hold is built, not kept.
BUILT = "BUILT_PRODUCTS_DIR"
APP_KEYS = ("CFBundleExecutable", "CFBundleIdentifier", "CFBundlePackageType", "CFBundleVersion", "UILaunchScreen")
PRIVACY_KEYS = (
    "NSPrivacyTracking",
    "NSPrivacyTrackingDomains",
    "NSPrivacyCollectedDataTypes",
    "NSPrivacyAccessedAPITypes",
)
ICON_SIDE = 1024


def strings(value):
    """Every text in a value, keys too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    else:
        yield value


class Project:
    """The objects of a project, and the files that they stand for."""

    def __init__(self, folder):
        self.folder = folder
        self.source_root = folder.parent
        document = old_plist.parse((folder / "project.pbxproj").read_text(encoding="utf-8"))
        self.objects, self.root = document["objects"], document["rootObject"]
        self.complaints = []

    def complain(self, text):
        """Something is wrong."""
        self.complaints.append(text)

    def of(self, isa):
        """Id and entries of all objects of a kind."""
        return [(id, entry) for id, entry in self.objects.items() if entry.get("isa") == isa]

    def check_references(self):
        """Every id stands for an object, and every object is reached from the project."""
        reached, next_ones = set(), [self.root]
        while next_ones:
            id = next_ones.pop()
            if id in reached:
                continue
            reached.add(id)
            if id not in self.objects:
                self.complain(f"no object {id}")
                continue
            next_ones += [text for text in strings(self.objects[id]) if ID.fullmatch(text)]
        for id in self.objects.keys() - reached:
            self.complain(f"{id} ({self.objects[id].get('isa')}) belongs to nothing")

    def files(self):
        """Id and path of every file that is kept."""
        found = {}

        def walk(id, folder):
            entry = self.objects.get(id, {})
            base = self.source_root if entry.get("sourceTree") == "SOURCE_ROOT" else folder
            path = base / entry["path"] if "path" in entry else base
            if entry.get("isa") == "PBXGroup":
                for child in entry.get("children", []):
                    walk(child, path)
            elif entry.get("isa") == "PBXFileReference" and entry.get("sourceTree") != BUILT:
                found[id] = path

        walk(self.objects[self.root].get("mainGroup"), self.source_root)
        return found

    def check_files(self):
        """Every file is there; every source and resource of the app's folder is built by a target."""
        files = self.files()
        for path in files.values():
            if not path.exists():
                self.complain(f"no file {path}")
        built = {entry.get("fileRef") for _, entry in self.of("PBXBuildFile")}
        paths = {path.resolve() for id, path in files.items() if id in built}
        for path in sorted(self.source_root.rglob("*")):
            wanted = path.suffix in (".swift", ".xcassets", ".xcprivacy") or path.parent.name == "Resources"
            if wanted and path.resolve() not in paths:
                self.complain(f"{path} is in no target")

    def check_packages(self):
        """Every local package is one."""
        for _, entry in self.of("XCLocalSwiftPackageReference"):
            if not (self.source_root / entry["relativePath"] / "Package.swift").exists():
                self.complain(f"no package {entry['relativePath']}")

    def check_targets(self):
        """Every target has sources and a configuration of each kind; its Info.plist is one."""
        for _, target in self.of("PBXNativeTarget"):
            name = target["name"]
            phases = [self.objects[id] for id in target["buildPhases"] if id in self.objects]
            if not any(phase["isa"] == "PBXSourcesBuildPhase" and phase["files"] for phase in phases):
                self.complain(f"{name} has no sources")
            configurations = self.objects.get(target["buildConfigurationList"], {}).get("buildConfigurations", [])
            settings = [self.objects[id] for id in configurations if id in self.objects]
            if sorted(setting["name"] for setting in settings) != ["Debug", "Release"]:
                self.complain(f"{name} lacks a configuration")
            for setting in settings:
                plist = setting["buildSettings"].get("INFOPLIST_FILE")
                if plist:
                    self.check_plist(self.source_root / plist, APP_KEYS)

    def check_plist(self, path, keys):
        """It is a property list with these keys."""
        try:
            found = plistlib.loads(path.read_bytes())
        except (OSError, ValueError, xml.parsers.expat.ExpatError) as error:
            self.complain(f"{path}: {error}")
            return
        for key in keys:
            if key not in found:
                self.complain(f"{path} has no {key}")

    def check_assets(self):
        """Every catalogue names pictures that are there, and an icon as large as the store wants."""
        for path in sorted(self.source_root.rglob("*.xcassets/**/Contents.json")):
            for image in json.loads(path.read_text(encoding="utf-8")).get("images", []):
                file = path.parent / image["filename"]
                if not file.exists():
                    self.complain(f"no picture {file}")
                elif path.parent.suffix == ".appiconset":
                    size = struct.unpack(">II", file.read_bytes()[16:24])
                    if size != (ICON_SIDE, ICON_SIDE):
                        self.complain(f"{file} is {size[0]} by {size[1]}, expected {ICON_SIDE}")

    def check_plans(self):
        """Test plans and schemes name targets of this project, by id and name."""
        targets = {id: entry["name"] for id, entry in self.of("PBXNativeTarget")}
        for path in sorted(self.source_root.glob("*.xctestplan")):
            plan = json.loads(path.read_text(encoding="utf-8"))
            for entry in plan["testTargets"]:
                target = entry["target"]
                if targets.get(target["identifier"]) != target["name"]:
                    self.complain(f"{path}: no target {target['name']} {target['identifier']}")
        for path in sorted(self.folder.rglob("*.xcscheme")):
            scheme = xml.etree.ElementTree.parse(path)
            for reference in scheme.iter("BuildableReference"):
                if targets.get(reference.get("BlueprintIdentifier")) != reference.get("BlueprintName"):
                    self.complain(f"{path}: no target {reference.get('BlueprintName')}")
            for reference in scheme.iter("TestPlanReference"):
                if not (self.source_root / reference.get("reference", "").removeprefix("container:")).is_file():
                    self.complain(f"{path}: no test plan {reference.get('reference')}")

    def check(self):
        """All that is wrong."""
        self.check_references()
        self.check_files()
        self.check_packages()
        self.check_targets()
        for path in sorted(self.source_root.rglob("*.xcprivacy")):
            self.check_plist(path, PRIVACY_KEYS)
        self.check_assets()
        self.check_plans()
        return self.complaints


def main():
    complaints = Project(pathlib.Path(sys.argv[1])).check()
    for complaint in complaints:
        print(complaint)
    sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
