{% extends "kernels/linear/frame.cpp" %}
{% block how %}
// Weights are {{ cx.signs(terms.signs) }}
{%- if terms.moved.is_some() %} times a power of two, by which the sum moves{% endif %}.
{%- endblock %}
{% block term %}
{%- let term = cx.operand(body) %}
{%- include "kernels/linear/add.cpp" %}
{%- endblock %}
{% block result %}
{%- match terms.moved %}
{%- when Some with (moved) %}
const {{ cx.ty(moved.places.wide) }} moved = {{ cx.moved(moved.places, "sum", "o") }};
{%- if body.starts.is_some() %}
output[{{ cx.result(body) }}] = {{ cx.start(body) }} + moved;
{%- else %}
output[{{ cx.result(body) }}] = moved;
{%- endif %}
{%- when None %}
output[{{ cx.result(body) }}] = sum;
{%- endmatch %}
{%- endblock %}
