#!/usr/bin/env bash
# Writes the corpus with every version of Keras and compares Bitkiln with it. Options go to write.py, for example
# `--models pruned --formats h5,keras`. See README.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${KERAS_VERSIONS_DIR:-$here/../../.cache/keras_versions}
bitkiln=${BITKILN:-$here/../../target/release/bitkiln}
python=${PYTHON:-python3.11}
mkdir -p "$work/venvs" "$work/corpus"

# A virtual environment NAME of the pinned packages, unless it is there.
environment() {
  local name=$1 venv=$work/venvs/$1
  shift
  if [ ! -f "$venv/ready" ]; then
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet "$@"
    case $name in keras2.*) "$venv/bin/pip" install --quiet --no-deps qkeras==0.9.0 ;; esac
    touch "$venv/ready"
  fi
}

keras2=('setuptools<81' tensorflow-model-optimization==0.7.5 keras-tuner==1.4.7 pyparser pyparsing networkx tqdm requests
  'scipy<1.14' 'scikit-learn<1.6')
environment keras2.12 tensorflow-cpu==2.12.1 numpy==1.23.5 "${keras2[@]}"
environment keras2.13 tensorflow-cpu==2.13.1 numpy==1.24.3 "${keras2[@]}"
environment keras2.14 tensorflow-cpu==2.14.1 numpy==1.26.4 "${keras2[@]}"
environment keras2.15 tensorflow-cpu==2.15.1 numpy==1.26.4 "${keras2[@]}"
environment keras3 tensorflow-cpu==2.19.1 keras==3.15.1 qkeras-v3==1.2.1

for name in keras2.12 keras2.13 keras2.14 keras2.15 keras3; do
  "$work/venvs/$name/bin/python" "$here/write.py" "$work/corpus/$name" "$@" 2>"$work/$name.stderr"
done
"$work/venvs/keras2.15/bin/python" "$here/check.py" "$bitkiln" "$work/corpus"
