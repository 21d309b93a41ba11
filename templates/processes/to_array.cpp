// {{ cx.title() }}: tokens to the array.
{{ cx.before_process() }}{{ cx.signature() }} {
{%- include "processes/each_token.cpp" %}
{%- let input = cx.input() %}
{{ cx.read(input, "token") }}
{{ cx.before_unrolled() }}lanes: for (int c = 0; c < {{ input.lanes }}; c++) {
{{ cx.in_unrolled() }}
output[{% if tokens > 1 %}n * {{ input.lanes }} + {% endif %}c] = token.lanes[c];
}
{%- if tokens > 1 %}
}
{%- endif %}
}
