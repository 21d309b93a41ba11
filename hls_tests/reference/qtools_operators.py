#!/usr/bin/env python3
"""Write qtools_operators.json: QTools' operators for every pair of types, as QKeras (June 2025) derives them.

Usage: qtools_operators.py   (with that state of QKeras, TensorFlow 2.15)

A result is the JSON of QTools; a gate has its factor and its bits besides.
"""
import json, pathlib
from qkeras import quantizers as q
from qkeras.qtools import interface
from qkeras.qtools.quantized_operators import (
    AccumulatorFactory, IDivider, MergeFactory, MultiplierFactory, QBNFactory, QuantizerFactory, adder_factory)

TYPES = ["quantized_bits(5,1,1,alpha=1)", "quantized_bits(4,0,keep_negative=False,alpha=1)", "quantized_relu(1,1)",
         "quantized_tanh(6)", "quantized_po2(4)", "quantized_po2(3,4)", "quantized_relu_po2(3,0.5)", "ternary()",
         "stochastic_ternary()", "binary(alpha=1)", "binary(use_01=True,alpha=1)", "stochastic_binary()", "bernoulli()",
         "fp32"]
factory = QuantizerFactory()


def make(name):
    return factory.make_quantizer(name if name[0] in "fi" else eval("q." + name))


def gate(g):
    return [interface.populate_quantizer(g.output, implemented_as=g.implemented_as()), g.gate_factor, float(g.gate_bits)]


def or_none(call):
    try:
        return call()
    except Exception:
        return None


pairs = {}
for a in TYPES:
    for b in TYPES:
        multiplier = or_none(lambda: gate(MultiplierFactory().make_multiplier(make(a), make(b))))
        divider = or_none(lambda: gate(IDivider().make_quantizer(make(a), make(b))))
        adder = or_none(lambda: interface.populate_quantizer(adder_factory.IAdder().make_quantizer(make(a), make(b)).output))
        merges = {}
        for kind in ["Add", "Maximum"]:
            merges[kind] = or_none(lambda: gate(MergeFactory().make_quantizer([(make(a), {}), (make(b), {})], kind)))
        pairs[a + " | " + b] = {"multiplier": multiplier, "divider": divider, "adder": adder, **merges}

sums = {}
for a in TYPES:
    for terms in [1, 2, 9, 16]:
        for bias in [False, True]:
            m = MultiplierFactory().make_multiplier(make(a), make(a))
            m.output = make(a)
            found = AccumulatorFactory().make_accumulator((terms, 1), m, use_bias=bias).output
            sums["%s | %d | %d" % (a, terms, bias)] = interface.populate_quantizer(found)

norms = {}
for x in ["quantized_bits(5,1,1,alpha=1)", "quantized_po2(4)", "fp32"]:
    for gamma in ["quantized_bits(4,0,keep_negative=False,alpha=1)", "quantized_relu_po2(4)", "quantized_po2(3,4)"]:
        for variance in ["quantized_relu_po2(5,16)", "quantized_bits(5,1,1,alpha=1)", "quantized_relu_po2(4)"]:
            for scale in [True, False]:
                for center in [True, False]:
                    n = QBNFactory()
                    n.make_quantizer(make(x), make(gamma), make("quantized_po2(3,4)"), make("fp32"), make(variance), scale, center)
                    norms["%s | %s | %s | %d | %d" % (x, gamma, variance, scale, center)] = [
                        gate(n.internal_divide_quantizer), gate(n.internal_multiplier) if n.internal_multiplier else None,
                        interface.populate_quantizer(n.internal_accumulator.output) if n.internal_accumulator else None]

out = pathlib.Path(__file__).parent / "qtools_operators.json"
out.write_text(json.dumps({"pairs": pairs, "sums": sums, "norms": norms}, separators=(",", ":"),
                          default=lambda v: v.tolist() if hasattr(v, "tolist") else str(v)) + "\n")
