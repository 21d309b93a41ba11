// {{ cx.title() }}: the array in tokens.
{{ cx.before_process() }}{{ cx.signature() }} {
{%- include "processes/each_token.cpp" %}
{%- let output = cx.output() %}
{{ cx.token(output, "token") }}
{{ cx.before_unrolled() }}lanes: for (int c = 0; c < {{ output.lanes }}; c++) {
{{ cx.in_unrolled() }}
token.lanes[c] = input[{% if tokens > 1 %}n * {{ output.lanes }} + {% endif %}c];
}
{{ cx.write(output, "token") }}
{%- if tokens > 1 %}
}
{%- endif %}
}
