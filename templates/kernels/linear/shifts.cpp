{% extends "kernels/linear/frame.cpp" %}
{% block how %}
// Weights are {{ cx.signs(terms.signs) }} times powers of two.
{%- endblock %}
{% block term %}
const {{ cx.ty(terms.places.wide) }} term = {{ cx.moved(terms.places, cx.operand(body), cx.entry(body)) }};
{%- let term = "term" %}
{%- include "kernels/linear/add.cpp" %}
{%- endblock %}
