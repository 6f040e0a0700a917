"""Compares what the conformance table's cases gave on several targets: compare_outputs.py CASES HOST OTHER...

HOST and each OTHER are what rust/sdk/tests/conformance.rs writes, or a part of it. Elements must be equal bit for bit,
or within the case's tolerance where the table grants one; everything else must be equal as it stands.
"""

import base64
import json
import struct
import sys
from pathlib import Path


def differences(want, got, tolerance):
    """What is wrong with `got`, as a list of sentences; empty where nothing is."""
    if want.keys() != got.keys() or "outputs" not in want:
        return [] if want == got else [f"expected {want}, got {got}"]
    found = []
    if [tensor["name"] for tensor in want["outputs"]] != [tensor["name"] for tensor in got["outputs"]]:
        found.append("the outputs have other names")
    for a, b in zip(want["outputs"], got["outputs"]):
        if a == b:
            continue
        what = f"output {a['name']}"
        if {**a, "base64": None} != {**b, "base64": None}:
            found.append(f"{what} has another type, shape or text")
        elif tolerance == 0 or a["dtype"] != "f32":
            found.append(f"{what} has other bytes")
        else:
            x, y = (numbers(tensor) for tensor in (a, b))
            if len(x) != len(y):
                found.append(f"{what} has {len(y)} elements, expected {len(x)}")
            else:
                # Not `distance > tolerance`, which is false of a NaN.
                worst = [abs(p - q) for p, q in zip(x, y) if not abs(p - q) <= tolerance]
                if worst:
                    found.append(f"{what} differs by {max(worst)}, allowed are {tolerance}")
    return found


def numbers(tensor):
    """The elements of a tensor of f32."""
    data = base64.b64decode(tensor["base64"])
    return struct.unpack(f"<{len(data) // 4}f", data)


def compare(tolerances, host, other):
    """Pairs of a case's name and what is wrong with it, for the cases of `other`."""
    known = {record["case"]: record for record in host}
    for record in other:
        name = record["case"]
        if name in known:
            yield name, differences(known[name], record, tolerances.get(name, 0))
        else:
            yield name, ["this machine did not run it"]


def main():
    table, host, *others = (json.loads(Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:])
    tolerances = {case["name"]: case["expect"].get("tolerance", 0) for case in table["cases"]}
    passed = failed = 0
    for path, other in zip(sys.argv[3:], others):
        identical = sum(record in host for record in other)
        good = 0
        for name, wrong in compare(tolerances, host, other):
            for sentence in wrong:
                print(f"{path}: {name}: {sentence}")
            good += not wrong
        print(f"{path}: {good} of {len(other)} cases agree with this machine's, {identical} of them bit for bit")
        passed += good
        failed += len(other) - good
        if not other:
            failed += 1
            print(f"{path}: no cases")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
