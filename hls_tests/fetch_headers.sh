#!/bin/sh
# Fetches the vendors' open headers (ap_types, ac_types; both Apache-2.0) into .cache/vendor of the
# repository, out of a pinned wheel of hls4ml, and precompiles them. Does nothing if they are there.
# Needs python3 with pip.
set -eu

version=1.3.0
sha256=01bf1de2cd9bca56699b9fe3385cb1735026b022f9580fe1d73faf192dfb90f2

root=$(cd "$(dirname "$0")/.." && pwd)
vendor=$root/.cache/vendor
if [ -f "$vendor/ap_types/ap_fixed.h" ] && [ -f "$vendor/ac_types/ac_fixed.h" ]; then
    exit 0
fi

mkdir -p "$root/.cache"
scratch=$(mktemp -d "$root/.cache/fetch.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

python3 -m pip download --quiet --disable-pip-version-check --no-deps \
    --dest "$scratch" "hls4ml==$version"

python3 - "$scratch" "$sha256" <<'PYTHON'
import hashlib
import pathlib
import sys
import zipfile

scratch, expected = pathlib.Path(sys.argv[1]), sys.argv[2]
(wheel,) = scratch.glob("*.whl")
found = hashlib.sha256(wheel.read_bytes()).hexdigest()
if found != expected:
    sys.exit(f"{wheel.name} has the SHA-256 {found}, not {expected}: not unpacked")

folders = {
    "hls4ml/templates/vivado/ap_types/": "ap_types",
    "hls4ml/templates/catapult/ac_types/include/": "ac_types",
}
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        for prefix, folder in folders.items():
            if name.startswith(prefix) and not name.endswith("/"):
                target = scratch / "vendor" / folder / name[len(prefix):]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))
PYTHON

# A second for each file that includes them, saved in every project of the tests. The compiler takes
# them where the options are the same, those of `bitkiln verify`; elsewhere it reads the text.
if command -v g++ >/dev/null; then
    for header in ap_types/ap_fixed.h ac_types/ac_fixed.h; do
        header=$scratch/vendor/$header
        g++ -std=c++17 -O1 -DNDEBUG -w -I "$(dirname "$header")" -x c++-header "$header"
    done
fi

# Whole or not at all, also where two runs meet.
rm -rf "$vendor"
mv "$scratch/vendor" "$vendor"
