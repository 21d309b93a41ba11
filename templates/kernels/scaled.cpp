
{%- match factors %}
{%- when Factors::Numbers with { constant } %}
output[{{ at }}] = input[{{ at }}] * {{ cx.constant(constant) }}[{{ index }}]{% if !bias.is_empty() %} + {{ bias }}{% endif %};
{%- when Factors::Powers with { shift, signs } %}
const {{ cx.ty(shift.element) }} shifted = {{ cx.shifted(shift, cx.input_at(at), index) }};
{%- match signs %}
{%- when FactorSigns::Plus %}
output[{{ at }}] = {{ cx.plus(bias) }};
{%- when FactorSigns::Minus %}
output[{{ at }}] = {{ cx.minus(bias) }};
{%- when FactorSigns::Each with (SignCodes::Negative(negative)) %}
if ({{ cx.constant(negative) }}[{{ index }}] != 0) {
output[{{ at }}] = {{ cx.minus(bias) }};
} else {
output[{{ at }}] = {{ cx.plus(bias) }};
}
{%- when FactorSigns::Each with (SignCodes::Sign(sign)) %}
if ({{ cx.constant(sign) }}[{{ index }}] > 0) {
output[{{ at }}] = {{ cx.plus(bias) }};
} else if ({{ cx.constant(sign) }}[{{ index }}] < 0) {
output[{{ at }}] = {{ cx.minus(bias) }};
} else {
output[{{ at }}] = {% if bias.is_empty() %}0{% else %}{{ bias }}{% endif %};
}
{%- endmatch %}
{%- endmatch %}
