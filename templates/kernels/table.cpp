// {{ cx.title() }}: a table of {{ body.entries }} values
{%- if body.dropped > 0 %}; the last {{ body.dropped }} bits of an element make no difference{% endif %}.
{{ cx.signature() }}
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
{{ cx.open("elements", "n", body.elements) }}
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
{%- if body.base.is_some() %}
const {{ cx.ty(body.offset) }} offset = value - low;
{%- else %}
const {{ cx.ty(body.offset) }} offset = value;
{%- endif %}
const {{ cx.unsigned(body.address_width) }} address = {{ cx.code("offset", body.address_width) }};
output[n] = {{ cx.constant(body.values) }}[address.to_uint()];
}
}
