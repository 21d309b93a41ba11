// {{ cx.title() }}: the value behind the last threshold that an element reaches.
{{ cx.signature() }}
{{ cx.pragmas() }}
{{ cx.outer("elements", "n", body.elements) }}
{{ cx.out_type() }} result = {{ cx.constant(body.values) }}[0];
{%- if let Some(thresholds) = body.thresholds %}
const {{ cx.ty(body.compared) }} value = input[n];
{{ cx.level(1, "thresholds", "b", body.comparisons) }}
if (value >= {{ cx.constant(thresholds) }}[b]) {
result = {{ cx.constant(body.values) }}[b + 1];
}
}
{%- endif %}
output[n] = result;
}
}
