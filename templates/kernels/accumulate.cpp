// {{ cx.title() }}: {{ body.calls * body.inputs }} x {{ body.outputs }} weights{{ cx.cost() }}.
{%- include "kernels/linear_terms_title.cpp" %}
// A call adds the terms of one of {{ body.calls * body.tiles.count() as usize }} tiles of {{ body.tile_inputs() }} x {{ body.tile_outputs() }} weights to the sums.
static void {{ cx.name() }}(const {{ cx.in_type() }} input[{{ body.inputs }}], const int tile, {{ cx.sum_type_of(body.terms) }} sums[{{ body.outputs }}]) {
{{ cx.pragmas() }}
{%- if is_rotated && outputs.is_some() %}
{{ cx.registers(cx.sum_type_of(body.terms), "updated", body.tile_outputs()) }}
{%- endif %}
{%- if let Some(outputs) = outputs %}
{{ cx.before_unrolled() }}{{ outputs }} {
{{ cx.inside_unrolled() }}
{%- endif %}
{{ cx.sum_type_of(body.terms) }} {{ sum }} = 0;
{%- if let Some(inputs) = inputs %}
{{ cx.before_unrolled() }}{{ inputs }} {
{{ cx.inside_unrolled() }}
{%- endif %}
{%- include "kernels/linear_term.cpp" %}
{%- if inputs.is_some() %}
}
{%- endif %}
{%- if !is_rotated %}
sums[{{ lane }}] = sums[{{ lane }}] + {{ sum }};
{%- else if outputs.is_some() %}
updated[o] = sums[o] + {{ sum }};
{%- else %}
const {{ cx.sum_type_of(body.terms) }} updated = sums[0] + {{ sum }};
{%- endif %}
{%- if outputs.is_some() %}
}
{%- endif %}
{%- if is_rotated %}
// The sums of the next tile come first.
{{ cx.before_unrolled() }}rotated: for (int o = 0; o < {{ body.outputs - body.tile_outputs() }}; o++) {
{{ cx.inside_unrolled() }}
sums[o] = sums[o + {{ body.tile_outputs() }}];
}
{%- if outputs.is_some() %}
{{ cx.before_unrolled() }}last: for (int o = 0; o < {{ body.tile_outputs() }}; o++) {
{{ cx.inside_unrolled() }}
sums[{{ body.outputs - body.tile_outputs() }} + o] = updated[o];
}
{%- else %}
sums[{{ body.outputs - 1 }}] = updated;
{%- endif %}
{%- endif %}
}
