
{%- match body.terms %}
{%- when Terms::Products with { .. } %}
{%- when Terms::Signs with { signs, shifted } %}
// Weights are {{ cx.signs(signs) }}
{%- if shifted.is_some() %} times a power of two, by which the sum is shifted{% endif %}.
{%- when Terms::Shifts with { signs, .. } %}
// Weights are {{ cx.signs(signs) }} times powers of two.
{%- when Terms::Xnor with { .. } %}
// Both factors are a sign times a power of two: only products below 0 are counted.
{%- endmatch %}
