// {{ cx.title() }}: the array in tokens.
{{ cx.before_process() }}{{ cx.signature() }} {
{%- if tokens > 1 %}
tokens: for (int n = 0; n < {{ tokens }}; n++) {
{{ cx.in_frame() }}
{%- else %}
{{ cx.in_tokens() }}
{%- endif %}
{%- let output = cx.output() %}
{{ cx.token(output, "token") }}
{{ cx.before_unrolled() }}lanes: for (int c = 0; c < {{ output.lanes }}; c++) {
{{ cx.in_unrolled() }}
token.lanes[c] = input[{% if tokens > 1 %}n * {{ output.lanes }} + {% endif %}c];
}
output.write(token);
{%- if tokens > 1 %}
}
{%- endif %}
}
