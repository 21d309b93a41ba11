#!/bin/sh
# Prints the estimates of the jet taggers in docs/estimates.md: xcvu9p, 200 MHz, reuse factor 1, with softmax and without.
#
#   examples/estimates.sh MODELS [BITKILN]
#
# MODELS is a folder with KERAS_3layer.json, KERAS_3layer_weights.h5, qkeras_3layer.json and
# qkeras_3layer_weights.h5 of the folder keras of github.com/fastmachinelearning/example-models.
set -eu

models=${1:?the folder of the models}
bitkiln=${2:-$(dirname "$0")/../target/release/bitkiln}

for model in KERAS_3layer qkeras_3layer; do
    for softmax in stable skip; do
        echo "$model, softmax $softmax"
        "$bitkiln" inspect "$models/$model.json" --weights "$models/${model}_weights.h5" \
            --input-type 'fixed<16,6>' --part xcvu9p --clock-period 5 --softmax "$softmax" | tail -n 2
    done
done
