// {{ cx.title() }}: the {% if is_max %}largest element{% else %}sum{% endif %} of each channel over {{ tokens }} tokens.
{{ cx.signature() }} {
{%- let output = cx.output() %}
{{ output.token }} result;
{{ cx.before_tokens() }}tokens: for (int n = 0; n < {{ tokens }}; n++) {
{{ cx.in_tokens() }}
const {{ cx.input().token }} token = input.read();
{{ cx.before_unrolled() }}channels: for (int c = 0; c < {{ output.lanes }}; c++) {
{{ cx.in_unrolled() }}
{%- if is_max %}
if (n == 0 || token.lanes[c] > result.lanes[c]) {
result.lanes[c] = token.lanes[c];
}
{%- else %}
if (n == 0) {
result.lanes[c] = token.lanes[c];
} else {
result.lanes[c] += token.lanes[c];
}
{%- endif %}
}
}
output.write(result);
}
