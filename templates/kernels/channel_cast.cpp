// {{ cx.title() }}: values cast to one of {{ body.types.len() }} types for each of {{ body.channels }} channels.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{%- if body.rows > 1 %}
{{ cx.before(0) }}rows: for (int row = 0; row < {{ body.rows }}; row++) {
{{ cx.inside(0) }}
{%- endif %}
{{ cx.before(1) }}channels: for (int c = 0; c < {{ body.channels }}; c++) {
{{ cx.inside(1) }}
{%- let at = cx.at(body.rows, body.channels, "c") %}
{%- for ty in body.types %}
{%- if loop.first %}
if ({{ cx.constant(body.selectors) }}[c] == 0) {
{%- else if loop.last %}
} else {
{%- else %}
} else if ({{ cx.constant(body.selectors) }}[c] == {{ loop.index0 }}) {
{%- endif %}
output[{{ at }}] = {{ cx.ty(ty) }}(input[{{ at }}]);
{%- endfor %}
}
}
{%- if body.rows > 1 %}
}
{%- endif %}
}
