// {{ cx.title() }}: a leaky ReLU, the elements below a threshold times {{ cx.kind(body.slopes) }}
{%- if body.bias.is_some() %}, plus a bias{% endif %}{{ cx.cost() }}.
{{ cx.signature() }} {
{{ cx.pragmas() }}
const {{ cx.ty(body.compared) }} threshold = {{ cx.number(body.threshold) }};
{%- if let Some(bias) = body.bias %}
const {{ cx.ty(bias.element) }} bias = {{ cx.number(bias) }};
{%- endif %}
{{ cx.before(0) }}elements: for (int n = 0; n < {{ cx.elements() }}; n++) {
{{ cx.inside(0) }}
const {{ cx.ty(body.compared) }} value = input[n];
if (value < threshold) {
{%- let at = "n" %}
{%- let factors = body.slopes %}
{%- let index = cx.slope(body.by) %}
{%- let bias = cx.bias_below(body.bias) %}
{%- include "kernels/scaled.cpp" %}
} else {
output[n] = input[n];
}
}
}
