// {{ cx.title() }}: its inputs one behind the other{% if body.rows > 1 %} in each of {{ body.rows }} rows{% endif %}.
{{ cx.signature() }}
{{ cx.pragmas() }}
{%- if body.rows > 1 %}
{{ cx.outer("rows", "row", body.rows) }}
{%- endif %}
{%- for part in body.parts %}
{%- let input = cx.input(loop.index0) %}
{{ cx.level(1, format!("from_{input}"), "n", part.columns) }}
output[{% if body.rows > 1 %}row * {{ body.columns }} + {% endif %}{{ part.first }} + n] = {{ input }}[{{ cx.at(body.rows, part.columns, "n") }}];
}
{%- endfor %}
{%- if body.rows > 1 %}
}
{%- endif %}
}
