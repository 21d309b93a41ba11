// {{ cx.title() }}: a leaky ReLU, the elements below a boundary times a slope.
{{ cx.signature() }}
{{ cx.pragmas() }}
const {{ cx.ty(body.compared) }} boundary = {{ cx.number(body.boundary) }};
{%- if let Some(offset) = body.offset %}
const {{ cx.ty(offset.element) }} offset = {{ cx.number(offset) }};
{%- endif %}
{{ cx.open("elements", "n", body.elements) }}
const {{ cx.ty(body.compared) }} value = input[n];
if (value < boundary) {
output[n] = input[n] * {{ cx.slope(body) }}{% if body.offset.is_some() %} + offset{% endif %};
} else {
output[n] = input[n];
}
}
}
