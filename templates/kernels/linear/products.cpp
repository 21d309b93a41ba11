{% extends "kernels/linear/frame.cpp" %}
{% block term %}
{%- if terms.sparse %}
if ({{ cx.constant(terms.weights) }}[{{ cx.entry(body) }}] != 0) {
sum += {{ cx.operand(body) }} * {{ cx.constant(terms.weights) }}[{{ cx.entry(body) }}];
}
{%- else %}
sum += {{ cx.operand(body) }} * {{ cx.constant(terms.weights) }}[{{ cx.entry(body) }}];
{%- endif %}
{%- endblock %}
