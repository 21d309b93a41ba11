// {{ cx.title() }}: softmax of {{ body.columns }} elements
{%- if body.rows > 1 %} in each of {{ body.rows }} rows{% endif %}, by lookup tables{{ cx.cost() }}.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{%- if body.rows > 1 %}
{{ cx.before(0) }}rows: for (int row = 0; row < {{ body.rows }}; row++) {
{{ cx.inside(0) }}
{%- endif %}
{{ cx.in_type() }} largest = input[{{ cx.at(body.rows, body.columns, "0") }}];
{{ cx.before(1) }}maximum: for (int n = 0; n < {{ body.columns }}; n++) {
{{ cx.inside(1) }}
if (input[{{ cx.at(body.rows, body.columns, "n") }}] > largest) {
largest = input[{{ cx.at(body.rows, body.columns, "n") }}];
}
}

// exp(x - max), none above 1, and their sum. The tables hold exp(-difference).
{{ cx.array(cx.ty(body.exp), "exponentials") }}
{{ cx.ty(body.sum) }} sum = 0;
{{ cx.before(1) }}exponents: for (int n = 0; n < {{ body.columns }}; n++) {
{{ cx.inside(1) }}
const {{ cx.ty(body.difference) }} difference = largest - input[{{ cx.at(body.rows, body.columns, "n") }}];
{%- for table in body.exp_tables %}
const {{ cx.unsigned(table.width) }} address_{{ loop.index }} = {{ cx.bits("difference", table.low, table.width) }};
{%- endfor %}
{%- for table in body.exp_tables %}
{%- if loop.first %}
{{ cx.ty(body.exp) }} exponential = {{ cx.constant(table.table) }}[address_1.to_uint()];
{%- else %}
exponential = exponential * {{ cx.constant(table.table) }}[address_{{ loop.index }}.to_uint()];
{%- endif %}
{%- endfor %}
exponentials[n] = exponential;
sum += exponential;
}

// sum = mantissa * 2^norm_shift, with a mantissa from 1 to below 2.
{{ cx.ty(body.mantissa) }} mantissa = sum;
{{ cx.count(body.norm_shift) }} norm_shift = 0;
{%- if body.norm_shift > 0 %}
{{ cx.before_unrolled() }}normalized: for (int h = 0; h < {{ body.norm_shift }}; h++) {
{{ cx.inside_unrolled() }}
if (mantissa >= 2) {
mantissa = mantissa >> 1;
norm_shift = norm_shift + 1;
}
}
{%- endif %}

// 1 / mantissa = estimate / (1 - error) with an estimate from the reciprocal table; the terms beyond
// error^2 are below one LSB. Shifted by norm_shift, it is the reciprocal of the sum.
const {{ cx.ty(body.index) }} index = mantissa - {{ cx.ty(body.mantissa) }}(1);
{{ cx.address("index", body.index) }}
const {{ cx.type_of(body.reciprocal_table) }} estimate = {{ cx.constant(body.reciprocal_table) }}[address.to_uint()];
const {{ cx.ty(body.error) }} error = {{ cx.ty(body.mantissa) }}(1) - mantissa * estimate;
const {{ cx.ty(body.correction) }} correction = error + error * error;
const {{ cx.ty(body.reciprocal) }} reciprocal = estimate + estimate * correction;
{{ cx.ty(body.factor) }} factor = reciprocal;
factor = factor >> norm_shift;
{{ cx.before(1) }}probabilities: for (int n = 0; n < {{ body.columns }}; n++) {
{{ cx.inside(1) }}
output[{{ cx.at(body.rows, body.columns, "n") }}] = exponentials[n] * factor;
}
{%- if body.rows > 1 %}
}
{%- endif %}
}
