
{%- match factors %}
{%- when Factors::Numbers with (numbers) %}
output[{{ at }}] = input[{{ at }}] * {{ cx.constant(numbers.constant) }}[{{ index }}]{% if !offset.is_empty() %} + {{ offset }}{% endif %};
{%- when Factors::Powers with (powers) %}
const {{ cx.ty(powers.places.wide) }} moved = {{ cx.moved(powers.places, cx.input_at(at), index) }};
{%- match powers.signs %}
{%- when FactorSigns::Plus %}
output[{{ at }}] = {{ cx.plus(offset) }};
{%- when FactorSigns::Minus %}
output[{{ at }}] = {{ cx.minus(offset) }};
{%- when FactorSigns::Each with (SignCodes::Negative(negative)) %}
if ({{ cx.constant(negative) }}[{{ index }}] != 0) {
output[{{ at }}] = {{ cx.minus(offset) }};
} else {
output[{{ at }}] = {{ cx.plus(offset) }};
}
{%- when FactorSigns::Each with (SignCodes::Sign(sign)) %}
if ({{ cx.constant(sign) }}[{{ index }}] > 0) {
output[{{ at }}] = {{ cx.plus(offset) }};
} else if ({{ cx.constant(sign) }}[{{ index }}] < 0) {
output[{{ at }}] = {{ cx.minus(offset) }};
} else {
output[{{ at }}] = {% if offset.is_empty() %}0{% else %}{{ offset }}{% endif %};
}
{%- endmatch %}
{%- endmatch %}
