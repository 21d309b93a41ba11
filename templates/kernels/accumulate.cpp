// {{ cx.title() }}: {{ body.calls * body.inputs }} x {{ body.outputs }} weights, those of {{ body.tile_inputs() }} inputs and {{ body.tile_outputs() }} outputs at a time{{ cx.cost() }}.
{%- include "kernels/linear_terms_title.cpp" %}
static void {{ cx.name() }}(const {{ cx.in_type() }} input[{{ body.inputs }}], const int tile, {{ cx.sum_type_of(body.terms) }} sums[{{ body.outputs }}]) {
{{ cx.pragmas() }}
{%- if is_rotated %}
{{ cx.sum_type_of(body.terms) }} updated[{{ body.tile_outputs() }}];
{{ cx.registers("updated") }}
{%- endif %}
{{ cx.before_unrolled() }}outputs: for (int o = 0; o < {{ body.tile_outputs() }}; o++) {
{{ cx.inside_unrolled() }}
{{ cx.sum_type_of(body.terms) }} {{ sum }} = 0;
{{ cx.before_unrolled() }}inputs: for (int i = 0; i < {{ body.tile_inputs() }}; i++) {
{{ cx.inside_unrolled() }}
{%- include "kernels/linear_term.cpp" %}
}
{%- if is_rotated %}
updated[o] = sums[o] + {{ sum }};
}
// The sums of the next tile come first.
{{ cx.before_unrolled() }}rotated: for (int o = 0; o < {{ body.outputs - body.tile_outputs() }}; o++) {
{{ cx.inside_unrolled() }}
sums[o] = sums[o + {{ body.tile_outputs() }}];
}
{{ cx.before_unrolled() }}last: for (int o = 0; o < {{ body.tile_outputs() }}; o++) {
{{ cx.inside_unrolled() }}
sums[{{ body.outputs - body.tile_outputs() }} + o] = updated[o];
}
{%- else %}
sums[o] = sums[o] + {{ sum }};
}
{%- endif %}
}
