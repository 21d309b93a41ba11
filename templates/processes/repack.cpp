// {{ cx.title() }}: tokens of {{ cx.counted(repack.from, "element") }} to tokens of {{ repack.to }}.
{{ cx.before_process() }}{{ cx.signature() }} {
// The elements that no token has taken so far.
{{ cx.registers(cx.element(), "elements", repack.registers()) }}
{{ cx.counter(repack.registers()) }} waiting = 0;
tokens: for (int n = 0; n < {{ repack.iterations() }}; n++) {
{{ cx.in_frame() }}
{%- if repack.from <= repack.to %}
{{ cx.read(cx.input(), "token") }}
{%- if repack.registers() > repack.from %}
{{ cx.before_unrolled() }}shifted: for (int c = 0; c < {{ repack.registers() - repack.from }}; c++) {
{{ cx.in_unrolled() }}
elements[c] = elements[c + {{ repack.from }}];
}
{%- endif %}
{{ cx.before_unrolled() }}added: for (int c = 0; c < {{ repack.from }}; c++) {
{{ cx.in_unrolled() }}
elements[{{ repack.registers() - repack.from }} + c] = token.lanes[c];
}
waiting += {{ repack.from }};
if (waiting >= {{ repack.to }}) {
{{ cx.token(cx.output(), "result") }}
{%- if repack.from == repack.unit() %}
{{ cx.before_unrolled() }}lanes: for (int c = 0; c < {{ repack.to }}; c++) {
{{ cx.in_unrolled() }}
result.lanes[c] = elements[c];
}
{%- else %}
// The oldest element is at one of {{ repack.from / repack.unit() }} positions.
{{ cx.before_unrolled() }}positions: for (int position = 0; position < {{ repack.from / repack.unit() }}; position++) {
{{ cx.in_unrolled() }}
if (waiting == {{ repack.registers() }} - position * {{ repack.unit() }}) {
{{ cx.before_unrolled() }}lanes: for (int c = 0; c < {{ repack.to }}; c++) {
{{ cx.in_unrolled() }}
result.lanes[c] = elements[position * {{ repack.unit() }} + c];
}
}
}
{%- endif %}
{{ cx.write(cx.output(), "result") }}
waiting -= {{ repack.to }};
}
{%- else %}
if (waiting < {{ repack.to }}) {
{{ cx.read(cx.input(), "token") }}
{%- if repack.to == repack.unit() %}
{{ cx.before_unrolled() }}added: for (int c = 0; c < {{ repack.from }}; c++) {
{{ cx.in_unrolled() }}
elements[c] = token.lanes[c];
}
{%- else %}
// As many elements as one of {{ repack.to / repack.unit() }} positions are left.
{{ cx.before_unrolled() }}positions: for (int position = 0; position < {{ repack.to / repack.unit() }}; position++) {
{{ cx.in_unrolled() }}
if (waiting == position * {{ repack.unit() }}) {
{{ cx.before_unrolled() }}added: for (int c = 0; c < {{ repack.from }}; c++) {
{{ cx.in_unrolled() }}
elements[position * {{ repack.unit() }} + c] = token.lanes[c];
}
}
}
{%- endif %}
waiting += {{ repack.from }};
}
{{ cx.token(cx.output(), "result") }}
{{ cx.before_unrolled() }}lanes: for (int c = 0; c < {{ repack.to }}; c++) {
{{ cx.in_unrolled() }}
result.lanes[c] = elements[c];
}
{{ cx.write(cx.output(), "result") }}
{{ cx.before_unrolled() }}shifted: for (int c = 0; c < {{ repack.registers() - repack.to }}; c++) {
{{ cx.in_unrolled() }}
elements[c] = elements[c + {{ repack.to }}];
}
waiting -= {{ repack.to }};
{%- endif %}
}
}
