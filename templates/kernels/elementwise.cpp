// {{ cx.title() }}: {{ cx.kernel.operation }}, element by element{{ cx.cost() }}.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{{ cx.before(0) }}elements: for (int n = 0; n < {{ cx.elements() }}; n++) {
{{ cx.inside(0) }}
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
