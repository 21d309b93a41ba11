// {{ cx.title() }}: {{ body.inputs }} x {{ body.outputs }} weights
{%- if body.rows > 1 %} for each of {{ body.rows }} rows{% endif %}: {{ cx.operations(body.operations) }}.
{%- block how %}{% endblock %}
{{ cx.signature() }}
{{ cx.pragmas() }}
{%- if body.rows > 1 %}
{{ cx.open("rows", "row", body.rows) }}
{%- endif %}
{{ cx.open("outputs", "o", body.outputs) }}
{%- block sum %}{% endblock %}
}
{%- if body.rows > 1 %}
}
{%- endif %}
}
