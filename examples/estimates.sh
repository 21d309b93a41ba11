#!/bin/sh
# Prints the estimates of the networks in docs/estimates.md that have published syntheses.
#
#   examples/estimates.sh MODELS [BITKILN]
#
# MODELS is a folder; models that it lacks are downloaded to it from GitHub:
#   KERAS_3layer and qkeras_3layer (.json, _weights.h5) of fastmachinelearning/example-models,
#   AD08.h5 and RN07.h5 of the hls4ml submission in mlcommons/tiny_results_v0.7.
set -eu

models=${1:?the folder of the models}
bitkiln=${2:-$(dirname "$0")/../target/release/bitkiln}
jets=https://raw.githubusercontent.com/fastmachinelearning/example-models/master/keras
tiny=https://raw.githubusercontent.com/mlcommons/tiny_results_v0.7/main/open/hls4ml-finn/code

# Downloads the file $1 of MODELS from the address $2, unless it is there.
fetch() {
    if [ ! -e "$models/$1" ]; then
        curl --fail --silent --show-error --location --output "$models/$1.part" "$2"
        mv "$models/$1.part" "$models/$1"
    fi
}

# Prints the summary of a network: a title, and the arguments of `bitkiln inspect`.
estimate() {
    echo "$1"
    shift
    "$bitkiln" inspect "$@" | grep -E '^(II|estimate)'
}

mkdir -p "$models"
for model in KERAS_3layer qkeras_3layer; do
    fetch "$model.json" "$jets/$model.json"
    fetch "${model}_weights.h5" "$jets/${model}_weights.h5"
done
fetch AD08.h5 "$tiny/ad/AD08/training/trained_model/model.h5"
fetch RN07.h5 "$tiny/ic/RN07/training/trained_model/model_best.h5"

# xcvu9p, 200 MHz, reuse factor 1.
for model in KERAS_3layer qkeras_3layer; do
    for softmax in stable skip; do
        estimate "$model, softmax $softmax" "$models/$model.json" \
            --weights "$models/${model}_weights.h5" --input-type 'fixed<16,6>' --part xcvu9p \
            --clock-period 5 --softmax "$softmax"
    done
done

# PYNQ-Z2: the reuse factors and clock periods of the submission.
config=$(mktemp --suffix=.yml)
trap 'rm -f "$config"' EXIT
cat >"$config" <<'END'
HLSConfig:
  Model: {Strategy: Resource, ReuseFactor: 144}
  LayerName:
    q_dense_batchnorm_2: {ReuseFactor: 8}
END
estimate 'AD08, reuse factors 144 and 8' "$models/AD08.h5" --config "$config" \
    --input-type 'fixed<8,8>' --part xc7z020 --clock-period 10 --io stream
for period in 6.67 10; do
    estimate "RN07 at $period ns, reuse factor 16384, no softmax" "$models/RN07.h5" \
        --strategy resource --reuse-factor 16384 --softmax skip --input-type 'ufixed<8,0>' \
        --part xc7z020 --clock-period "$period" --io stream
done
