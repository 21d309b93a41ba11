// {{ cx.title() }}: softmax of {{ body.columns }} elements
{%- if body.rows > 1 %} in each of {{ body.rows }} rows{% endif %}, by tables.
{{ cx.signature() }}
{{ cx.pragmas() }}
{%- if body.rows > 1 %}
{{ cx.outer("rows", "row", body.rows) }}
{%- endif %}
{{ cx.in_type() }} largest = input[{{ cx.at(body.rows, body.columns, "0") }}];
{{ cx.level(1, "maximum", "n", body.columns) }}
if (input[{{ cx.at(body.rows, body.columns, "n") }}] > largest) {
largest = input[{{ cx.at(body.rows, body.columns, "n") }}];
}
}

// Exponentials of the distances from the largest element, none above 1, and their sum.
{{ cx.ty(body.exp) }} exponentials[{{ body.columns }}];
{{ cx.local_array("exponentials", body.columns, 1) }}
{{ cx.ty(body.sum) }} sum = 0;
{{ cx.level(1, "exponents", "n", body.columns) }}
const {{ cx.ty(body.exp_index) }} distance = largest - input[{{ cx.at(body.rows, body.columns, "n") }}];
const {{ cx.unsigned(body.exp_address_width) }} address = {{ cx.code("distance", body.exp_address_width) }};
exponentials[n] = {{ cx.constant(body.exp_table) }}[address.to_uint()];
sum += exponentials[n];
}

// The sum as 2^halvings times a mantissa from 1 to below 2.
{{ cx.ty(body.mantissa) }} mantissa = sum;
{{ cx.unsigned(body.count_width) }} halvings = 0;
{%- if body.halvings > 0 %}
{{ cx.open("normalise", "h", body.halvings) }}
if (mantissa >= 2) {
mantissa = mantissa >> 1;
halvings = halvings + 1;
}
}
{%- endif %}

// The reciprocal of the sum: that of the mantissa from a table, halved as often.
const {{ cx.ty(body.inverse_index) }} fraction = mantissa - {{ cx.ty(body.mantissa) }}(1);
const {{ cx.unsigned(body.inverse_address_width) }} address = {{ cx.code("fraction", body.inverse_address_width) }};
{{ cx.ty(body.factor) }} factor = {{ cx.constant(body.inverse_table) }}[address.to_uint()];
factor = factor >> halvings;
{{ cx.level(1, "probabilities", "n", body.columns) }}
output[{{ cx.at(body.rows, body.columns, "n") }}] = exponentials[n] * factor;
}
{%- if body.rows > 1 %}
}
{%- endif %}
}
