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
const {{ cx.ty(body.distance) }} distance = largest - input[{{ cx.at(body.rows, body.columns, "n") }}];
{%- for factor in body.exponents %}
const {{ cx.unsigned(factor.width) }} address_{{ loop.index }} = {{ cx.bits("distance", factor.low, factor.width) }};
{%- endfor %}
{%- for factor in body.exponents %}
{%- if loop.first %}
{{ cx.ty(body.exp) }} exponential = {{ cx.constant(factor.table) }}[address_1.to_uint()];
{%- else %}
exponential = exponential * {{ cx.constant(factor.table) }}[address_{{ loop.index }}.to_uint()];
{%- endif %}
{%- endfor %}
exponentials[n] = exponential;
sum += exponential;
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

// The reciprocal of the mantissa r / (1 - e), from a rough one r and its error e; what e * e * e adds is
// less than a step. Halved as often, it is the reciprocal of the sum.
const {{ cx.ty(body.seed_index) }} index = mantissa - {{ cx.ty(body.mantissa) }}(1);
const {{ cx.unsigned(body.seed_address_width) }} address = {{ cx.code("index", body.seed_address_width) }};
const {{ cx.ty(body.seed) }} rough = {{ cx.constant(body.seeds) }}[address.to_uint()];
const {{ cx.ty(body.error) }} error = {{ cx.ty(body.mantissa) }}(1) - mantissa * rough;
const {{ cx.ty(body.correction) }} correction = error + error * error;
const {{ cx.ty(body.reciprocal) }} reciprocal = rough + rough * correction;
{{ cx.ty(body.factor) }} factor = reciprocal;
factor = factor >> halvings;
{{ cx.level(1, "probabilities", "n", body.columns) }}
output[{{ cx.at(body.rows, body.columns, "n") }}] = exponentials[n] * factor;
}
{%- if body.rows > 1 %}
}
{%- endif %}
}
