// {{ cx.title() }}: sums over {{ tokens }} tokens.
{{ cx.signature() }} {
{{ sums.ty }} sums[{{ sums.outputs }}];
{{ cx.at_registers("sums") }}
{{ cx.before_unrolled() }}starts: for (int o = 0; o < {{ sums.outputs }}; o++) {
{{ cx.in_unrolled() }}
sums[o] = {{ sums.first }};
}
{%- if sums.tiles > 1 %}
{{ cx.input().token }} token;
{%- endif %}
{{ cx.before_tokens() }}tokens: for (int n = 0; n < {{ tokens }}; n++) {
{{ cx.in_tokens() }}
{%- if sums.tiles > 1 %}
{{ sums.before_tiles }}tiles: for (int tile = 0; tile < {{ sums.tiles }}; tile++) {
{{ sums.in_tiles }}
if (tile == 0) {
token = input.read();
}
{%- if let Some(shift) = sums.input_shift %}
{% if shift.every > 1 %}if (tile > 0 && tile % {{ shift.every }} == 0) {% else %}if (tile > 0) {% endif %}{
{{ cx.before_unrolled() }}shifted: for (int c = 0; c < {{ cx.input().lanes - shift.by }}; c++) {
{{ cx.in_unrolled() }}
token.lanes[c] = token.lanes[c + {{ shift.by }}];
}
}
{%- endif %}
{{ cx.kernel() }}(token.lanes, n * {{ sums.tiles }} + tile, sums);
}
{%- else %}
const {{ cx.input().token }} token = input.read();
{{ cx.kernel() }}(token.lanes, n, sums);
{%- endif %}
}
{{ cx.output().token }} result;
{{ cx.before_unrolled() }}results: for (int o = 0; o < {{ sums.outputs }}; o++) {
{{ cx.in_unrolled() }}
result.lanes[o] = {{ sums.last }};
}
output.write(result);
}
