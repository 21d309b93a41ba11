// {{ cx.title() }}: {{ body.name() }}, element by element.
{{ cx.signature() }}
{{ cx.pragmas() }}
{{ cx.outer("elements", "n", body.elements) }}
{%- match body.compared %}
{%- when Some with (compared) %}
{%- for input in cx.inputs() %}
{%- if loop.first %}
{{ cx.ty(compared) }} result = {{ input }}[n];
{%- else %}
const {{ cx.ty(compared) }} other_{{ loop.index0 }} = {{ input }}[n];
if (other_{{ loop.index0 }} {{ body.operator() }} result) {
result = other_{{ loop.index0 }};
}
{%- endif %}
{%- endfor %}
output[n] = result;
{%- when None %}
output[n] = {% for input in cx.inputs() %}{% if !loop.first %} {{ body.operator() }} {% endif %}{{ input }}[n]{% endfor %};
{%- endmatch %}
}
}
