// {{ cx.title() }}: its inputs concatenated{% if body.rows > 1 %} in each of {{ body.rows }} rows{% endif %}.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{%- if body.rows > 1 %}
{{ cx.before(0) }}rows: for (int row = 0; row < {{ body.rows }}; row++) {
{{ cx.inside(0) }}
{%- endif %}
{%- for operand in body.operands %}
{%- let input = cx.input(loop.index0) %}
{{ cx.before(1) }}from_{{ input }}: for (int n = 0; n < {{ operand.columns }}; n++) {
{{ cx.inside(1) }}
output[{% if body.rows > 1 %}row * {{ body.columns }} + {% endif %}{% if operand.first > 0 %}{{ operand.first }} + {% endif %}n] = {{ input }}[{{ cx.at(body.rows, operand.columns, "n") }}];
}
{%- endfor %}
{%- if body.rows > 1 %}
}
{%- endif %}
}
