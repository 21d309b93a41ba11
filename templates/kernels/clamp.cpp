// {{ cx.title() }}: values clamped to limits.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{%- if let Some(low) = body.low %}
const {{ cx.ty(body.compared) }} low = {{ cx.number(low) }};
{%- endif %}
{%- if let Some(high) = body.high %}
const {{ cx.ty(body.compared) }} high = {{ cx.number(high) }};
{%- endif %}
{{ cx.before(0) }}elements: for (int n = 0; n < {{ cx.elements() }}; n++) {
{{ cx.inside(0) }}
{{ cx.ty(body.compared) }} value = input[n];
{%- if body.low.is_some() %}
if (value < low) {
value = low;
}
{%- endif %}
{%- if body.high.is_some() %}
if (value > high) {
value = high;
}
{%- endif %}
output[n] = value;
}
}
