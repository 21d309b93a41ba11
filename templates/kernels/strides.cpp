// {{ cx.title() }}: elements in another order{% if !present.is_empty() %}, zeros around them{% endif %}.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{%- for axis in axes %}
{{ cx.before(loop.index0) }}{{ axis.label }}: for (int {{ axis.variable }} = 0; {{ axis.variable }} < {{ axis.bound }}; {{ axis.variable }}++) {
{{ cx.inside(loop.index0) }}
{%- endfor %}
{%- if present.is_empty() %}
output[{{ output }}] = input[{{ input }}];
{%- else %}
output[{{ output }}] = {{ present }} ? input[{{ input }}] : {{ cx.in_type() }}(0);
{%- endif %}
{%- for axis in axes %}
}
{%- endfor %}
}
