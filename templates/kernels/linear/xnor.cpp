{% extends "kernels/linear/frame.cpp" %}
{% block how %}
// Both factors are a sign times a power of two: only products below 0 are counted.
{%- endblock %}
{% block sum %}
{{ cx.ty(terms.count) }} below = 0;
{{ cx.open("inputs", "i", body.inputs) }}
const bool negative = {{ cx.constant(terms.negative) }}[{{ cx.entry(body) }}] != 0;
below += {{ cx.bit() }}(({{ cx.operand(body) }} < 0) != negative);
}
const {{ cx.ty(terms.places.wide) }} moved = {{ cx.moved(terms.places, "below", "o") }};
output[{{ cx.at(body.rows, body.outputs, "o") }}] = {{ cx.start(body) }} - moved;
{%- endblock %}
