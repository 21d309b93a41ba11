// {{ cx.title() }}: the value behind the last boundary that an element reaches.
{{ cx.signature() }}
{{ cx.pragmas() }}
{{ cx.outer("elements", "n", body.elements) }}
{{ cx.out_type() }} result = {{ cx.constant(body.values) }}[0];
{%- if let Some(boundaries) = body.boundaries %}
const {{ cx.ty(body.compared) }} value = input[n];
{{ cx.level(1, "boundaries", "b", body.comparisons) }}
if (value >= {{ cx.constant(boundaries) }}[b]) {
result = {{ cx.constant(body.values) }}[b + 1];
}
}
{%- endif %}
output[n] = result;
}
}
