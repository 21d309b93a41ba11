// {{ cx.title() }}: {% if tokens == 1 %}one token{% else %}{{ tokens }} tokens, one after the other{% endif %}{% if copies > 1 %}, with {{ copies }} positions in each{% endif %}.
{{ cx.before_process() }}{{ cx.signature() }} {
{%- include "processes/each_token.cpp" %}
{%- for input in cx.inputs() %}
{{ cx.read(input, input.word) }}
{%- endfor %}
{{ cx.token(cx.output(), "result") }}
{%- if copies == 1 %}
{{ cx.kernel() }}({% for input in cx.inputs() %}{{ input.word }}.lanes, {% endfor %}result.lanes{{ cx.position(copies) }});
{%- else %}
{{ cx.before_unrolled() }}positions: for (int p = 0; p < {{ copies }}; p++) {
{{ cx.in_unrolled() }}
{%- for input in cx.inputs() %}
{%- let operand = cx.array_of(loop.index0) %}
{{ cx.declare(operand) }}
{{ cx.before_unrolled() }}{{ operand.name }}_lanes: for (int c = 0; c < {{ operand.len }}; c++) {
{{ cx.in_unrolled() }}
{{ operand.name }}[c] = {{ input.word }}.lanes[p * {{ operand.len }} + c];
}
{%- endfor %}
{%- let values = cx.result_array() %}
{{ cx.registers(values.ty, "values", values.len) }}
{{ cx.kernel() }}({% for input in cx.inputs() %}{{ cx.array_of(loop.index0).name }}, {% endfor %}values{{ cx.position(copies) }});
{{ cx.before_unrolled() }}lanes: for (int c = 0; c < {{ values.len }}; c++) {
{{ cx.in_unrolled() }}
result.lanes[p * {{ values.len }} + c] = values[c];
}
}
{%- endif %}
{{ cx.write(cx.output(), "result") }}
{%- if tokens > 1 %}
}
{%- endif %}
}
