"""Small frameworks like ours, compiled by the compiler that compiles ours."""

import shutil
import subprocess
from pathlib import Path

import apple_package

PRIVACY = Path(__file__).resolve().parents[3] / "bindings/swift/Sources/Tandem/PrivacyInfo.xcprivacy"
FACADE = "int uniffi_tandem_ffi_fn_run(void) { return 1; }"
DEVICE, SIMULATOR = "arm64-apple-ios15.0", "arm64-apple-ios15.0-simulator"
INTEL = "x86_64-apple-ios15.0-simulator"


def library(folder: Path, target: str, *sources: str) -> Path:
    """A static library of C sources, each an object of its own."""
    folder.mkdir(parents=True)
    objects = []
    for number, source in enumerate(sources):
        file = folder / f"part{number}.c"
        file.write_text(source)
        objects.append(str(file.with_suffix(".o")))
        command = ["clang-22", f"--target={target}", "-ffreestanding", "-c", str(file), "-o", objects[-1]]
        subprocess.run(command, check=True)
    made = folder / "libtandem.a"
    subprocess.run(["llvm-ar-22", "crsD", str(made), *objects], check=True)
    return made


def headers(folder: Path, module: str = "tandem_ffiFFI") -> Path:
    """A header and its module map in a folder of their own."""
    place = folder / module
    place.mkdir(parents=True)
    (place / f"{module}.h").write_text(f"#include <stdint.h>\nint32_t {module}_version(void);\n")
    (place / "module.modulemap").write_text(f'module {module} {{\n    header "{module}.h"\n    export *\n}}\n')
    return folder


def framework(folder: Path, *sources: str, target: str = DEVICE) -> Path:
    """A framework with a library for the device of these sources, and one for the simulators."""
    both = [library(folder / "sim", SIMULATOR, FACADE), library(folder / "intel", INTEL, FACADE)]
    simulator = folder / "simulator.a"
    subprocess.run(["llvm-lipo-22", "-create", *map(str, both), "-output", str(simulator)], check=True)
    libraries = {
        "ios-arm64": library(folder / "device", target, *(sources or [FACADE])),
        "ios-arm64_x86_64-simulator": simulator,
    }
    made = folder / "Tandem.xcframework"
    apple_package.assemble(made, headers(folder / "Headers"), libraries)
    for place in made.glob("ios-*"):
        shutil.copy(PRIVACY, place)
    return made
