{% extends "kernels/linear/frame.cpp" %}
{% block how %}
// Weights are {{ cx.signs(terms.signs) }}
{%- if terms.moved.is_some() %} times a power of two, by which the sum moves{% endif %}.
{%- endblock %}
{% block sum %}
{%- match terms.moved %}
{%- when Some with (moved) %}
{{ cx.ty(moved.sum) }} sum = 0;
{%- when None %}
{{ cx.out_type() }} sum = {{ cx.start(body) }};
{%- endmatch %}
{{ cx.open("inputs", "i", body.inputs) }}
{%- let term = cx.operand(body) %}
{%- include "kernels/linear/add.cpp" %}
}
{%- match terms.moved %}
{%- when Some with (moved) %}
const {{ cx.ty(moved.places.wide) }} moved = {{ cx.moved(moved.places, "sum", "o") }};
{%- if body.starts.is_some() %}
output[{{ cx.at(body.rows, body.outputs, "o") }}] = {{ cx.start(body) }} + moved;
{%- else %}
output[{{ cx.at(body.rows, body.outputs, "o") }}] = moved;
{%- endif %}
{%- when None %}
output[{{ cx.at(body.rows, body.outputs, "o") }}] = sum;
{%- endmatch %}
{%- endblock %}
