{% extends "kernels/linear/frame.cpp" %}
{% block how %}
// Weights are {{ cx.signs(terms.signs) }} times powers of two.
{%- endblock %}
{% block sum %}
{{ cx.out_type() }} sum = {{ cx.start(body) }};
{{ cx.open("inputs", "i", body.inputs) }}
const {{ cx.ty(terms.places.wide) }} term = {{ cx.moved(terms.places, cx.operand(body), cx.entry(body)) }};
{%- let term = "term" %}
{%- include "kernels/linear/add.cpp" %}
}
output[{{ cx.at(body.rows, body.outputs, "o") }}] = sum;
{%- endblock %}
