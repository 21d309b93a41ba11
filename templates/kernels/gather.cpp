// {{ cx.title() }}: elements in other places{% if body.has_zeros() %}, zeros where the place is -1{% endif %}.
{{ cx.signature() }}
{{ cx.pragmas() }}
static const int places[{{ body.places.len() }}] = {
{{ cx.places(body.places) }}
};
{{ cx.outer("elements", "n", body.places.len()) }}
{%- if body.has_zeros() %}
output[n] = places[n] < 0 ? {{ cx.in_type() }}(0) : input[places[n]];
{%- else %}
output[n] = input[places[n]];
{%- endif %}
}
}
