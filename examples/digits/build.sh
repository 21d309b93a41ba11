#!/usr/bin/env bash
# Builds Bitkiln, then turns the digits network into a verified project for Vitis and for Catapult.
# Usage: examples/digits/build.sh [cargo profile, 'release' if none is named]
# With BUILT=1 the programs of that profile are taken as they are.
set -euo pipefail
cd "$(dirname "$0")/../.."

profile=${1:-release}
# Packages and binaries only: examples of Cargo would need the packages that tests depend on.
[ "${BUILT-}" = 1 ] || cargo build --profile "$profile" --package bitkiln --package accuracy --bins
target=${CARGO_TARGET_DIR:-target}
programs=$target/${profile/dev/debug}
model=examples/digits/model.h5
samples=examples/digits/test.npz

"$programs/accuracy" "$model" "$samples" examples/digits/labels.npy 'ufixed<4,0>'
for backend in vitis catapult; do
    echo
    "$programs/bitkiln" build "$model" --backend "$backend" -o "$target/digits/$backend" \
        --input-type 'ufixed<4,0>' --input "$samples" --verify
done
