// {{ cx.title() }}: {% if tokens == 1 %}one token{% else %}{{ tokens }} tokens, one after the other{% endif %}{% if tokens == 1 %}, in {{ folds.count() }} steps{% else %}, in {{ folds.count() }} steps each{% endif %}.
{{ cx.before_process() }}{{ cx.signature() }} {
{%- let values = cx.operand_array() %}
{{ cx.registers(values.ty, "values", values.len) }}
{%- if let Some(sums) = folds.sums %}
{{ cx.registers(sums.ty, sums.name, sums.len) }}
{%- endif %}
{{ cx.token(cx.output(), "result") }}
{{ cx.counters(folds) }}
steps: for (int n = 0; n < {{ steps }}; n++) {
{{ cx.in_frame() }}
if ({{ folds.is_first() }}) {
{{ cx.read(cx.input(), "token") }}
{{ cx.before_unrolled() }}lanes: for (int c = 0; c < {{ values.len }}; c++) {
{{ cx.in_unrolled() }}
values[c] = token.lanes[c];
}
}
{{ cx.kernel() }}({{ folds.arguments(["values", "result.lanes"], None) }});
if ({{ folds.is_last() }}) {
{{ cx.write(cx.output(), "result") }}
{{ folds.reset() }}
} else {
{{ folds.advance() }}
}
}
}
