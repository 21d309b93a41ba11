{% extends "kernels/linear/frame.cpp" %}
{% block sum %}
{{ cx.out_type() }} sum = {{ cx.start(body) }};
{{ cx.open("inputs", "i", body.inputs) }}
{%- if terms.sparse %}
if ({{ cx.constant(terms.weights) }}[{{ cx.entry(body) }}] != 0) {
sum += {{ cx.operand(body) }} * {{ cx.constant(terms.weights) }}[{{ cx.entry(body) }}];
}
{%- else %}
sum += {{ cx.operand(body) }} * {{ cx.constant(terms.weights) }}[{{ cx.entry(body) }}];
{%- endif %}
}
output[{{ cx.at(body.rows, body.outputs, "o") }}] = sum;
{%- endblock %}
