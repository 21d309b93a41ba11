// {{ cx.title() }}: {% if body.thresholds.is_none() %}the same value for every element{% else %}a step function of {% if body.comparisons == 1 %}one threshold{% else %}{{ body.comparisons }} thresholds, compared in parallel{% endif %}{% endif %}.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{{ cx.before(0) }}elements: for (int n = 0; n < {{ cx.elements() }}; n++) {
{{ cx.inside(0) }}
{{ cx.out_type() }} result = {{ cx.constant(body.values) }}[0];
{%- if let Some(thresholds) = body.thresholds %}
const {{ cx.ty(thresholds.compared) }} value = input[n];
{{ cx.before(1) }}thresholds: for (int b = 0; b < {{ body.comparisons }}; b++) {
{{ cx.inside(1) }}
if (value >= {{ cx.constant(thresholds.constant) }}[b]) {
result = {{ cx.constant(body.values) }}[b + 1];
}
}
{%- endif %}
output[n] = result;
}
}
