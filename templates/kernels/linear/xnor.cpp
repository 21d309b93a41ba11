{% extends "kernels/linear/frame.cpp" %}
{% block how %}
// Both factors are a sign times a power of two: only products below 0 are counted.
{%- endblock %}
{% block term %}
const bool negative = {{ cx.constant(terms.negative) }}[{{ cx.entry(body) }}] != 0;
below += {{ cx.bit() }}(({{ cx.operand(body) }} < 0) != negative);
{%- endblock %}
{% block result %}
const {{ cx.ty(terms.places.wide) }} moved = {{ cx.moved(terms.places, "below", "o") }};
output[{{ cx.result(body) }}] = {{ cx.start(body) }} - moved;
{%- endblock %}
