// {{ cx.title() }}: a leaky ReLU, the elements below a threshold times {{ cx.kind(body.slopes) }}
{%- if body.offset.is_some() %}, plus an offset{% endif %}: {{ cx.operations(body.operations) }}.
{{ cx.signature() }}
{{ cx.pragmas() }}
const {{ cx.ty(body.compared) }} threshold = {{ cx.number(body.threshold) }};
{%- if let Some(offset) = body.offset %}
const {{ cx.ty(offset.element) }} offset = {{ cx.number(offset) }};
{%- endif %}
{{ cx.outer("elements", "n", body.elements) }}
const {{ cx.ty(body.compared) }} value = input[n];
if (value < threshold) {
{%- let at = "n" %}
{%- let factors = body.slopes %}
{%- let index = cx.slope(body.by) %}
{%- let offset = cx.offset_below(body.offset) %}
{%- include "kernels/scaled.cpp" %}
} else {
output[n] = input[n];
}
}
}
