
{{ cx.array(cx.sum_type(body), "sums") }}
{{ cx.before_unrolled() }}starts: for (int o = 0; o < {{ body.outputs }}; o++) {
{{ cx.inside_unrolled() }}
sums[o] = {{ cx.first(body) }};
}
// The {{ listed.count }} weights that are not 0.
{{ cx.before(level) }}weights: for (int n = 0; n < {{ listed.count }}; n++) {
{{ cx.inside(level) }}
const int i = {{ cx.constant(listed.inputs) }}[n];
const int o = {{ cx.constant(listed.outputs) }}[n];
{%- include "kernels/linear_term.cpp" %}
}
{{ cx.before_unrolled() }}results: for (int o = 0; o < {{ body.outputs }}; o++) {
{{ cx.inside_unrolled() }}
{%- include "kernels/linear_result.cpp" %}
}
