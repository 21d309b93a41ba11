// {{ cx.title() }}: sums over {{ tokens }} tokens{% if let Some(folds) = folds %}, in {{ folds.count() }} steps each{% endif %}.
{{ cx.before_process() }}{{ cx.signature() }} {
{{ cx.registers(sums.ty, "sums", sums.outputs) }}
{%- if let Some(folds) = folds %}
{{ cx.registers(cx.element(), "values", cx.input().lanes) }}
{{ cx.counters(folds) }}
steps: for (int n = 0; n < {{ steps }}; n++) {
{{ cx.in_frame() }}
if (n == 0) {
{{ cx.before_unrolled() }}starts: for (int o = 0; o < {{ sums.outputs }}; o++) {
{{ cx.in_unrolled() }}
sums[o] = {{ sums.first }};
}
}
if ({{ folds.is_first() }}) {
{{ cx.read(cx.input(), "token") }}
{{ cx.before_unrolled() }}lanes: for (int c = 0; c < {{ cx.input().lanes }}; c++) {
{{ cx.in_unrolled() }}
values[c] = token.lanes[c];
}
}
{{ cx.kernel() }}(values, n, sums);
{%- if let Some(by) = sums.input_shift %}
// The inputs of the next tile come first.
{%- if let Some(is_last) = folds.is_last_inside() %}
if ({{ is_last }}) {
{%- endif %}
{{ cx.before_unrolled() }}shifted: for (int c = 0; c < {{ cx.input().lanes - by }}; c++) {
{{ cx.in_unrolled() }}
values[c] = values[c + {{ by }}];
}
{%- if folds.is_last_inside().is_some() %}
}
{%- endif %}
{%- endif %}
if (n == {{ steps - 1 }}) {
{{ cx.token(cx.output(), "result") }}
{{ cx.before_unrolled() }}results: for (int o = 0; o < {{ sums.outputs }}; o++) {
{{ cx.in_unrolled() }}
result.lanes[o] = {{ sums.last }};
}
{{ cx.write(cx.output(), "result") }}
}
if ({{ folds.is_last() }}) {
{{ folds.reset() }}
} else {
{{ folds.advance() }}
}
}
{%- else %}
tokens: for (int n = 0; n < {{ tokens }}; n++) {
{{ cx.in_frame() }}
if (n == 0) {
{{ cx.before_unrolled() }}starts: for (int o = 0; o < {{ sums.outputs }}; o++) {
{{ cx.in_unrolled() }}
sums[o] = {{ sums.first }};
}
}
{{ cx.read(cx.input(), "token") }}
{{ cx.kernel() }}(token.lanes, n, sums);
if (n == {{ tokens - 1 }}) {
{{ cx.token(cx.output(), "result") }}
{{ cx.before_unrolled() }}results: for (int o = 0; o < {{ sums.outputs }}; o++) {
{{ cx.in_unrolled() }}
result.lanes[o] = {{ sums.last }};
}
{{ cx.write(cx.output(), "result") }}
}
}
{%- endif %}
}
