{%- match terms.signs %}
{%- when SignCodes::Negative with (negative) %}
if ({{ cx.constant(negative) }}[{{ cx.entry(body) }}] != 0) {
sum -= {{ term }};
} else {
sum += {{ term }};
}
{%- when SignCodes::Sign with (sign) %}
if ({{ cx.constant(sign) }}[{{ cx.entry(body) }}] > 0) {
sum += {{ term }};
} else if ({{ cx.constant(sign) }}[{{ cx.entry(body) }}] < 0) {
sum -= {{ term }};
}
{%- endmatch %}
