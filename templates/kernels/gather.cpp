// {{ cx.title() }}: elements by index{% if body.has_zeros() %}, zeros where it is -1{% endif %}.
{{ cx.signature() }} {
{{ cx.pragmas() }}
static const int indices[{{ body.indices.len() }}] = {
{{ cx.indices(body.indices) }}
};
{{ cx.before(0) }}elements: for (int n = 0; n < {{ body.indices.len() }}; n++) {
{{ cx.inside(0) }}
{%- if body.has_zeros() %}
output[n] = indices[n] < 0 ? {{ cx.in_type() }}(0) : input[indices[n]];
{%- else %}
output[n] = input[indices[n]];
{%- endif %}
}
}
