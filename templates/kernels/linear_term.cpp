
{%- match body.terms %}
{%- when Terms::Products with { weights, sparse } %}
{%- if sparse %}
if ({{ cx.constant(weights) }}[{{ entry }}] != 0) {
{{ sum }} += {{ operand }} * {{ cx.constant(weights) }}[{{ entry }}];
}
{%- else %}
{{ sum }} += {{ operand }} * {{ cx.constant(weights) }}[{{ entry }}];
{%- endif %}
{%- when Terms::Signs with { signs, .. } %}
{%- let term = operand.as_str() %}
{%- include "kernels/linear_signed.cpp" %}
{%- when Terms::Shifts with { signs, shift } %}
const {{ cx.ty(shift.element) }} term = {{ cx.shifted(shift, operand, entry) }};
{%- let term = "term" %}
{%- include "kernels/linear_signed.cpp" %}
{%- when Terms::Xnor with { negative, .. } %}
const bool negative = {{ cx.constant(negative) }}[{{ entry }}] != 0;
{{ sum }} += {{ cx.bit() }}(({{ operand }} < 0) != negative);
{%- endmatch %}
