
{%- if body.tiles.inputs > 1 %}
{{ cx.array(cx.sum_type(body), "sums") }}
{%- endif %}
{%- if let Some(tiles) = outputs.tiles %}
{{ cx.before(level) }}{{ tiles }} {
{{ cx.inside(level) }}
{%- endif %}
{%- if let Some(tiles) = inputs.tiles %}
{{ cx.before(level + 1) }}{{ tiles }} {
{{ cx.inside(level + 1) }}
{%- endif %}
{%- if let Some(elements) = outputs.elements %}
{{ cx.before_unrolled() }}{{ elements }} {
{{ cx.inside_unrolled() }}
{%- endif %}
{%- if let Some(index) = outputs.index() %}
const int o = {{ index }};
{%- endif %}
{%- if inputs.tiles.is_some() %}
{{ cx.sum_type(body) }} {{ sum }} = 0;
{%- else %}
{{ cx.sum_type(body) }} {{ sum }} = {{ cx.first(body) }};
{%- endif %}
{%- if let Some(elements) = inputs.elements %}
{{ cx.before_unrolled() }}{{ elements }} {
{{ cx.inside_unrolled() }}
{%- endif %}
{%- if let Some(index) = inputs.index() %}
const int i = {{ index }};
{%- endif %}
{%- include "kernels/linear_term.cpp" %}
{%- if inputs.elements.is_some() %}
}
{%- endif %}

{%- if let Some(tiles) = inputs.tiles %}
{{ sum }} += {{ tiles.variable }} == 0 ? {{ cx.sum_type(body) }}({{ cx.first(body) }}) : {{ carried }};
{{ carried }} = {{ sum }};
if ({{ tiles.variable }} == {{ tiles.bound - 1 }}) {
{%- endif %}
{%- include "kernels/linear_result.cpp" %}
{%- if inputs.tiles.is_some() %}
}
{%- endif %}

{%- if outputs.elements.is_some() %}
}
{%- endif %}
{%- if inputs.tiles.is_some() %}
}
{%- endif %}
{%- if outputs.tiles.is_some() %}
}
{%- endif %}
