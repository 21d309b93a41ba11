
{%- for remainder in remainders %}
{%- let name = remainder.text() %}
{%- let of_rows = remainder.counter == Counter::Row %}
{%- if of_rows && has_columns %}
if (x == {{ grid[1] - 1 }}) {
{%- endif %}
if ({{ remainder.counter.name() }} == {% if of_rows %}{{ grid[0] - 1 }}{% else %}{{ grid[1] - 1 }}{% endif %} || {{ name }} == {{ remainder.by - 1 }}) {
{{ name }} = 0;
} else {
{{ name }}++;
}
{%- if of_rows && has_columns %}
}
{%- endif %}
{%- endfor %}
