#!/usr/bin/env python3
"""Compare Bitkiln with Keras on the folders that write.py wrote: codes of every layer, and one line for each model file.

Usage: check.py BITKILN CORPUS [PART_OF_A_NAME]

CORPUS/ENVIRONMENT/MODEL-FORMAT/ are the cases. The verdicts:
  exact     every layer has Keras' codes. Keras computes in float32: one value in a thousand, or one of a small layer, may have
            the next code, and where the type of a layer is finer than 2^-22 of its largest value (float32 has no code there), the
            difference is at most 2^-22 of it; 2^-20 behind functions such as tanh, and for softmax 2^-16, one LSB of its type.
  within    a model without quantizers, run with the type that case.json states: every layer is within 2^-10 of its largest value
            or 16 LSBs of that type. A layer that is folded into the batch normalization after it has no values; it is counted.
  WRONG     anything else that was computed.
  refused   an error; its first line is printed.
"""
import collections, json, os, pathlib, re, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor
import numpy as np

FLOAT32, FUNCTION, SOFTMAX, UNQUANTIZED = 2.0**-22, 2.0**-20, 2.0**-16, 2.0**-10


def lsb(kind):
    width, integer = map(int, re.match(r"u?fixed<(\d+),(-?\d+)", kind).groups())
    return 2.0 ** (integer - width)


def difference(found, expected, kind, case):
    """What is wrong with the values of a layer, or None, and the number of codes that float32 rounds otherwise."""
    if found.shape != expected.shape:
        return f"shape {found.shape}, not {expected.shape}", 0
    largest, off = np.abs(expected).max(initial=0), np.abs(found - expected)
    far = f"{off.max(initial=0):.3g} of {largest:.3g} off"
    if "precision" in case:
        tolerance = max(UNQUANTIZED * largest, 16 * lsb(case["precision"]))
        return (far if off.max(initial=0) > tolerance else None), 0
    step = lsb(kind) if kind else 0
    is_typed = step > 0 and np.all(found / step == np.round(found / step))
    if is_typed and step > FLOAT32 * largest:
        codes = np.abs(np.round(expected / step) - found / step)
        others = int((codes > 0).sum())
        if codes.max(initial=0) > 1 or others > max(1, found.size // 1000):
            if kind.startswith("ufixed<16,1") and off.max() < SOFTMAX:
                return None, 0
            return f"{others} of {found.size} codes differ, {far}", others
        return None, others
    tolerance = (FLOAT32 if is_typed else FUNCTION) * largest
    return (far if off.max(initial=0) > tolerance else None), 0


def check(bitkiln, folder):
    case = json.loads((folder / "case.json").read_text())
    with tempfile.TemporaryDirectory() as scratch:
        model = [str(folder / case["model"])]
        model += ["--weights", str(folder / case["weights"])] if "weights" in case else []
        for name, kind in case["inputs"].items():
            model += ["--input-type", f"{name}={kind}"]
        for name, shape in case.get("shapes", {}).items():
            model += ["--input-shape", f"{name}={shape}"]
        if "precision" in case:
            config = pathlib.Path(scratch) / "config.yml"
            config.write_text(json.dumps({"Model": {"Precision": case["precision"], "ReuseFactor": 1}}))
            model += ["--config", str(config)]
        out = pathlib.Path(scratch) / "trace.npz"
        command = [bitkiln, "run", *model, "--input", str(folder / "inputs.npz"), "--output", str(out), "--trace"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            at = next((n for n, line in enumerate(lines) if "×" in line or "panicked" in line), 0)
            text = " ".join(line.strip(" ×│╰─▶") for line in lines[at:at + 4])
            return folder, "refused", text[:300], 0
        found = np.load(out)
        listed = json.loads(subprocess.run([bitkiln, "inspect", *model, "--json"], capture_output=True, text=True).stdout)
    kinds = {layer["layer"]: layer["result"] for layer in listed["layers"]}
    wrong, codes, others, folded = [], 0, 0, 0
    expected = np.load(folder / "trace.npz")
    wrong += [f"no expected values of output '{name}'" for name in case["outputs"] if name not in expected.files]
    for name in expected.files:
        if name not in found.files and "precision" in case and name not in case["outputs"]:
            folded += 1
            continue
        if name not in found.files:
            wrong.append(f"no layer '{name}'")
            continue
        problem, other = difference(found[name], expected[name], kinds.get(name), case)
        codes, others = codes + found[name].size, others + other
        if problem:
            wrong.append(f"layer '{name}': {problem}")
    if wrong:
        return folder, "WRONG", "; ".join(wrong)[:400], codes
    text = f"{codes} values" + (f", {others} next codes of float32" if others else "")
    text += f", {folded} layers folded" if folded else ""
    return folder, "within" if "precision" in case else "exact", text, codes


def main(bitkiln, corpus, part=""):
    folders = sorted(path.parent for path in pathlib.Path(corpus).glob("*/*/case.json") if part in str(path.parent.relative_to(corpus)))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda folder: check(bitkiln, folder), folders))
    counts, values = collections.Counter(), 0
    for folder, verdict, text, codes in results:
        note = json.loads((folder / "case.json").read_text()).get("note")
        print(f"{verdict:8}{folder.parent.name}/{folder.name}: {text}" + (f" [{note}]" if note else ""))
        counts[folder.parent.name, verdict] += 1
        values += codes
    for environment in sorted({environment for environment, _ in counts}):
        of = {verdict: counts[environment, verdict] for verdict in ("exact", "within", "WRONG", "refused")}
        print(f"{environment}: {sum(of.values())} files, " + ", ".join(f"{count} {verdict}" for verdict, count in of.items()))
    print(f"{len(results)} files, {values} values compared")
    return 1 if any(verdict in ("WRONG", "refused") for _, verdict, _, _ in results) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
