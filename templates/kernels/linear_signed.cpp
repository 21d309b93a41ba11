
{%- match signs %}
{%- when SignCodes::Negative with (negative) %}
if ({{ cx.constant(negative) }}[{{ entry }}] != 0) {
{{ sum }} -= {{ term }};
} else {
{{ sum }} += {{ term }};
}
{%- when SignCodes::Sign with (sign) %}
if ({{ cx.constant(sign) }}[{{ entry }}] > 0) {
{{ sum }} += {{ term }};
} else if ({{ cx.constant(sign) }}[{{ entry }}] < 0) {
{{ sum }} -= {{ term }};
}
{%- endmatch %}
