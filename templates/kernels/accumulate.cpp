// {{ cx.title() }}: {{ body.calls * body.inputs }} x {{ body.outputs }} weights, those of {{ body.tile_inputs() }} inputs and {{ body.tile_outputs() }} outputs at a time{{ cx.cost() }}.
{%- match body.terms %}
{%- when Terms::Products with { .. } %}
{%- when Terms::Signs with { signs, shifted } %}
// Weights are {{ cx.signs(signs) }}
{%- if shifted.is_some() %} times a power of two, by which the sum is shifted{% endif %}.
{%- when Terms::Shifts with { signs, .. } %}
// Weights are {{ cx.signs(signs) }} times powers of two.
{%- when Terms::Xnor with { .. } %}
// Both factors are a sign times a power of two: only products below 0 are counted.
{%- endmatch %}
static void {{ cx.kernel.name }}(const {{ cx.in_type() }} input[{{ body.inputs }}], const int tile, {{ cx.sum_type_of(body.terms) }} sums[{{ body.outputs }}]) {
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
{%- let entry = entry.as_str() %}
{%- match body.terms %}
{%- when Terms::Products with { weights, .. } %}
sum += input[i] * {{ cx.constant(weights) }}[{{ entry }}];
{%- when Terms::Signs with { signs, .. } %}
{%- let term = "input[i]" %}
{%- include "kernels/add_signed.cpp" %}
{%- when Terms::Shifts with { signs, shift } %}
const {{ cx.ty(shift.element) }} term = {{ cx.shifted(shift, "input[i]", entry) }};
{%- let term = "term" %}
{%- include "kernels/add_signed.cpp" %}
{%- when Terms::Xnor with { negative, .. } %}
const bool negative = {{ cx.constant(negative) }}[{{ entry }}] != 0;
below += {{ cx.bit() }}((input[i] < 0) != negative);
{%- endmatch %}
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
