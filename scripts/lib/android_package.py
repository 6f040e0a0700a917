"""Packs the Android library as an AAR with its pom, sources and KDoc, in the layout of a Maven repository.

The same inputs give the same bytes: entries are sorted, and carry one date and one set of permissions.
"""

import argparse
import dataclasses
import hashlib
import io
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

GROUP, ARTIFACT = "dev.tandem", "tandem-android"
# The first that a zip file can hold.
DATE = (1980, 1, 1, 0, 0, 0)
# What Android's Gradle plugin asks of an AAR before it looks into it.
AAR_METADATA = "aarFormatVersion=1.0\naarMetadataVersion=1.0\nminCompileSdk=1\nminCompileSdkExtension=0\n"
POM = """<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>{group}</groupId>
  <artifactId>{artifact}</artifactId>
  <version>{version}</version>
  <packaging>aar</packaging>
  <name>Tandem for Android</name>
  <description>{description}</description>
  <licenses>
    <license>
      <name>Apache-2.0</name>
      <url>https://www.apache.org/licenses/LICENSE-2.0.txt</url>
    </license>
  </licenses>
  <dependencies>
{dependencies}
  </dependencies>
</project>
"""
DEPENDENCY = """    <dependency>
      <groupId>{}</groupId>
      <artifactId>{}</artifactId>
      <version>{}</version>{}
      <scope>compile</scope>
    </dependency>"""


@dataclasses.dataclass(frozen=True)
class Package:
    """What goes into the AAR."""

    version: str
    description: str
    manifest: Path
    rules: Path
    classes: list[Path]
    sources: list[Path]
    documentation: Path
    libraries: Path
    dependencies: list[str]


def files_below(folder: Path) -> Iterable[tuple[str, bytes]]:
    """The files of a folder, by their paths inside it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def pack(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip file, which the same entries always give the same bytes. Two entries of one name are refused."""
    found: dict[str, bytes] = {}
    for name, data in entries:
        if name in found and found[name] != data:
            raise SystemExit(f"error: two different files are named {name}")
        found[name] = data
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in sorted(found):
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # A plain file that its owner may write, made on Unix whatever made it.
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, found[name], compresslevel=9)
    return written.getvalue()


def classes_jar(folders: list[Path]) -> bytes:
    """One jar of the classes of all modules."""
    return pack(
        entry for folder in folders for entry in files_below(folder) if not entry[0].startswith("META-INF/maven/")
    )


def aar(package: Package) -> bytes:
    """The AAR itself."""
    entries = [
        ("AndroidManifest.xml", package.manifest.read_bytes()),
        ("META-INF/com/android/build/gradle/aar-metadata.properties", AAR_METADATA.encode()),
        ("R.txt", b""),
        ("classes.jar", classes_jar(package.classes)),
        ("proguard.txt", package.rules.read_bytes()),
    ]
    libraries = [(f"jni/{name}", data) for name, data in files_below(package.libraries)]
    if not libraries:
        raise SystemExit(f"error: no libraries in {package.libraries}")
    return pack(entries + libraries)


def pom(package: Package) -> bytes:
    """The project description that tells Maven and Gradle what else an app needs."""
    dependencies = []
    for dependency in package.dependencies:
        group, artifact, version, *kind = dependency.split(":")
        dependencies.append(
            DEPENDENCY.format(group, artifact, version, f"\n      <type>{kind[0]}</type>" if kind else "")
        )
    return POM.format(
        group=GROUP,
        artifact=ARTIFACT,
        version=package.version,
        description=package.description,
        dependencies="\n".join(dependencies),
    ).encode()


def publish(package: Package, repository: Path) -> Path:
    """Writes everything where a Maven repository has it, and gives that folder."""
    folder = repository / GROUP.replace(".", "/") / ARTIFACT / package.version
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        ".aar": aar(package),
        ".pom": pom(package),
        "-sources.jar": pack(entry for source in package.sources for entry in files_below(source)),
        "-javadoc.jar": pack(files_below(package.documentation)),
    }
    for ending, data in parts.items():
        path = folder / f"{ARTIFACT}-{package.version}{ending}"
        path.write_bytes(data)
        for algorithm in ("md5", "sha1", "sha256", "sha512"):
            path.with_name(f"{path.name}.{algorithm}").write_text(hashlib.new(algorithm, data).hexdigest())
    return folder


def main() -> int:
    """Packs what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repository", required=True, type=Path, help="the folder to write")
    parser.add_argument("--version", required=True)
    parser.add_argument("--description", required=True)
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--rules", required=True, type=Path)
    parser.add_argument("--classes", required=True, type=Path, action="append")
    parser.add_argument("--sources", required=True, type=Path, action="append")
    parser.add_argument("--documentation", required=True, type=Path)
    parser.add_argument("--libraries", required=True, type=Path, help="a folder with one for each ABI")
    parser.add_argument("--dependency", dest="dependencies", required=True, action="append")
    given = vars(parser.parse_args())
    repository = given.pop("repository")
    print(publish(Package(**given), repository))
    return 0


if __name__ == "__main__":
    sys.exit(main())
