// {{ cx.title() }}: the {% if is_max %}largest element{% else %}sum{% endif %} of each channel over {% if tokens > 1 %}{{ tokens }} tokens{% if positions > 1 %} of {% endif %}{% endif %}{% if positions > 1 %}{{ positions }} positions{% endif %}{{ cx.cost() }}.
{{ cx.before_process() }}{{ cx.signature() }} {
{%- let output = cx.output() %}
{{ cx.token(output, "result") }}
{%- include "processes/each_token.cpp" %}
{{ cx.read(cx.input(), "token") }}
{{ cx.before_unrolled() }}channels: for (int c = 0; c < {{ output.lanes }}; c++) {
{{ cx.in_unrolled() }}
{%- let output_type = cx.result_type() %}
{{ output_type }} value = token.lanes[c];
{%- if positions > 1 %}
{{ cx.before_unrolled() }}positions: for (int p = 1; p < {{ positions }}; p++) {
{{ cx.in_unrolled() }}
{%- if is_max %}
if (token.lanes[p * {{ output.lanes }} + c] > value) {
value = token.lanes[p * {{ output.lanes }} + c];
}
{%- else %}
value += token.lanes[p * {{ output.lanes }} + c];
{%- endif %}
}
{%- endif %}
{%- if tokens == 1 %}
result.lanes[c] = value;
{%- else if is_max %}
if (n == 0 || value > result.lanes[c]) {
result.lanes[c] = value;
}
{%- else %}
if (n == 0) {
result.lanes[c] = value;
} else {
result.lanes[c] += value;
}
{%- endif %}
}
{%- if tokens > 1 %}
if (n == {{ tokens - 1 }}) {
{{ cx.write(output, "result") }}
}
}
{%- else %}
{{ cx.write(output, "result") }}
{%- endif %}
}
