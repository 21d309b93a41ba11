// {{ cx.title() }}: a lookup table of {{ body.entries }} values
{%- if body.dropped > 0 %}; the lowest {{ body.dropped }} bits of an element do not change the value{% endif %}.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{%- if let Some(low) = body.low %}
const {{ cx.ty(body.compared) }} low = {{ cx.number(low) }};
{%- endif %}
{%- if let Some(high) = body.high %}
const {{ cx.ty(body.compared) }} high = {{ cx.number(high) }};
{%- endif %}
{%- if let (Some(base), None) = (body.base.as_ref(), body.low.as_ref()) %}
const {{ cx.ty(body.compared) }} low = {{ cx.number(base) }};
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
const {{ cx.ty(body.offset) }} offset = value{% if body.base.is_some() %} - low{% endif %};
{{ cx.address("offset", body.offset) }}
output[n] = {{ cx.constant(body.values) }}[address.to_uint()];
}
}
