// {{ cx.title() }}: {% if body.is_zero() %}zeros{% else %}elements by index{% if body.has_zeros() %}, zeros where it is -1{% endif %}{% endif %}.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{%- if !body.is_zero() %}
static const int indices[{{ body.indices.len() }}] = {
{{ cx.indices(body.indices) }}
};
{%- endif %}
{{ cx.before(0) }}elements: for (int n = 0; n < {{ body.indices.len() }}; n++) {
{{ cx.inside(0) }}
{%- if body.is_zero() %}
output[n] = {{ cx.out_type() }}(0);
{%- else if body.has_zeros() %}
output[n] = indices[n] < 0 ? {{ cx.in_type() }}(0) : input[indices[n]];
{%- else %}
output[n] = input[indices[n]];
{%- endif %}
}
}
